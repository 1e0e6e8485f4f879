"""One part's rows: the vectorised call equals the time model one design at a time."""

import numpy as np
import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.co_design import sweep as grids
from rooflink.profiling.co_design.chip_cost_model import PARTS, build_usd
from rooflink.profiling.co_design.costs import costs_of
from rooflink.profiling.co_design.design_point import fits, scaled
from rooflink.profiling.co_design.exploration_files import NAMES
from rooflink.profiling.co_design.sweep import (
    Grid,
    designs_of,
    named_in,
    parts_of,
    rows_of,
)
from rooflink.profiling.co_design.workload_on_slice import workload_on_slice
from rooflink.profiling.names import slice_named
from rooflink.profiling.predicted.arrays import mapped
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.step.collectives import Parallelism
from rooflink.profiling.predicted.step.time_model import step_terms

GRID = Grid(
    models=["llama3-8b"],
    slices=["v5e-8"],
    weight_dtypes=["int8"],
    prompt=[512.0],
    think=[2048.0],
    answer=[128.0],
    attempts=[4.0],
    sequences=[4.0, 256.0],
    matrix_flops=[1.0, 3.0],
    hbm_bandwidth=[0.5, 2.0],
    hbm_capacity=[1.0, 4.0],
)


def test_rows_equal_the_time_model_one_at_a_time() -> None:
    calibration = sample_calibration()
    (part,) = parts_of(GRID)
    rows = rows_of(GRID, part, named_in(GRID), calibration)
    assert not isinstance(rows, str)
    assert tuple(rows) == NAMES
    assert {len(values) for values in rows.values()} == {16}
    model, over = named_shape("llama3-8b"), slice_named("v5e-8")
    for n in range(16):
        lengths = Lengths(rows["sequences"][n] / 4, 4.0, 512.0, 2048.0, 128.0)
        known = workload_on_slice(
            "one",
            PredictionRequest(
                model=model, lengths=lengths, weight_dtype="int8", split=Parallelism(tensor=8)
            ),
            over,
            calibration,
        )
        factors = {name: rows[name][n] for name in PARTS}
        mode = mapped(lambda leaf: leaf[:1], known.draws)
        point = scaled(known.point, factors, known.costs)
        found = costs_of(point, mode)
        terms = step_terms(found.work, point.hardware, mode.efficiency, point.widths.narrowing)
        summed_s = float(terms.time_s.sum()) / float(lengths.prompts)
        assert rows["time_per_query_s"][n] == pytest.approx(summed_s, rel=1e-4)
        # Less than step by step where a phase's bound flips along it: of 256 sequences attention's
        # blocks take longest at first, and the growing cache at the end.
        seconds = float(found.time_s.sum()) / float(lengths.prompts)
        least = 0.95 if rows["sequences"][n] == 256 else 0.9998
        assert least * seconds <= rows["time_per_query_s"][n] <= 1.0001 * seconds
        joules = float(found.energy_j[:, 0].sum()) / float(lengths.prompts)
        wall_j = joules * known.terms.host_factor * known.terms.pue
        assert rows["wall_j_per_query"][n] == pytest.approx(wall_j, rel=1 - least + 1e-3)
        grams = rows["wall_j_per_query"][n] / 3.6e6 * known.terms.grid_g_per_kwh
        assert rows["gco2e_per_query"][n] == pytest.approx(grams)
        if rows["hbm_capacity"][n] == 1.0:
            assert rows["fits"][n] == bool(fits(known.point))


def test_the_chip_as_it_is_costs_its_own_price() -> None:
    calibration = sample_calibration()
    alone = GRID.model_copy(update={name: [1.0] for name in PARTS})
    (part,) = parts_of(alone)
    rows = rows_of(alone, part, named_in(alone), calibration)
    assert not isinstance(rows, str)
    lengths = Lengths(1.0, 4.0, 512.0, 2048.0, 128.0)
    asked = PredictionRequest(named_shape("llama3-8b"), lengths, weight_dtype="int8")
    known = workload_on_slice("one", asked, slice_named("v5e-8"), calibration)
    assert known.usd_per_second is not None
    usd = rows["time_per_query_s"] * known.usd_per_second
    np.testing.assert_allclose(rows["usd_per_query"], usd, rtol=1e-5)
    own = np.asarray(build_usd(known.costs.reference, known.costs.rates))[0]
    np.testing.assert_allclose(rows["build_usd"], own, rtol=1e-5)


def test_more_bandwidth_never_takes_longer_nor_less_money_to_build() -> None:
    (part,) = parts_of(GRID)
    rows = rows_of(GRID, part, named_in(GRID), sample_calibration())
    assert not isinstance(rows, str)
    slow, fast = rows["hbm_bandwidth"] == 0.5, rows["hbm_bandwidth"] == 2.0
    assert (rows["time_per_query_s"][fast] < rows["time_per_query_s"][slow]).all()
    assert (rows["build_usd"][fast] > rows["build_usd"][slow]).all()
    assert (rows["fits"] == (rows["needed_bytes"] <= 17.18e9 * rows["hbm_capacity"])).all()


def test_parts_have_every_design_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grids, "BLOCK", 3)
    parts = list(parts_of(GRID))
    assert [part.designs for part in parts] == [3, 3, 2]
    found = [
        tuple(designs_of(GRID, part)[name][i] for name in PARTS)
        for part in parts
        for i in range(part.designs)
    ]
    assert len(set(found)) == GRID.designs == 8
    assert found[0] == (1.0, 0.5, 1.0, 1.0, 1.0)
    assert found[1] == (1.0, 0.5, 4.0, 1.0, 1.0)


def test_a_model_that_no_slice_holds_says_so() -> None:
    big = GRID.model_copy(update={"models": ["llama3-70b"], "weight_dtypes": ["bfloat16"]})
    found = rows_of(big, next(parts_of(big)), named_in(big), sample_calibration())
    assert isinstance(found, str)
    assert "does not fit" in found or "GB" in found
