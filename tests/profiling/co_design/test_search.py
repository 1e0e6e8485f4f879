"""The chip search: every chip that it proposes can be built, and none of its grid is better."""

from contextlib import suppress
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_settings import sample_setting

from rooflink.profiling.co_design.chip_search import (
    GRID,
    HIGH,
    LOW,
    UNCAPPED,
    Caps,
    Design,
    SearchProblem,
    best_design,
    factors_of,
    grid_of,
    reference_design,
    search_problem,
    shares_of,
    sweep,
)
from rooflink.profiling.co_design.memory_stacks import stacks
from rooflink.profiling.co_design.search_report import design_searches, ended_against
from rooflink.profiling.co_design.workload_mix import (
    PREFILL_HEAVY,
    SEQUENCES,
    MixedWorkload,
    mix_of,
    mix_times,
    mix_work,
    parse_mix,
)
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.arrays import mapped
from rooflink.profiling.predicted.energy import design_power_of
from rooflink.profiling.records.base import ratio
from rooflink.profiling.records.codesign import ChipDesign, DesignSearch

MIX = parse_mix(
    """
[[workload]]
share = 1
prompt = 100
think = 0
answer = 100
[[workload]]
share = 3
prompt = 512
think = 2048
answer = 128
""",
    "mix.toml",
)


@pytest.fixture(scope="module")
def ground() -> SearchProblem:
    known = sample_setting()
    return search_problem(known, mix_work(known.point, MIX))


def capped(**caps: float) -> Caps:
    return UNCAPPED | caps  # type: ignore[operator,no-any-return]


OWN = {"area": 330.0, "watts": 200.0, "usd": 4500.0}
"""About what the sample's chip, a v5e, takes."""


def test_the_sweep_is_each_design_by_itself(ground: SearchProblem) -> None:
    grid = grid_of((2, 2, 2))
    times = np.asarray(sweep(ground, grid, UNCAPPED))
    assert times.shape == (8 * 12 * len(stacks()), len(SEQUENCES))
    for i in (0, 100, 250, 600):
        one = mapped(lambda leaf, i=i: leaf[i], grid)
        assert isinstance(one, Design)
        alone, token = mix_times(ground.mixed, ground.hardware, ground.on_chip, ground.efficiency,
                                 factors_of(ground, one))  # fmt: skip
        held_bytes = one.count * stacks()[one.kind].capacity_bytes
        allowed = np.asarray(token) <= float(ground.slowest_token_s)
        allowed &= held_bytes >= np.asarray(ground.mixed.needed_bytes)
        allowed &= all(share <= 1 for share in shares_of(ground, one, UNCAPPED).values())
        np.testing.assert_allclose(times[i], np.where(allowed, alone, np.inf), rtol=1e-5)


@pytest.mark.parametrize("kind", list(OWN))
def test_a_best_chip_spends_its_budget_and_beats_the_grid(ground: SearchProblem, kind: str) -> None:
    caps = capped(**{kind: OWN[kind] * 1.5, "watts": min(OWN["watts"] * 1.5, 1000.0)})
    best = best_design(ground, caps)
    assert best.time_s <= np.asarray(sweep(ground, grid_of(), caps)).min()
    shares = {name: float(share) for name, share in shares_of(ground, best.design, caps).items()}
    assert max(shares.values()) <= 1
    assert max(shares["watts"], shares[kind]) > 0.98


def test_finer_grids_find_what_a_dense_one_has(ground: SearchProblem) -> None:
    caps = capped(area=600.0, watts=500.0)
    dense = np.asarray(sweep(ground, grid_of((33, 7, 15)), caps)).min()
    assert best_design(ground, caps).time_s <= dense * 1.005


def test_more_budget_is_never_slower(ground: SearchProblem) -> None:
    times = [best_design(ground, capped(usd=usd)).time_s for usd in (4500.0, 6000.0, 9000.0)]
    assert all(more <= less * 1.002 for less, more in pairwise(times))


def test_the_chip_itself_in_stacks_is_not_beaten_by_much_less(ground: SearchProblem) -> None:
    """As much area and power as the chip has serve no worse."""
    reference = reference_design(ground)
    assert best_design(ground, capped(**OWN)).time_s <= reference.time_s


def assert_buildable(search: DesignSearch, chip: ChipDesign) -> None:
    """By the words and figures of the record alone, with plain numbers."""
    count, kind = chip.memory.replace("stacks", "stack").split(" stack, ")
    (one,) = [stack for stack in stacks() if stack.words == kind]
    assert 1 <= int(count) <= 12
    assert chip.hbm_capacity == pytest.approx(int(count) * one.capacity_bytes)
    assert chip.hbm_bandwidth == pytest.approx(int(count) * one.bandwidth)
    assert chip.hbm_capacity >= 16e9
    die_mm2 = chip.area_mm2 / chip.dies
    assert die_mm2 <= 858
    long_mm = min(33.0, (die_mm2 * 1.7) ** 0.5)
    assert int(count) <= 2 * chip.dies * int(long_mm / one.edge_mm + 1e-6)
    assert chip.area_mm2 + int(count) * one.footprint_mm2 <= 0.9 * 4719 * 1.0001
    assert chip.link_bandwidth / 1e9 <= 110 * 2 * die_mm2 / long_mm * 1.0001
    took = {"area": chip.area_mm2, "watts": chip.watts, "usd": chip.usd}
    assert "watts" in search.caps
    for cap, most in search.caps.items():
        assert took[cap] <= most * 1.0001
    for name, low, high in zip(
        ("matrix_flops", "on_chip_capacity", "link_bandwidth"), LOW, HIGH, strict=True
    ):
        factor = getattr(chip, name) / getattr(search.reference, name)
        assert low * 0.999 <= factor <= high * 1.001


