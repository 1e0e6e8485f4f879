"""The fit finds the efficiencies that made-up measurements were made with, and says how surely."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rooflink.model.architecture import shape_of
from rooflink.model.config import preset
from rooflink.profiling.calibration.fit import calibrate
from rooflink.profiling.calibration.held_out import (
    HeldOut,
    all_residuals,
    cells_of,
    folds,
    interval_of,
    needed_scales,
    residual_scales,
    unseen_scales,
    weights_of,
)
from rooflink.profiling.calibration.optimum import Slopes, covariance_of, mode_of
from rooflink.profiling.predicted.calibration import parse_calibration
from rooflink.profiling.predicted.cases import Case, Piece, predict_cases
from rooflink.profiling.predicted.step.hardware import IDEAL, hardware_of
from rooflink.profiling.predicted.step.step_work import Spread, step_work
from rooflink.profiling.predicted.step.time_model import step_terms
from rooflink.profiling.predicted.step.work import Widths, decode_load, prefill_load
from rooflink.profiling.records.validation import FOLDS, WAYS, HeldOutErrors
from rooflink.tpu_configs.slice import parse_slice

BF16 = Widths(2.0, 2.0, 2.0)
MEMORY, COMPUTE = 0.6, 0.5
"""Shares with which the made-up machine works."""


def made_up(chip: str, model: str, batch: float, phase: str, noise: float) -> Case:
    over = parse_slice(chip)
    load = prefill_load(batch, 512.0) if phase == "prefill" else decode_load(batch, 1024.0)
    work = step_work(shape_of(preset(model)), load, BF16, Spread())
    ideal = step_terms(work, hardware_of(over.chip, "bfloat16"), IDEAL)
    share = COMPUTE if float(ideal.compute_s) > float(ideal.memory_s) else MEMORY
    return Case(
        id=f"{chip}:{model}:{batch}:{phase}", source="made up", stack="made up", group=phase,
        model=model, slice=over, matmul_dtype="bfloat16", narrowing=0.0,
        pieces=(Piece(phase, 1.0, work),), copies=1,
        observed=float(ideal.time_s) / share * float(np.exp(noise)), unit="s", reliability="A",
    )  # fmt: skip


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(3)
    return [
        made_up(chip, model, batch, phase, 0.03 * rng.standard_normal())
        for chip in ("h100", "a100")
        for model in ("llama2-7b", "qwen3-8b", "llama2-13b")
        for batch, phase in ((1.0, "decode"), (2.0, "decode"), (4.0, "decode"), (8.0, "prefill"))
    ]


@pytest.fixture(scope="module")
def calibrated(cases):
    return calibrate(cases)


@pytest.fixture(scope="module")
def calibration(calibrated):
    return parse_calibration(calibrated.calibration_json, "calibration.json")


def test_the_shares_are_found(calibration):
    found = calibration.efficiency("NVIDIA H100 SXM", "gpu", "made up")
    assert float(found.memory[0]) == pytest.approx(MEMORY, rel=0.1)
    assert float(found.compute[0]) == pytest.approx(COMPUTE, rel=0.1)


def test_rows_are_predicted_and_intervals_cover_them(cases, calibration):
    predicted = predict_cases(cases, calibration=calibration)
    predicted = [each.whole for each in predicted]
    error = [each.median / case.observed - 1 for case, each in zip(cases, predicted, strict=True)]
    assert np.median(np.abs(error)) < 0.05
    covered = [p.low <= case.observed <= p.high for case, p in zip(cases, predicted, strict=True)]
    assert np.mean(covered) >= 0.7


def test_a_chip_that_nobody_measured_has_a_wider_interval(calibration):
    known = made_up("h100", "llama2-7b", 1.0, "decode", 0.0)
    kin = made_up("h200", "llama2-7b", 1.0, "decode", 0.0)
    measured, borrowed = predict_cases([known, kin], calibration=calibration)
    assert borrowed.whole.high / borrowed.whole.low > measured.whole.high / measured.whole.low
    assert "no measurements of NVIDIA H200" in borrowed.basis
    assert "12 measurements of NVIDIA H100 SXM" in measured.basis


def test_kernels_of_an_unseen_format_are_like_their_librarys(cases):
    """Kernels of two libraries, one twice as slow; of each another format is asked for."""

    def of_library(library: str, form: str, slower: float) -> list[Case]:
        stack = f"vLLM {library} experts {form} kernels"
        return [replace(case, stack=stack, group="experts", observed=case.observed * slower)
                for case in cases[:12]]  # fmt: skip

    seen = [*of_library("Triton", "fp8", 2.0), *of_library("CUTLASS", "fp8", 1.0)]
    fit = parse_calibration(calibrate(seen).calibration_json, "calibration.json")
    unseen = (of_library(library, "bfloat16", 1.0)[0] for library in ("Triton", "CUTLASS", "Ours"))
    slow, fast, unknown = (one.whole.median for one in predict_cases([*unseen], calibration=fit))
    assert fast < unknown < slow
    assert slow > 1.2 * fast


def test_the_bare_roofline_has_no_interval(cases, calibration):
    ideal = predict_cases(cases[:1], ideal=True, calibration=calibration)[0].whole
    assert ideal.low == ideal.median == ideal.high < cases[0].observed


def test_every_row_is_held_out_with_its_whole_model_system_and_stack(cases, calibrated):
    sizes = {way: np.bincount(folds(cases, way)).tolist() for way in WAYS}
    assert sizes == {"model": [8, 8, 8], "system": [12, 12], "stack": [24]}
    lines = calibrated.held_out_csv.splitlines()
    assert lines[0] == (
        "key,model_median,model_low,model_high,system_median,system_low,system_high,"
        "stack_median,stack_low,stack_high"
    )
    assert len(lines) == len(cases) + 1


def test_the_smallest_units_share_a_fold(cases):
    """Units of 8, 4, 4, 4 and 4 rows in two folds: the large one with one of 4."""
    sizes = {"a": 8, "b": 4, "c": 4, "d": 4, "e": 4}
    many = [replace(cases[0], model=name) for name, count in sizes.items() for _ in range(count)]
    fold = folds(many, "model", most=2)
    assert fold.tolist() == [0] * 8 + [1] * 8 + [0] * 4 + [1] * 4
    assert folds(many[::-1], "model", most=2).tolist() == fold.tolist()[::-1]


def test_errors_of_the_files_are_of_the_rows_that_ship(cases):
    found = calibrate(cases[:12], cases[12:])
    errors = HeldOutErrors.model_validate_json(found.errors_json)
    assert errors.not_shipped_rows == 12
    assert errors.not_shipped_sources == ["made up"]
    fit = parse_calibration(found.calibration_json, "calibration.json")
    assert fit.rows == {"NVIDIA A100 80 GB SXM": 12, "NVIDIA H100 SXM": 12}
    for summed in (errors.shipped, errors.not_shipped):
        rows = {each.fold: each.rows for each in summed if each.by == "all"}
        assert rows == dict.fromkeys(FOLDS, 12)


def test_a_scale_is_what_eight_in_ten_rows_need():
    """An interval of 1.2816 scales just holds an error of as much; rows that need 1 .. 10."""
    spread = 1.2815515655446004
    held_out = HeldOut(log_median=np.zeros(10), log_scale=np.zeros(10))
    needed = needed_scales(held_out, spread * np.arange(1.0, 11.0))
    assert needed == pytest.approx(np.arange(1.0, 11.0))
    cells = [("decode, model",)] * 5 + [("decode, TPU v4", "decode, model")] * 5
    scales = residual_scales(needed, cells, np.zeros(10))
    assert scales == pytest.approx({"decode, model": 8.2, "decode, TPU v4": 9.2})
    fitted = residual_scales(needed, cells, np.array([5.0] * 5 + [-9.5] * 5) * spread)
    assert fitted == pytest.approx({"decode, model": 9.5, "decode, TPU v4": 9.5})
    parameters_alone = HeldOut(log_median=np.zeros(1), log_scale=np.array([3.0]))
    assert needed_scales(parameters_alone, np.array([5.0 * spread])) == pytest.approx([4.0])
    assert needed_scales(parameters_alone, np.array([2.0 * spread])) == pytest.approx([0.0])


def test_rows_of_one_sweep_count_for_fewer(cases):
    """Three that correlate by 0.4 have the variance of 3 / 1.8 = 1.67 independent ones."""
    swept = [replace(cases[0], group="tpot", note=load) for load in ("1", "2", "4")]
    others = [replace(cases[0], group="ttft"), cases[0], cases[0]]
    assert weights_of([*swept, *others]) == pytest.approx([1 / 1.8] * 3 + [1.0] * 3)


def test_many_rows_of_a_stack_on_a_chip_tell_of_it(cases):
    """50 of one stack and 20 of another, on one chip, and 10 on another chip; of six models, for of
    five they do not tell."""
    models = [replace(cases[0], model=f"model {number}") for number in range(6)]
    many = [models[row % 6] for row in range(50)]
    there = replace(cases[0], slice=parse_slice("a100"))
    rows = many + [replace(here, stack="vLLM") for here in many[:20]] + [there] * 10
    on_chip, everywhere = "decode, NVIDIA H100 SXM", "decode, model"
    expected = {(f"{on_chip} with made up", on_chip, everywhere): 50, (on_chip, everywhere): 20,
                (everywhere,): 10}  # fmt: skip
    assert Counter(cells_of(rows, "model")) == expected
    assert set(cells_of(rows, "system")) == {("decode, system",)}
    assert set(cells_of([models[row % 5] for row in range(50)], "model")) == {(everywhere,)}


def test_a_rows_own_error_does_not_widen_its_interval():
    """Each fold has the scale of the other's rows; one that is alone, or beside few, its cell's."""
    needed = np.array([1.0] * 10 + [5.0] * 10 + [7.0] * 40 + [9.0])
    cells = [("decode, model",)] * 20 + [("prefill, H100", "prefill, model")] * 41
    scales = unseen_scales(needed, cells, np.array([0] * 10 + [1] * 10 + [0] * 40 + [1]))
    assert scales.tolist() == [5.0] * 10 + [1.0] * 10 + [7.0] * 41


def test_a_group_without_rows_is_as_unsure_as_the_least_sure():
    by_way = {way: {f"decode, {way}": 0.1, f"matmul, {way}": 0.3} for way in WAYS}
    found = all_residuals(by_way)
    assert found["decode, system"] == 0.1
    assert found["energy, stack"] == 0.3


def test_residual_scales_make_intervals_cover_what_they_say():
    rng = np.random.default_rng(0)
    observed = np.repeat([0.1, 0.4], 500) * rng.standard_normal(1000)
    cells = [("decode, model",)] * 500 + [("prefill, model",)] * 500
    held_out = HeldOut(log_median=np.zeros(1000), log_scale=np.full(1000, 0.05))
    scales = residual_scales(needed_scales(held_out, observed), cells, np.zeros(1000))
    assert scales["decode, model"] == pytest.approx(np.sqrt(0.1**2 - 0.05**2), rel=0.15)
    low, high = interval_of(held_out, np.array([scales[cell] for (cell,) in cells]))
    inside = (np.log(low) <= observed) & (observed <= np.log(high))
    assert inside.reshape(2, 500).mean(axis=1) == pytest.approx([0.8, 0.8], abs=0.01)


def test_the_information_of_rows_is_the_sum_of_their_slopes_products():
    """Rows with slopes (2, 3, 0) and (5, 0, 7), weighing 1 and 0.5."""
    slopes = Slopes(np.array([[2.0, 5.0], [3.0, 7.0]]), np.array([[0, 0], [1, 2]]))
    dense = np.array([[2.0, 3.0, 0.0], [5.0, 0.0, 7.0]])
    weights = np.array([1.0, 0.5])
    expected = dense.T @ np.diag(weights) @ dense
    assert slopes.information(weights, 3) == pytest.approx(expected)


def test_the_mode_of_an_ill_conditioned_posterior_is_found():
    """A quadratic whose directions differ ten million times in curvature, and its covariance."""
    curvature, centre = np.diag([1e-3, 1.0, 1e4]), np.array([3.0, -2.0, 1.0])

    def objective(vector):
        slope = curvature @ (vector - centre)
        return 0.5 * float((vector - centre) @ slope), slope

    assert mode_of(objective, lambda _: curvature, np.zeros(3)) == pytest.approx(centre)
    assert covariance_of(curvature) == pytest.approx(np.diag([1e3, 1.0, 1e-4]))
