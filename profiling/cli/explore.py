"""`rooflink explore`: large sweeps to Parquet, which go on where they were stopped."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..codesign.sweep import DESIGNS, Grid, load_grid, parts_of
from ..codesign.sweep_dataset import Explored, explore
from ..errors import InterruptedRunError, ProfileInputError
from ..jobs.job import reserved
from ..predicted.calibration import default_calibration
from .progress import TerminalWatcher

HELP = """Sweep chips, dtypes, workloads and batches into a Parquet dataset.

Each axis has its values in a .toml file, or in an option, parted by commas; all combinations are
computed. Needs pyarrow: pip install 'rooflink[explore]'. What was stopped goes on when the same
command is given again, and comes to the same files.

Examples:

    rooflink explore --models llama3-70b --slices v5e-16,v5p-8 --out runs/sweep

    rooflink explore grid.toml --think 1024,8192,32768 --attempts 1,64 --out runs/sweep

    rooflink explore --models qwen3-32b --slices v6e-8 --weight-dtypes bfloat16,int8
    --hbm-bandwidth 0.5,1,2,4 --matrix-flops 0.5,1,2,4 --out runs/chips
"""

Values = Annotated[str | None, typer.Option(metavar="N,N...")]
Names = Annotated[str | None, typer.Option(metavar="NAME,NAME...")]
Factors = Annotated[str | None, typer.Option(metavar="F,F...", help="Of the chip's own.")]


def explore_command(
    grid: Annotated[
        Path | None, typer.Argument(metavar="[GRID.toml]", help="Axes and their values.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the dataset.")] = Path("runs/exploration"),
    models: Names = None,
    slices: Names = None,
    weight_dtypes: Names = None,
    kv_dtypes: Names = None,
    prompt: Values = None,
    think: Values = None,
    answer: Values = None,
    attempts: Values = None,
    sequences: Annotated[
        str | None,
        typer.Option(metavar="N,N...", help="Attempts that run together: powers of two to 4096."),
    ] = None,
    matrix_flops: Factors = None,
    hbm_bandwidth: Factors = None,
    hbm_capacity: Factors = None,
    on_chip_capacity: Factors = None,
    link_bandwidth: Factors = None,
) -> None:
    words = {"models": models, "slices": slices, "weight_dtypes": weight_dtypes,
             "kv_dtypes": kv_dtypes}  # fmt: skip
    designs = (matrix_flops, hbm_bandwidth, hbm_capacity, on_chip_capacity, link_bandwidth)
    numbers = {"prompt": prompt, "think": think, "answer": answer, "attempts": attempts,
               "sequences": sequences, **dict(zip(DESIGNS, designs, strict=True))}  # fmt: skip
    options: dict[str, list[str] | list[float]] = {}
    for name, text in words.items():
        if text is not None:
            options[name] = _parted(text)
    for name, text in numbers.items():
        if text is not None:
            options[name] = [_number(name, value) for value in _parted(text)]
    asked = load_grid(grid, options)
    with reserved(out) as folder:
        found = _watched(asked, folder)
    _show(found, asked, folder)


explore_command.__doc__ = HELP


def _parted(text: str) -> list[str]:
    return [value.strip() for value in text.split(",") if value.strip()]


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        option = name.replace("_", "-")
        raise ProfileInputError(f"--{option} has {text!r}: expected numbers, as 1,2,4") from None


def _watched(grid: Grid, folder: Path) -> Explored:
    with TerminalWatcher() as watcher:
        try:
            return explore(grid, folder, default_calibration(), watcher)
        except KeyboardInterrupt:
            there = len(list(folder.glob("part-*.parquet")))
            whole = sum(1 for _ in parts_of(grid))
            raise InterruptedRunError(
                f"{there} of {whole} parts are in {folder}; give the same command again to go on"
            ) from None


def _show(found: Explored, grid: Grid, folder: Path) -> None:
    console = Console()
    before = f", {found.there_before} of them there before" if found.there_before else ""
    console.print(f"{grid.points:,} points in {found.parts} parts{before}", highlight=False)
    for reason in found.reasons:
        console.print(f"left out: {reason}", style="dim", highlight=False, markup=False)
    console.print(f"Dataset: {folder}", soft_wrap=True, highlight=False)
