"""Progress where stderr is no terminal: plain lines, of what takes longer than a moment."""

import time

import pytest

from rooflink.profiling.cli import progress_bar
from rooflink.profiling.cli.progress_bar import TerminalWatcher


@pytest.mark.parametrize("first_s", [0.01, 60.0])
def test_a_line_says_what_is_under_way(
    first_s: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_bar, "FIRST_S", first_s)
    monkeypatch.setattr(progress_bar, "EVERY_S", 0.01)
    said = ""
    with TerminalWatcher() as watcher:
        watcher.stage("Counting [sheep]", 2000, "sheep")
        watcher.advance(1500)
        deadline_s = time.monotonic() + 30
        while first_s < 1 and not said and time.monotonic() < deadline_s:
            said = capsys.readouterr().err
    said += capsys.readouterr().err
    lines = set(said.splitlines())
    assert lines == ({"Counting [sheep]: 1,500 of 2,000 sheep ..."} if first_s < 1 else set())


def test_a_stage_of_unknown_length_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_bar, "FIRST_S", 0.01)
    said, deadline_s = "", time.monotonic() + 30
    with TerminalWatcher() as watcher:
        watcher.stage("Writing the report")
        while not said and time.monotonic() < deadline_s:
            said = capsys.readouterr().err
    assert said == "Writing the report ...\n"
