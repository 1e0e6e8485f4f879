"""What holds of every step, from one token to 10^12 and from one chip to 10^5: it takes a time, no
less than the bare roofline's, and faster chips, links and narrower numbers never make it longer."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_kinds import GEMMA_4, NEMOTRON_H, QWEN3_NEXT

from rooflink.model.architecture import shape_of
from rooflink.profiling.predicted.calibration import default_calibration
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.step.collectives import Parallelism
from rooflink.profiling.predicted.step.hardware import IDEAL, Hardware, hardware_of
from rooflink.profiling.predicted.step.step_work import Spread, spread_over, step_work
from rooflink.profiling.predicted.step.time_model import step_terms
from rooflink.profiling.predicted.step.work import Load, Widths
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.slice import Slice

MODELS = {
    "dense": named_shape("llama3-8b").shape, "experts": named_shape("qwen3-30b-a3b").shape,
    "latent": named_shape("deepseek-r1").shape, "windows": named_shape("gpt-oss-120b").shape,
    "delta net": shape_of(QWEN3_NEXT),
    "state space": shape_of(NEMOTRON_H), "unlike layers": shape_of(GEMMA_4),
}  # fmt: skip
SLICES = {
    "v5e": ((1, 1), (2, 4), (16, 16)),
    "v5p": ((4, 4, 4), (16, 16, 24)),
    "v6e": ((4, 8),),
    "h100": ((1,), (8,), (12_500, 8)),
    "b200": ((4,), (64, 8)),
    "mi300x": ((8,), (128, 8)),
}
FASTER = ("matmul_flops", "memory_bandwidth", "on_chip_bandwidth", "link_bandwidth")
SIZES = st.floats(0, 12).map(lambda power: 10.0**power)


class Case(NamedTuple):
    model: str
    chip: str
    spread: Spread
    load: Load
    widths: Widths
    stack: str | None


def _divisor(draw: st.DrawFn, number: int) -> int:
    return draw(st.sampled_from([d for d in range(1, min(number, 4096) + 1) if number % d == 0]))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A step of any size on a mesh that fills its slice."""
    chip = draw(st.sampled_from(sorted(SLICES)))
    sides = draw(st.sampled_from(SLICES[chip]))
    chips = math.prod(sides)
    tensor = _divisor(draw, chips)
    pipeline = _divisor(draw, chips // tensor)
    context = _divisor(draw, chips // tensor // pipeline)
    data = chips // tensor // pipeline // context
    expert = tensor * _divisor(draw, data) if draw(st.booleans()) else 1
    split = Parallelism(
        tensor=tensor, data=data, context=context, pipeline=pipeline, expert=expert,
        kv_by_sequences=draw(st.booleans()),
    )  # fmt: skip
    prefill = draw(st.booleans())
    load = Load(
        sequences=draw(SIZES), new_tokens=draw(SIZES) if prefill else 1.0, own_context=draw(SIZES),
        shared_context=draw(SIZES), sharers=draw(st.floats(1, 1e6)), head_positions=1.0,
    )  # fmt: skip
    weights = draw(st.sampled_from([2.0, 1.0, 0.5]))
    return Case(
        model=draw(st.sampled_from(sorted(MODELS))), chip=chip,
        spread=spread_over(Slice(load_chip(chip), sides), split), load=load,
        widths=Widths(weights, draw(st.sampled_from([2.0, 1.0])), 2.0),
        stack=draw(st.sampled_from([None, "vLLM", "a stack nobody measured"])),
    )  # fmt: skip


def hardware(case: Case) -> Hardware:
    return hardware_of(load_chip(case.chip), "bfloat16")


def seconds(case: Case, of: Hardware, ideal: bool = False) -> np.ndarray:
    """Of each draw of the calibration; of the bare roofline."""
    chip, tile = load_chip(case.chip), 1.0 if ideal else of.tile
    work = step_work(MODELS[case.model], case.load, case.widths, case.spread, tile)
    for name, amount in vars(work).items():
        assert np.isfinite(amount), name
        assert amount >= 0, name
    fitted = default_calibration().efficiency(chip.name, chip.kind, case.stack)
    reached = IDEAL if ideal else fitted
    return np.atleast_1d(step_terms(work, of, reached, case.widths.narrowing).time_s)


@given(cases())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_step_of_any_size_takes_a_time_and_no_less_than_the_roofline(case: Case) -> None:
    taken, ideal = seconds(case, hardware(case)), seconds(case, hardware(case), ideal=True)
    assert np.isfinite(taken).all()
    assert ideal > 0
    assert (taken >= ideal * (1 - 1e-9)).all()


@given(cases(), st.sampled_from(FASTER), st.floats(1, 100))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_faster_chip_or_link_never_takes_longer(case: Case, rate: str, factor: float) -> None:
    of = hardware(case)
    faster = replace(of, **{rate: getattr(of, rate) * factor})
    assert (seconds(case, faster) <= seconds(case, of) * (1 + 1e-9)).all()


@given(cases(), st.sampled_from(["weight_bytes", "kv_bytes", "activation_bytes"]))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_fewer_bytes_never_take_longer(case: Case, kind: str) -> None:
    fewer = case._replace(widths=replace(case.widths, **{kind: getattr(case.widths, kind) / 2}))
    assert (seconds(fewer, hardware(case)) <= seconds(case, hardware(case)) * (1 + 1e-9)).all()


@given(cases(), st.sampled_from(["sequences", "new_tokens", "own_context", "shared_context"]))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_more_of_a_load_never_takes_less(case: Case, what: str) -> None:
    more = case._replace(load=replace(case.load, **{what: getattr(case.load, what) * 2}))
    assert (seconds(more, hardware(case)) >= seconds(case, hardware(case)) * (1 - 1e-9)).all()


@pytest.mark.parametrize("model", sorted(MODELS))
def test_arrays_are_the_same_as_one_at_a_time(model: str) -> None:
    """A sweep's arrays go through the formulas that single predictions do."""
    shape, tokens = MODELS[model], np.array([1.0, 1e3, 1e6, 1e12])
    load = Load(tokens, 1.0, tokens, 0.0, 1.0, 1.0)
    widths = Widths(2.0, 2.0, 2.0)
    together = step_work(shape, load, widths, Spread(), 128.0)
    for n in range(len(tokens)):
        one = replace(load, sequences=tokens[n], own_context=tokens[n])
        alone = step_work(shape, one, widths, Spread(), 128.0)
        for name, amount in vars(alone).items():
            assert np.broadcast_to(getattr(together, name), 4)[n] == pytest.approx(amount), name
