"""Running an exploration: the parts that are not there yet, one after another."""

from dataclasses import dataclass
from pathlib import Path

from ..measured.machine import slice_named
from ..predict.calibration import Calibration
from ..predict.described import named_shape
from ..watcher import Watcher
from .dataset import left_out, open_dataset, parquet, part_path, write_part
from .grid import Grid, parts_of
from .rows import rows_of


@dataclass(frozen=True)
class Explored:
    """What is in the folder now."""

    parts: int
    there_before: int  # parts that an earlier call wrote
    reasons: list[str]  # for the parts without rows, each once


def explore(grid: Grid, folder: Path, calibration: Calibration, watcher: Watcher) -> Explored:
    """Compute and write every part that `folder` lacks; it must exist.

    Raises ProfileInputError where the folder holds another exploration or pyarrow is missing, and
    ModelInputError or ChipInputError for names that are not known, before anything is computed.
    """
    parquet()
    for model in grid.models:
        named_shape(model)
    for name in grid.slices:
        slice_named(name)
    open_dataset(folder, grid, calibration)
    parts = list(parts_of(grid))
    missing = [n for n in range(len(parts)) if not part_path(folder, n).exists()]
    rows = len(grid.sequences)
    watcher.stage("Exploring", sum(parts[n].designs for n in missing) * rows, "points")
    for n in missing:
        write_part(folder, n, rows_of(grid, parts[n], calibration))
        watcher.advance(parts[n].designs * rows)
    reasons = [reason for n in range(len(parts)) if (reason := left_out(folder, n))]
    return Explored(len(parts), len(parts) - len(missing), list(dict.fromkeys(reasons)))
