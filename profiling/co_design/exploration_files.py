"""Files of an exploration: a Parquet file for each part, and which columns it has."""

from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np

from ...model.input_files import is_regular_file
from ...tpu_configs.input_errors import one_line
from ..errors import ProfileInputError
from ..records.files import write_bytes
from .chip_cost_model import PARTS

Columns = dict[str, np.ndarray]
NUMBERS = (
    "prompt", "think", "answer", "attempts", "sequences", *PARTS, "time_per_query_s", "token_s",
    "usd_per_query", "wall_j_per_query", "gco2e_per_query", "needed_bytes", "area_mm2",
    "full_power_w", "build_usd",
)  # fmt: skip
WORDS = ("model", "slice", "weight_dtype", "kv_dtype")
FITS = "fits"
NAMES = (*WORDS, *NUMBERS, FITS)
"""Of every row. Times and dollars are predicted, at the calibration's mode: of the slice for one
query with all attempts, and of one decoded token of each sequence; dollars are NaN where no price
is known and follow the cost to build. Joules are of the slice with its servers and data center, NaN
where the chip's power is not known; CO2e is of the region's electricity. Bytes are what one chip
must hold. A phase is priced by its summed work, as the search does: up to a few percent less where
its bound flips along the thought.
"""

_LEFT_OUT = b"rooflink.left_out"


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


def part_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:06d}.parquet"


def write_part(folder: Path, number: int, columns: Columns | str) -> None:
    """One part, whole or not at all; one that is left out has no rows and says why."""
    import pyarrow

    kinds = dict.fromkeys(WORDS, pyarrow.string()) | dict.fromkeys(NUMBERS, pyarrow.float64())
    fields = [*kinds.items(), (FITS, pyarrow.bool_())]
    if isinstance(columns, str):
        table = pyarrow.schema(fields, metadata={_LEFT_OUT: columns.encode()}).empty_table()
    else:
        table = pyarrow.table(columns, schema=pyarrow.schema(fields))
    stream = BytesIO()
    parquet().write_table(table, stream, compression="zstd")
    write_bytes(part_path(folder, number), stream.getvalue())


def left_out(folder: Path, number: int) -> str:
    """Why a part that was written has no rows; '' where it has some. Raises ProfileInputError for a
    part that is damaged."""
    import pyarrow

    path = part_path(folder, number)
    try:
        schema = parquet().read_schema(path) if is_regular_file(path) else pyarrow.schema([])
    except (OSError, pyarrow.ArrowException):
        schema = pyarrow.schema([])
    if schema.names != list(NAMES):
        raise ProfileInputError(f"{path} is damaged: delete it and give the same command again")
    return one_line((schema.metadata or {}).get(_LEFT_OUT, b"").decode("utf-8", "replace"))
