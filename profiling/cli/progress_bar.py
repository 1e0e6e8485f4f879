"""Progress on the terminal: a bar with its rate for whatever takes over two seconds."""

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


class TerminalWatcher:
    """Shows each stage as a bar on stderr, and nothing where stderr is not a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), _Rate(), TimeElapsedColumn(),
            _Left(), TextColumn("{task.fields[note]}"),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task: BarId | None = None

    def __enter__(self) -> "TerminalWatcher":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

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
