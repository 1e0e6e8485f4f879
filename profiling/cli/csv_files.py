"""`--csv FOLDER`: every table of a result as a file, its values as they are."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.console import Console

from ..errors import ProfileInputError

if TYPE_CHECKING:
    from ..reports.document import Table

_OPTION = typer.Option(
    "--csv", metavar="FOLDER", help="Write each table of the result into FOLDER, as NAME.csv."
)
Csv = Annotated[Optional[Path], _OPTION]  # noqa: UP045  # as typer reads it


def write_tables(tables: Sequence["Table"], folder: Path) -> None:
    """A file for each table that has rows, named by its caption; intervals have a column for each
    end, units are in the columns' names. Raises ProfileInputError where a file of that name has
    other columns, and where it cannot be written."""
    from ..records.files import write_text
    from ..reports.document import slug
    from ..reports.table_rows import csv_text

    taken = Counter[str]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table in tables:
            if text := csv_text(table):
                name = slug(table.key)
                taken[name] += 1
                again = f"-{taken[name]}" if taken[name] > 1 else ""
                path = folder / f"{name}{again}.csv"
                _require_same_columns(path, text)
                write_text(path, text)
    except OSError as error:
        raise ProfileInputError(
            f"cannot write to {folder}: {error.strerror or error}; choose another --csv FOLDER"
        ) from None


def show_or_write(table: "Table", folder: Path | None, console: Console) -> None:
    """A table on the terminal, or in `folder`."""
    from ..reports.renderers.console import show_table

    if folder is None:
        show_table(table, console)
    else:
        write_tables([table], folder)


def _require_same_columns(path: Path, text: str) -> None:
    """Refuse to write over what is no such table."""
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as there:
            if there.readline() != text.partition("\n")[0] + "\n":
                raise ProfileInputError(
                    f"{path} has other columns than the table that goes there: choose another "
                    "--csv FOLDER"
                )
