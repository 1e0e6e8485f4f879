"""Choices that more than one command offers.

An output folder, proven writable before the long work begins.

Progress on the terminal: a bar with its rate for whatever takes over two seconds.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from ..errors import ProfileInputError


class DTypeChoice(StrEnum):
    """Dtype of weights, activations and cache."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


PriceOption = Annotated[
    str,
    typer.Option(
        help="on_demand, spot, one_year, three_year, ownership, $ a chip-hour, or a .toml file "
        "of own costs."
    ),
]
RegionOption = Annotated[
    str, typer.Option(help="Where the electricity is used, or grams of CO2e a kWh.")
]
PueOption = Annotated[
    str | None,
    typer.Option(
        help="google, industry or a factor  [default: google for its chips, else industry]"
    ),
]
HostOption = Annotated[
    str, typer.Option(help="Servers' share: gemini, gemini-with-idle, none or a factor.")
]
StackOption = Annotated[
    str | None, typer.Option(help="Software, such as vLLM  [default: one unknown]")
]
VerifierOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder that `train --method verifier` wrote: best-of-n and beam score attempts by it."
    ),
]


@contextmanager
def reserved(folder: Path) -> Iterator[Path]:
    """`folder`, proven writable before the long work; what was made for it goes if that fails."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".rooflink-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ProfileInputError(
            f"cannot write to {folder}: {error.strerror or error}; choose another folder with --out"
        ) from None
    try:
        yield folder
    except BaseException:
        for path in made:  # deepest first; only what is still empty
            try:
                path.rmdir()
            except OSError:
                break
        raise


class _Rate(ProgressColumn):
    """Units per second, in the stage's own unit."""

    def render(self, task: Task) -> Text:
        unit = task.fields.get("unit") or ""
        if not unit or not task.speed:
            return Text("")
        return Text(f"{task.speed:.1f} {unit}/s", style="cyan")


class TerminalWatcher:
    """Shows each stage as a bar on stderr, and nothing where stderr is not a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _Rate(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: int | None = None

    def __enter__(self) -> "TerminalWatcher":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        """Begin a new bar in place of the last."""
        if self._task is not None:
            self._progress.remove_task(self._task)  # type: ignore[arg-type]
        self._task = self._progress.add_task(what, total=total, unit=unit)

    def advance(self, units: int) -> None:
        """Move the bar on."""
        if self._task is not None:
            self._progress.advance(self._task, units)  # type: ignore[arg-type]
