"""`rooflink schema`: the JSON Schema of what the other commands write."""

import json as jsonlib
from typing import Annotated

import typer
from rich.console import Console

from ..errors import ProfileInputError
from ..record.json_schema import WRITTEN, published_text
from ..render.console_table import Column, print_table


def schema_command(
    name: Annotated[
        str | None, typer.Argument(help=f"Of {', '.join(WRITTEN)}; without one they are listed.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="List as JSON; a schema is JSON anyway.")
    ] = False,
) -> None:
    """Print the JSON Schema (draft 2020-12) of a record that rooflink writes, each field described.

    Examples:

        rooflink schema

        rooflink schema profile > profile.schema.json

        rooflink schema evaluation | jq '."$defs".Cell.properties'
    """
    if name is not None and name not in WRITTEN:
        raise ProfileInputError(
            f"no record is called '{name}': `rooflink schema` prints one of {', '.join(WRITTEN)}"
        )
    if name is not None:
        print(published_text(name), end="")
    elif json:
        rows = [
            {"name": name, "file": each.file, "version": each.version, "command": each.command}
            for name, each in WRITTEN.items()
        ]
        print(jsonlib.dumps(rows, indent=1))
    else:
        _show()


def _show() -> None:
    found = list(WRITTEN.values())
    print_table(
        Console(),
        [
            Column("record", list(WRITTEN), left=True),
            Column("file", [each.file for each in found], left=True),
            Column("schema_version", [each.version for each in found], left=True),
            Column("written by", [each.command for each in found], left=True),
        ],
    )
