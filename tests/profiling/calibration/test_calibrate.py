"""The fit finds the efficiencies that made-up measurements were made with, and says how surely."""

import numpy as np
import pytest

from rooflink.model.architecture import shape_of
from rooflink.model.config import preset
from rooflink.profiling.calibration.fit import (
    HeldOut,
    calibrate,
    folds,
    interval_of,
    residual_scales,
)
from rooflink.profiling.predicted.calibration import GROUPS, parse_calibration
from rooflink.profiling.predicted.cases import Case, Piece, predict_cases
from rooflink.profiling.predicted.hardware import IDEAL, hardware_of
from rooflink.profiling.predicted.step_work import Spread, step_work
from rooflink.profiling.predicted.time_model import step_terms
from rooflink.profiling.predicted.work import Widths, decode_load, prefill_load
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


def test_the_bare_roofline_has_no_interval(cases, calibration):
    ideal = predict_cases(cases[:1], ideal=True, calibration=calibration)[0].whole
    assert ideal.low == ideal.median == ideal.high < cases[0].observed


def test_every_row_is_held_out_with_its_whole_model(cases, calibrated):
    fold = folds(cases)
    assert len(np.unique(fold)) == 3
    lines = calibrated.held_out_csv.splitlines()
    assert lines[0] == "key,median,low,high"
    assert len(lines) == len(cases) + 1


def test_residual_scales_make_intervals_cover_what_they_say():
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1], 500)
    observed = np.where(group == 0, 0.1, 0.4) * rng.standard_normal(1000)
    held_out = HeldOut(log_median=np.zeros(1000), log_scale=np.full(1000, 0.05))
    scales = residual_scales(held_out, observed, group, np.zeros(len(GROUPS)))
    assert scales[0] == pytest.approx(np.sqrt(0.1**2 - 0.05**2), rel=0.15)
    low, high = interval_of(held_out, scales[group])
    for index in (0, 1):
        inside = (np.log(low) <= observed) & (observed <= np.log(high))
        assert inside[group == index].mean() == pytest.approx(0.8, abs=0.01)
    assert len(scales) == len(GROUPS)
    assert scales[5] == scales[:2].max()  # a group without rows is as unsure as the least sure
