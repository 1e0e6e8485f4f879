"""The co-design drawings: marks where the figures put them, and no label over another."""

import math
import random
import re
from collections.abc import Iterator
from itertools import combinations
from xml.etree import ElementTree

import pytest
from sample_codesign import bound_map as toy_map
from sample_codesign import case, sample_codesign

from rooflink.profiling.records.codesign import BoundMap, CodesignCase, ParetoPoint
from rooflink.profiling.render.plot_codesign_badges import apart
from rooflink.profiling.render.plot_codesign_hatch import runs, strokes
from rooflink.profiling.render.plot_codesign_map import FULL, KV, WEIGHTS, bound_map, kind, kinds_of
from rooflink.profiling.render.plot_codesign_pareto import pareto
from rooflink.profiling.render.plot_codesign_power import power
from rooflink.profiling.render.plot_codesign_roofline import lever_roofline
from rooflink.profiling.render.plot_codesign_tornado import idle_parameters, ranked, tornado
from rooflink.profiling.render.scale import Linear
from rooflink.profiling.render.svg import CHARACTER

SMALL = 5.6  # width of a character at 10.5 px


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.sub(r' xmlns="[^"]+"', "", drawing))


def boxes(drawing: str) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """Each label with its left, top, right and bottom."""
    for text in parsed(drawing).iter("text"):
        x, y, words = float(text.get("x", 0)), float(text.get("y", 0)), text.text or ""
        small = "small" in (text.get("class") or "")
        width = len(words) * (SMALL if small else CHARACTER)
        left = x - {"middle": width / 2, "end": width}.get(text.get("text-anchor", ""), 0.0)
        yield words, (left, y - (8 if small else 9.5), left + width, y + 1.5)


def overlapping(drawing: str) -> list[tuple[str, str]]:
    return [
        (one, two)
        for (one, a), (two, b) in combinations(boxes(drawing), 2)
        if a[0] < b[2] - 0.5 and b[0] < a[2] - 0.5 and a[1] < b[3] - 0.5 and b[1] < a[3] - 0.5
    ]


@pytest.fixture(scope="module")
def sample() -> CodesignCase:
    return case("small", "v5e:2x4")


def test_no_label_covers_another_nor_leaves_its_drawing(sample: CodesignCase) -> None:
    report = sample_codesign()
    drawings = [
        tornado(sample, "as run", "a"),
        tornado(sample, "memory full", "b"),
        lever_roofline(sample, "c"),
        *(bound_map(sample, chart, f"d{i}") for i, chart in enumerate(sample.bound_maps)),
        pareto(report.pareto, "e"),
        power(report.data_centers[0], "f"),
    ]
    for drawing in drawings:
        assert overlapping(drawing) == []
        width = float(parsed(drawing).get("width", 0))
        for words, (left, _, right, _) in boxes(drawing):
            assert left >= -1, words
            assert right <= width + 1, words


def test_bars_are_as_long_as_elasticities(sample: CodesignCase) -> None:
    drawn = parsed(tornado(sample, "as run", "a"))
    bars = {}
    for rect in drawn.iter("rect"):
        title = rect.find("title")
        if title is not None and title.text:
            bars[title.text.split(":")[0]] = float(rect.get("width", 0)), title.text
    phase, whole = bars["think, hbm_bandwidth"], bars["prefill, hbm_bandwidth"]
    # Three panels draw the same bars; the last is money: 0.8 times time's -0.71 and -0.05.
    assert phase[0] / whole[0] == pytest.approx(0.71 / 0.05, rel=0.01)
    assert "(\N{MINUS SIGN}0.68 to \N{MINUS SIGN}0.45), predicted" in phase[1]


def test_order_is_by_the_querys_time_and_what_does_nothing_is_named(sample: CodesignCase) -> None:
    rows = [row for row in sample.elasticities if row.regime == "as run"]
    order = ranked(rows)
    assert order[:3] == ["hbm_bandwidth", "matrix_flops", "kernel_overhead"]
    assert "hbm_capacity" not in order
    assert idle_parameters(sample, "as run") == ["HBM capacity"]
    assert idle_parameters(sample, "memory full") == []


def test_levers_are_numbered_as_in_their_table(sample: CodesignCase) -> None:
    drawn = lever_roofline(sample, "c")
    numbers = [words for words, _ in boxes(drawn) if words.isdigit() and len(words) == 1]
    assert sorted(set(numbers) - {"10"}) == ["1", "2", "3", "4", "5"]
    assert "3, thoughts 1000 -&gt; 500 tokens: to 31.4 FLOP/B" in drawn


