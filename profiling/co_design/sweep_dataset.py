"""A dataset on disk: one Parquet file for each part, and a manifest of the grid.

The manifest's name begins with an underscore and a part under way with a dot, which readers of
datasets pass over: `pandas.read_parquet(folder)` reads whatever is there.

Running an exploration: the parts that are not there yet, one after another.
"""

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np

from ..errors import ProfileInputError, Watcher
from ..predicted.calibration import Calibration
from ..records.files import write_bytes, write_text
from .sweep import FITS, NAMES, NUMBERS, Columns, Grid, LeftOut, Named, parts_of, rows_of

SCHEMA = "rooflink.exploration/1"
MANIFEST = "_exploration.json"
_LEFT_OUT = b"rooflink.left_out"
LENS = (
    "predicted, at the calibration's mode, each phase by its summed work, on the mesh that "
    "suits one prompt; chips' area, power and cost by the cost model"
)


def parquet() -> ModuleType:
    """pyarrow.parquet. Raises ProfileInputError where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise ProfileInputError(
            "`rooflink explore` writes Parquet with pyarrow, which is not installed: "
            "pip install 'rooflink[explore]'"
        ) from None
    return pyarrow.parquet


def open_dataset(folder: Path, grid: Grid, calibration: Calibration) -> None:
    """Write the manifest, or check that the one that is there is of the same grid.

    Raises ProfileInputError where it did not, naming what differs.
    """
    wanted = {"schema": SCHEMA, "lens": LENS, "calibration": _digest(calibration),
              "grid": grid.model_dump(mode="json")}  # fmt: skip
    path = folder / MANIFEST
    if not path.exists():
        write_text(path, json.dumps(wanted, indent=1) + "\n")
        return
    try:
        result = json.loads(path.read_text())
        found_grid = result["grid"]
    except (ValueError, KeyError, TypeError) as error:
        raise ProfileInputError(f"{path} is damaged ({error}): choose another --out") from None
    differing = [key for key in ("schema", "calibration") if result.get(key) != wanted[key]]
    differing += [axis for axis, values in grid.model_dump(mode="json").items()
                  if found_grid.get(axis) != values]  # fmt: skip
    if differing:
        raise ProfileInputError(
            f"{folder} holds another exploration (it differs in {', '.join(differing)}): choose "
            "another folder with --out, or ask for the same to go on with it"
        )


def part_path(folder: Path, number: int) -> Path:
    """'part-000012.parquet'."""
    return folder / f"part-{number:06d}.parquet"


def write_part(folder: Path, number: int, columns: Columns | LeftOut) -> None:
    """One part, whole or not at all; one that is left out has no rows and says why."""
    import pyarrow

    fields = [(name, _arrow_type(pyarrow, name)) for name in NAMES]
    if isinstance(columns, LeftOut):
        reason = {_LEFT_OUT: columns.reason.encode()}
        table = pyarrow.schema(fields, metadata=reason).empty_table()
    else:
        table = pyarrow.table(dict(columns), schema=pyarrow.schema(fields))
    stream = BytesIO()
    parquet().write_table(table, stream, compression="zstd")
    write_bytes(part_path(folder, number), stream.getvalue())


def left_out(folder: Path, number: int) -> str:
    """Why a part that was written has no rows; '' where it has some."""
    metadata = parquet().read_schema(part_path(folder, number)).metadata or {}
    return str(metadata.get(_LEFT_OUT, b"").decode())


def _arrow_type(pyarrow: ModuleType, name: str) -> object:
    if name == FITS:
        return pyarrow.bool_()
    return pyarrow.float64() if name in NUMBERS else pyarrow.string()


def _digest(calibration: Calibration) -> str:
    """Tells one calibration from another: its means and draws, hashed."""
    result = hashlib.sha256()
    for name, kinds in sorted(calibration.means.items()):
        for kind, values in sorted(kinds.items()):
            result.update(f"{name}/{kind}".encode())
            result.update(np.asarray(values, np.float64).round(12).tobytes())
    return result.hexdigest()[:16]


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
    named = Named.of(grid)
    open_dataset(folder, grid, calibration)
    parts = list(parts_of(grid))
    missing = [n for n in range(len(parts)) if not part_path(folder, n).exists()]
    rows = len(grid.sequences)
    watcher.stage("Exploring", sum(parts[n].designs for n in missing) * rows, "points")
    for n in missing:
        write_part(folder, n, rows_of(grid, parts[n], named, calibration))
        watcher.advance(parts[n].designs * rows)
    reasons = [reason for n in range(len(parts)) if (reason := left_out(folder, n))]
    return Explored(len(parts), len(parts) - len(missing), list(dict.fromkeys(reasons)))
