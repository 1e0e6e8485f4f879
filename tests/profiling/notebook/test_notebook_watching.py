"""Progress in a cell: one display, updated, without widgets."""

from typing import Any

import pytest

from rooflink.profiling.errors import Silent
from rooflink.profiling.notebook import watching

display = pytest.importorskip("IPython.display", reason="pip install '.[notebooks]'")


class Handle:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def update(self, line: str) -> None:
        self.lines.append(str(line))


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Handle:
    handle = Handle()

    def shown(line: str, display_id: Any = None) -> Handle:
        handle.update(line)
        return handle

    monkeypatch.setattr(display, "display", shown)
    monkeypatch.setattr(watching, "in_notebook", lambda: True)
    return handle


def test_a_cell_follows_the_stages(handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EVERY_S", 0.0)
    with watching.watched(True) as watcher:
        watcher.stage("Running", 10, "tok")
        watcher.advance(4)
    assert handle.lines[:2] == ["starting", "Running"]
    assert handle.lines[2].startswith("Running: 4 of 10 tok, ")
    assert handle.lines[-1].startswith("done in ")


def test_updates_are_no_flood(handle: Handle) -> None:
    with watching.watched(True) as watcher:
        watcher.stage("Running", 1000, "tok")
        for _ in range(1000):
            watcher.advance(1)
    assert len(handle.lines) < 500


def test_progress_can_be_turned_off(handle: Handle) -> None:
    with watching.watched(False) as watcher:
        assert isinstance(watcher, Silent)
    assert handle.lines == []


def test_pytest_is_no_notebook() -> None:
    assert not watching.in_notebook()
