"""Live progress: one line of a notebook's cell that follows the work, or the terminal's bar."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ..cli.progress_bar import TerminalWatcher
from ..errors import Silent, Watcher
from ..reports.document import printable

EVERY_S = 0.2  # a notebook's page takes no more updates than it can draw


class CellWatcher:
    """Writes each stage into one display of the running cell; needs no widgets."""

    def __init__(self) -> None:
        self._handle = import_module("IPython.display").display(_Line("starting"), display_id=True)
        self._begun_s = self._stage_s = time.monotonic()
        self._shown_s = 0.0
        self._what, self._unit, self._note = "", "", ""
        self._done = 0
        self._total: int | None = None

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        """Name the stage that begins."""
        self._what, self._total, self._unit, self._done, self._note = what, total, unit, 0, ""
        self._stage_s, self._shown_s = time.monotonic(), 0.0
        self._show()

    def advance(self, units: int, note: str = "") -> None:
        """Count on."""
        self._done += units
        self._note = note or self._note
        self._show()

    def end(self) -> None:
        """Leave how long it all took."""
        self._handle.update(_Line(f"done in {time.monotonic() - self._begun_s:.1f} s"))

    def _show(self) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s < EVERY_S:
            return
        self._shown_s = now_s
        of = f" of {self._total:,}" if self._total else ""
        count = f": {self._done:,}{of} {self._unit}" if self._done else ""
        taken_s = now_s - self._stage_s
        rate = f", {self._done / taken_s:,.1f} {self._unit}/s" if self._done and taken_s > 0 else ""
        left = f", {self._left(taken_s)}" if self._done and self._total else ""
        note = f", {self._note}" if self._note else ""
        self._handle.update(_Line(printable(f"{self._what}{count}{rate}{left}{note}")))

    def _left(self, taken_s: float) -> str:
        left_s = taken_s / self._done * max((self._total or 0) - self._done, 0)
        return f"{left_s // 60:.0f}:{left_s % 60:02.0f} left"


class _Line(str):
    """Text that Jupyter shows without quotes."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


@contextmanager
def watched(progress: bool) -> Iterator[Watcher]:
    """What shows progress where this runs: a cell, a terminal, or nothing."""
    if not progress:
        yield Silent()
    elif in_notebook():
        watcher = CellWatcher()
        try:
            yield watcher
        finally:
            watcher.end()
    else:
        with TerminalWatcher() as terminal:
            yield terminal


def in_notebook() -> bool:
    """Whether a Jupyter kernel (Colab's too) runs this; a terminal's IPython is none."""
    if "IPython" not in sys.modules:
        return False
    shell = import_module("IPython").get_ipython()
    return getattr(shell, "kernel", None) is not None
