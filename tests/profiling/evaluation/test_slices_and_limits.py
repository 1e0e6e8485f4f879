"""Passes on a described slice, and limits of a question: against `predict`, and by hand."""

import numpy as np
import pytest
from pass_logs import CONFIG, record, sampled_log

from rooflink.model.architecture import shape_of
from rooflink.profiling.counted.unit_costs import unit_costs
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.evaluation.budgets import limit_of, parse_budget
from rooflink.profiling.evaluation.ledger import ledgers
from rooflink.profiling.predicted.model_shape import NamedShape
from rooflink.profiling.predicted.passes import OnSlice
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import predict_on_slice, query_of
from rooflink.tpu_configs.slice import parse_slice

SHAPE = shape_of(CONFIG)
UNITS = {"model": unit_costs(CONFIG, "float32")}
V5E = parse_slice("v5e-1")


def asked(lengths: Lengths) -> PredictionRequest:
    return PredictionRequest(NamedShape("tiny", SHAPE), lengths, weight_dtype="float32")


def on_slice(prompts: float, attempts: float, think: float) -> OnSlice:
    lengths = Lengths(prompts, attempts, 8.0, think, 1.0)
    return OnSlice(query_of(asked(lengths), V5E), {"model": SHAPE})


def test_passes_that_were_made_take_what_predict_says_of_their_lengths() -> None:
    """Two prompts of 8 with 3 attempts, of which each thinks 6 tokens in 5 passes."""
    log = sampled_log([8, 8], np.full((2, 3), 5))
    found = on_slice(2.0, 3.0, 6.0).prediction([log], 2)
    usual = predict_on_slice(asked(Lengths(2.0, 3.0, 8.0, 6.0, 1.0)), V5E)
    for made, said in zip(found.phases, usual.phases, strict=False):
        assert made.phase == said.phase
        assert made.flops == pytest.approx(said.flops, rel=1e-5)
        assert made.memory_bytes == pytest.approx(said.memory_bytes, rel=1e-5)
        assert made.time_s.median == pytest.approx(said.time_s.median, rel=0.01)
        assert made.energy_j is not None
        assert said.energy_j is not None
        assert made.energy_j.median == pytest.approx(said.energy_j.median, rel=0.01)


def test_passes_by_themselves_add_up_to_their_phase() -> None:
    """Nearly: a median of sums is no sum of medians, but all passes of a phase vary together."""
    log, on = sampled_log([8, 8], np.full((2, 3), 5)), on_slice(2.0, 3.0, 6.0)
    for made, each in zip(on.prediction([log], 2).phases, log.records, strict=True):
        prices = on.prices(each)
        assert prices.time_s.sum() == pytest.approx(made.time_s.median, rel=0.02)
        assert made.energy_j is not None
        assert prices.wall_j is not None
        joules = made.energy_j.median * on.factors.host_factor * on.factors.pue
        assert prices.wall_j.sum() == pytest.approx(joules, rel=0.02)


def test_ledgers_share_out_the_whole_prediction() -> None:
    log, on = sampled_log([8, 4], np.array([[5, 1], [2, 2]])), on_slice(2.0, 2.0, 5.0)
    prediction = on.prediction([log], 2)
    found = ledgers([log], UNITS, on, prediction)
    assert prediction.economics is not None
    whole = prediction.economics.whole
    for name in ("usd", "wall_j"):
        total = sum(getattr(e, name) for ledger in found.values() for e in ledger.entries)
        assert total == pytest.approx(getattr(whole, name).median)
    busy, quick = (sum(e.usd or 0.0 for e in found[q].entries) for q in (0, 1))
    assert busy > quick


def test_a_limit_in_flops() -> None:
    """A prefill of 8 positions, 36 pairs and one head; then each pass one position more."""
    unit = UNITS["model"]
    log = sampled_log([8], np.array([[4]]))
    prefill = 8 * unit.token.matmul_flops + 36 * unit.pair.matmul_flops + unit.head.matmul_flops
    first, second = log.records
    limit = limit_of(parse_budget(f"flops={prefill + 1}"), UNITS, None)
    assert limit(first) == [None]
    assert limit(second) == [f"{prefill + 1:g} FLOPs"]


@pytest.mark.parametrize("kind", ["joules", "usd", "seconds"])
def test_a_limit_in_what_a_slice_takes(kind: str) -> None:
    """One question alone has all of every pass: its limit is hit by the pass that reaches it."""
    on = on_slice(1.0, 1.0, 4.0)
    log = sampled_log([8], np.array([[4]]))
    prices = [on.prices(each) for each in log.records]
    of_pass = [
        getattr(p, {"joules": "wall_j", "usd": "usd", "seconds": "time_s"}[kind]) for p in prices
    ]
    before, after = of_pass[0].sum(), of_pass[1].sum()
    limit = limit_of(parse_budget(f"{kind}={before + 0.99 * after}"), UNITS, on)
    assert limit(log.records[0]) == [None]
    (name,) = limit(log.records[1])
    assert name is not None
    assert name.endswith({"joules": " J", "usd": " $", "seconds": " s"}[kind])


def test_a_question_waits_for_the_whole_pass_but_pays_its_share() -> None:
    on = on_slice(2.0, 1.0, 4.0)
    two = record("think", np.ones((1, 2, 1), int), np.array([8, 8]), np.zeros((1, 2, 1), int),
                 np.arange(2)[:, None])  # fmt: skip
    pass_s = float(on.prices(two).time_s[0])
    pass_usd = float((on.prices(two).usd if on.prices(two).usd is not None else np.zeros(1))[0])
    seconds = limit_of(parse_budget(f"seconds={0.9 * pass_s}"), UNITS, on)
    dollars = limit_of(parse_budget(f"usd={0.9 * pass_usd}"), UNITS, on)
    assert None not in seconds(two)
    assert dollars(two) == [None, None], "half of the pass each"


def test_tokens_are_the_models_own_limit() -> None:
    limit = limit_of(parse_budget("tokens=9"), UNITS, None)
    log = sampled_log([8], np.array([[4]]))
    assert [limit(each) for each in log.records] == [[None], ["9 tokens"]]


@pytest.mark.parametrize(
    "text", ["tokens", "flops=", "watts=3", "usd=-1", "seconds=inf", "flops=x", "tokens=1.5"]
)
def test_a_budget_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ProfileInputError, match="--budget is"):
        parse_budget(text)


def test_a_priced_budget_needs_a_slice() -> None:
    with pytest.raises(ProfileInputError, match="needs a --slice"):
        limit_of(parse_budget("usd=1"), UNITS, None)
