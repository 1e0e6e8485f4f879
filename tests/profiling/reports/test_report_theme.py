"""The one palette: every colour turns dark, a phase without an entry has a look of its own."""

import re
from pathlib import Path

from rooflink.model.phases import PHASES
from rooflink.profiling.reports import theme


def test_a_light_colour_has_one_dark_one():
    pairs = set(theme.COLOURS.values())
    assert len({light for light, _ in pairs}) == len(pairs)


def test_phases_are_declared_in_one_place_and_taken_as_they_are():
    for name, declared in PHASES.items():
        assert theme.phase(name).doing == declared.verb
        assert theme.phase_colours([name]) == [declared.colour]
    assert len(set(theme.phase_colours(PHASES))) == len(PHASES)


def test_no_file_of_reports_lists_phases():
    """Adding a phase is an entry in model.phases, and nothing here."""
    folder = Path(theme.__file__).parent
    for file in folder.rglob("*"):
        if file.suffix in (".py", ".js", ".css", ".j2"):
            text = file.read_text()
            listed = {n for n in PHASES if re.search(rf"[\"']{n}[\"']|(--|phase-){n}\b", text)}
            assert len(listed) <= 1, (file, listed)


def test_a_specification_turns_dark_at_any_depth():
    spec = {"mark": {"color": theme.colour("ink")}, "range": [theme.colour("blue"), "other", 3]}
    ink, blue = theme.COLOURS["ink"][1], theme.COLOURS["blue"][1]
    assert theme.dark(spec) == {"mark": {"color": ink}, "range": [blue, "other", 3]}


def test_an_unknown_phase_has_the_same_look_each_time():
    assert theme.phase("lookup-tool") == theme.phase("lookup-tool")
    assert theme.phase("lookup-tool").doing == "Lookup tool"


def test_phases_of_one_picture_differ():
    names = ["prefill", "think", "answer", "lookup", "search", "tool", "rank"]
    assert len(set(theme.phase_colours(names))) == len(names)


def test_css_has_every_colour_light_and_dark():
    light, dark = theme.COLOURS["blue"]
    assert f"--blue: {light};" in theme.css()
    assert f"--blue: {dark};" in theme.css()