BUDGETS = st.dictionaries(st.sampled_from(list(OWN)), st.floats(0.7, 20.0), min_size=1, max_size=3)
WORKLOADS = st.builds(
    MixedWorkload, share=st.just(1.0), prompt=st.floats(1, 1e5), think=st.floats(0, 1e5),
    answer=st.floats(1, 1e4), attempts=st.floats(1, 64),
)  # fmt: skip
PLACES = st.sampled_from([("llama3-8b", "v5e-8"), ("llama3-8b", "h100-1"), ("llama3-70b", "v5p-16"),
                          ("gpt-oss-120b", "v6e-8")])  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(BUDGETS, WORKLOADS, PLACES)
def test_every_proposed_chip_can_be_built(
    budget: dict[str, float], workload: MixedWorkload, place: tuple[str, str]
) -> None:
    case = sample_setting(*place, prompts=1.0)
    stated = {kind: factor * OWN[kind] for kind, factor in budget.items()}
    searches = []
    with suppress(ProfileInputError):  # where no chip is fast enough within so little
        searches = design_searches(case, [workload], stated)  # type: ignore[arg-type]
    for search in searches:
        assert_buildable(search, search.best)


@pytest.mark.parametrize("kind", ["area", "watts", "usd"])
@pytest.mark.parametrize("model", ["llama3-8b", "llama3-70b", "gpt-oss-120b"])
def test_chips_for_served_models_under_each_budget(model: str, kind: str) -> None:
    case = sample_setting(model, "v6e-16", prompts=1.0, attempts=8.0, think=4096.0)
    budget = {"area": 800.0, "watts": 700.0, "usd": 8000.0}[kind]
    for search in design_searches(case, mix_of(case.query), {kind: budget}):  # type: ignore[dict-item]
        assert_buildable(search, search.best)
        assert search.ended_against
        assert all(words in search.sentence for words in search.ended_against)


def test_reasoning_wants_bandwidth_where_prefill_wants_flops() -> None:
    reasoning, prefill = design_searches(sample_setting(), MIX, {"area": 500.0})
    assert prefill.mix == [PREFILL_HEAVY[0].words]
    intensity = [each.best.matrix_flops / each.best.hbm_bandwidth for each in (reasoning, prefill)]
    assert intensity[1] > 2 * intensity[0]
    assert reasoning.speedup.low <= reasoning.speedup.median <= reasoning.speedup.high
    assert sum(reasoning.spent.values()) == pytest.approx(
        reasoning.best.area_mm2 / reasoning.budget, rel=1e-3
    )
    assert reasoning.caps == {"area": 500.0, "watts": 1000.0}
    assert "within 500 mm² and 1,000 W a chip" in reasoning.sentence
    assert "the 500 mm²" in reasoning.sentence
    assert f"serve {ratio(reasoning.speedup.median)} the queries" in reasoning.sentence


def test_what_a_search_ended_against_is_said(ground: SearchProblem) -> None:
    for caps in (capped(usd=1e6, watts=1e5), capped(usd=4500.0), capped(watts=300.0)):
        best = best_design(ground, caps)
        ended = ended_against(ground, best, {k: v for k, v in caps.items() if np.isfinite(v)})
        shares = shares_of(ground, best.design, caps)
        assert ended
        assert ("the $4,500" in ended) == (caps["usd"] == 4500.0 and shares["usd"] > 0.98)
        assert ("the 300 W" in ended) == (caps["watts"] == 300.0)


def test_the_power_of_the_chip_that_is_there_is_its_design_power() -> None:
    """One power for one chip: published, or estimated from chips like it."""
    for where in ("v5e-8", "h100-1", "v4-8"):
        case = sample_setting("llama3-8b", where, prompts=1.0)
        power = design_power_of(case.slice.chip)
        assert power is not None
        searched, _ = design_searches(case, MIX)
        assert searched.reference.watts == pytest.approx(power.watts, rel=1e-3)


def test_an_impossible_budget_is_said(ground: SearchProblem) -> None:
    with pytest.raises(ProfileInputError, match=r"no chip fits a budget of 5 W .* the least that"):
        best_design(ground, capped(watts=5.0))


def test_the_grid_has_every_kind_and_number_of_stacks() -> None:
    grid = grid_of()
    pairs = set(zip(grid.kind.tolist(), grid.count.tolist(), strict=True))
    assert pairs == set(product(range(len(stacks())), np.arange(1.0, 13.0).tolist()))
    assert len(grid.kind) == len(pairs) * np.prod(GRID)