@pytest.mark.parametrize("count", [1, 2, 9, 16])
def test_badges_keep_apart_and_inside(count: int) -> None:
    rng = random.Random(count)
    tips = [(200 + rng.gauss(0, 12), 150 + rng.gauss(0, 12)) for _ in range(count)]
    box = Linear(0, 1, 20, 480), Linear(0, 1, 20, 380)
    found = apart(tips, (200.0, 150.0), 9.0, box)
    assert all(math.dist(a, b) > 18 for a, b in combinations(found, 2))
    assert all(20 <= x <= 480 and 20 <= y <= 380 for x, y in found)
    assert found == apart(tips, (200.0, 150.0), 9.0, box)


def test_badges_of_tips_in_one_place_part() -> None:
    box = Linear(0, 1, 0, 400), Linear(0, 1, 0, 400)
    found = apart([(200.0, 200.0)] * 6, (200.0, 200.0), 9.0, box)
    assert all(math.dist(a, b) > 18 for a, b in combinations(found, 2))


def test_kinds_of_the_toy_map() -> None:
    chart = toy_map(1.0)
    # One sequence of 128 tokens reads 2.28 units of KV and 100 of weights; overhead is 108.
    assert kind(chart, 0, 0) == "overhead"
    # 64 of 128 tokens: 146 units of KV and 100 of weights.
    assert kind(chart, 6, 0) == KV
    # 16 of them: 36 of KV; 100 of weights.
    assert kind(chart, 4, 0) == WEIGHTS
    assert kind(chart, 12, 20) == FULL
    assert FULL in kinds_of(case("small", "v5e:2x4"))


def test_map_covers_every_cell_once(sample: CodesignCase) -> None:
    chart = sample.bound_maps[0]
    cells = [r for r in parsed(bound_map(sample, chart, "d")).iter("rect")
             if (r.get("class") or "").startswith("bound-")]  # fmt: skip
    frame = next(r for r in parsed(bound_map(sample, chart, "d")).iter("rect")
                 if r.get("class") == "frame")  # fmt: skip
    across = sum(float(r.get("width", 0)) for r in cells)
    assert across == pytest.approx(float(frame.get("width", 0)) * len(chart.batches), rel=1e-3)


def test_workload_is_drawn_in_its_own_map_alone(sample: CodesignCase) -> None:
    shared = [chart for chart in sample.bound_maps if chart.attempts == 2.0]
    assert "way-start" in bound_map(sample, shared[0], "d")
    assert "way-start" not in bound_map(sample, sample.bound_maps[0], "d")


def test_empty_drawings_are_empty(sample: CodesignCase) -> None:
    nothing = BoundMap(
        attempts=1.0, contexts=[], batches=[], bound=[], fits=[], kv_share=[], step_s=[]
    )
    assert bound_map(sample, nothing, "d") == ""
    assert pareto([], "e") == ""
    bare = sample.model_copy(update={"elasticities": []})
    assert tornado(bare, "as run", "a") == ""


def test_strokes_stay_inside_and_meet_those_of_the_next_rectangle() -> None:
    def ends(d: str) -> list[tuple[float, float, float, float]]:
        return [
            tuple(float(n) for n in each)  # type: ignore[misc]
            for each in re.findall(r"M([\d.-]+),([\d.-]+)L([\d.-]+),([\d.-]+)", d)
        ]

    left, right = (ends(strokes(start, start + 10, 5.0, 17.0, 1, 7.0)) for start in (0.0, 10.0))
    assert left
    for x1, y1, x2, y2 in left:
        assert 0 <= x1 < x2 <= 10
        assert 4.9 <= min(y1, y2) <= max(y1, y2) <= 17.1
        assert (y2 - y1) == pytest.approx(x2 - x1, abs=0.11)
    leaving = {round(y2, 1) for _, _, x2, y2 in left if x2 == 10 and y2 < 16.9}
    entering = {round(y1, 1) for x1, y1, _, _ in right if x1 == 10 and y1 > 5.1}
    assert leaving <= entering


def test_runs_of_a_row() -> None:
    assert runs(3, list("aabba"), "a") == [(3, 0, 2), (3, 4, 5)]
    assert runs(0, list("bb"), "a") == []


def test_frontier_goes_through_its_points_in_order_of_latency() -> None:
    points: list[ParetoPoint] = sample_codesign().pareto
    path = next(p for p in parsed(pareto(points, "e")).iter("path") if p.get("class") == "frontier")
    xs = [float(x) for x in re.findall(r"[ML]?([\d.]+),", path.get("d", ""))]
    assert len(xs) == sum(point.on_frontier for point in points)
    assert xs == sorted(xs)


def test_power_says_each_curves_mean_and_swing() -> None:
    drawn = power(sample_codesign().data_centers[0], "f")
    words = [each for each, _ in boxes(drawn)]
    assert "52.0 to 80.0 kW" in words
    assert "swing 51 % of mean" in words  # (80 - 52) / 54.8
    assert words.count("think") == 4
