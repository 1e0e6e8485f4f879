"""Progress: a bar with its rate on a terminal, and elsewhere plain lines from two seconds on."""

from contextlib import suppress
from threading import Event, Thread

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as Bar
from rich.progress import TaskID as BarId
from rich.text import Text


class _Rate(ProgressColumn):
    """Units per second, in the stage's own unit."""

    def render(self, task: Bar) -> Text:
        unit = task.fields.get("unit") or ""
        if not unit or not task.speed:
            return Text("")
        return Text(f"{task.speed:.1f} {unit}/s", style="cyan")


class _Left(TimeRemainingColumn):
    """Time left, once there is a rate to tell it by."""

    def render(self, task: Bar) -> Text:
        known = task.total and task.speed and not task.finished
        return Text.assemble(super().render(task), " left") if known else Text("")


FIRST_S, EVERY_S = 2.0, 10.0
"""Seconds until the first plain line, and between it and the further ones."""


class TerminalWatcher:
    """Shows each stage as a bar on stderr; where that is not a terminal, a line now and then."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), _Rate(), TimeElapsedColumn(),
            _Left(), TextColumn("{task.fields[note]}"),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task: BarId | None = None
        self._ended = Event()
        self._teller = None if console.is_terminal else Thread(target=self._tell, daemon=True)

    def __enter__(self) -> "TerminalWatcher":
        self._progress.start()
        if self._teller is not None:
            self._teller.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        if self._teller is not None:
            self._teller.join()
        self._progress.stop()

    def _tell(self) -> None:
        """A line of the stage that is under way, again and again until the work ends."""
        wait_s = FIRST_S
        while not self._ended.wait(wait_s):
            wait_s = EVERY_S
            for task in self._progress.tasks:
                total = f" of {task.total:,.0f}" if task.total else ""
                done = f": {task.completed:,.0f}{total}" if total or task.completed else ""
                line = f"{task.description}{done} {task.fields['unit']}".rstrip()
                line += f", {task.fields['note']}" if task.fields["note"] else ""
                with suppress(OSError, ValueError):  # of a stream that is full or closed
                    self._progress.console.print(
                        f"{line} ...", markup=False, highlight=False, soft_wrap=True
                    )

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        """Begin a new bar in place of the last."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total, unit=unit, note="")

    def advance(self, units: int, note: str = "") -> None:
        """Move the bar on."""
        if self._task is not None:
            self._progress.advance(self._task, units)
            if note:
                self._progress.update(self._task, note=note)
