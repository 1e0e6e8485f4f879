"""Scales map known points to known pixels; drawings are well-formed and put points where due."""

from xml.etree import ElementTree

import pytest

from rooflink.profiling.records import Profile
from rooflink.profiling.render import svg
from rooflink.profiling.render.plot_roofline import roofline
from rooflink.profiling.render.plots import all_plots
from rooflink.profiling.render.scale import Linear, Log, rows_for, spaced

SVG = f"{{{svg.NAMESPACE}}}"


def test_log_axis_maps_known_points() -> None:
    axis = Log(1, 1000, 100, 400)
    assert [axis(v) for v in (1, 10, 100, 1000)] == pytest.approx([100, 200, 300, 400])
    assert axis.ticks() == pytest.approx([1, 10, 100, 1000])


def test_log_axis_upside_down() -> None:
    assert Log(1, 100, 300, 100)(10) == pytest.approx(200)


def test_linear_ticks_are_round() -> None:
    assert Linear(0, 538, 0, 1).ticks() == pytest.approx([0, 200, 400])
    assert Linear(0, 0, 0, 1).ticks() == [0]


def test_labels_are_spaced_in_order() -> None:
    assert spaced([10, 11, 50], 15, 0, 100) == [10, 25, 50]
    assert spaced([98, 99], 15, 0, 100) == [85, 100]
    assert rows_for([(0, 10), (5, 15), (12, 20)]) == [0, 1, 0]


def test_text_and_attributes_are_escaped() -> None:
    drawn = svg.text(0, 0, 'a<b & "c"\x00', class_='x"y')
    found = ElementTree.fromstring(drawn)
    assert found.text == 'a<b & "c" '
    assert found.get("class") == 'x"y'


@pytest.mark.parametrize("ran", [True, False])
def test_drawings_are_well_formed(profile: Profile, not_run: Profile, ran: bool) -> None:
    drawings = {n: d for n, d in all_plots(profile if ran else not_run).items() if d}
    expected = {"roofline", "bytes", "thought", "idle", "chips"}
    assert set(drawings) == expected | ({"time", "lengths"} if ran else set())
    for drawn in drawings.values():
        root = ElementTree.fromstring(drawn)
        ids = {e.get("id") for e in root.iter() if e.get("id")}
        assert set((root.get("aria-labelledby") or "").split()) == ids
        assert all(root.findtext(f"{SVG}{tag}") for tag in ("title", "desc"))
        for shape in root.iter(f"{SVG}rect"):
            assert float(shape.get("width", "-1")) >= 0


def test_roofline_points_lie_on_the_chip_and_below_the_machine(profile: Profile) -> None:
    root = ElementTree.fromstring(roofline(profile))
    rings = [c for c in root.iter(f"{SVG}circle") if "at-peak" in (c.get("class") or "")]
    assert len(rings) == len(profile.phases) * len(profile.placements)
    tips = [c.findtext(f"{SVG}title") for c in rings]
    # 5.685 FLOP/B x 819 GB/s
    assert "think on TPU v5e, at datasheet peak: at most 4.66 TFLOP/s a chip" in tips
    reached = [c for c in root.iter(f"{SVG}circle") if "measured" in (c.get("class") or "")]
    tips = [c.findtext(f"{SVG}title") for c in reached]
    assert "think achieved 75.4 GFLOP/s, measured on this machine" in tips


def test_a_phase_of_unknown_name_is_drawn(profile: Profile) -> None:
    odd = profile.phases[0].model_copy(update={"name": 'x" onload="y<'})
    drawn = all_plots(profile.model_copy(update={"phases": [odd], "placements": []}))
    for picture in filter(None, drawn.values()):
        root = ElementTree.fromstring(picture)
        assert not any(e.get("onload") for e in root.iter())
