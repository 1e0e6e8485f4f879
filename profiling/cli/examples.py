"""`rooflink examples`: small files of each kind that commands read."""

import json as jsonlib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...tpu_configs.catalog import chip_text
from ..errors import ProfileInputError
from ..records.files import write_text
from ..reports.document import Column, Table
from ..reports.renderers.console import show_table

READ_BY = {
    "answers.jsonl": ("an attempts log; its answers are invented",
                      "rooflink eval --attempts-log answers.jsonl --model llama3-8b"),
    "gsm8k_test.jsonl": ("eight problems in GSM8K's format, written for this",
                         "rooflink eval --task gsm8k:gsm8k_test.jsonl --model smollm2-135m"),
    "my_chip.toml": ("v5e's file, to be changed",
                     "rooflink predict --model llama3-8b --slice my_chip.toml:8"),
    "mine.toml": ("sizes of a model that nobody has trained",
                  "rooflink predict --model mine.toml --slice h200-8"),
    "your_rows.csv": ("five published measurements, in the columns of all",
                      "rooflink validate --measurements your_rows.csv"),
    "module.after_optimizations.txt": ("XLA's program of four small layers",
                                       "rooflink hlo module.after_optimizations.txt"),
    "mix.toml": ("two kinds of query",
                 "rooflink codesign runs/mine --workload mix.toml"),
    "grid.toml": ("axes of a sweep", "rooflink explore grid.toml --out runs/grid"),
}  # fmt: skip
"""File -> what it is, and a command that reads it."""
_ROWS = 5


def examples_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write them.")],
    force: Annotated[bool, typer.Option("--force", help="Write over files there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the files as JSON.")] = False,
) -> None:
    """Write small files of each kind that commands read, to try and to start from.

    Examples:

        rooflink examples .

        rooflink examples here && cd here && rooflink eval --attempts-log answers.jsonl
    """
    there = [name for name in READ_BY if (folder / name).exists()]
    if there and not force:
        raise ProfileInputError(f"{folder} holds {there[0]}: choose another folder, or --force")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in READ_BY:
            write_text(folder / name, _text(name))
    except OSError as error:
        reason = error.strerror or error
        raise ProfileInputError(f"cannot write to {folder}: {reason}") from None
    if json:
        rows = [{"file": str(folder / name), "is": what, "read_by": command}
                for name, (what, command) in READ_BY.items()]  # fmt: skip
        print(jsonlib.dumps(rows, indent=1))
        return
    columns = [
        Column(f"file in {folder}", list(READ_BY)),
        Column("is", [what for what, _ in READ_BY.values()]),
        Column("read by", [command for _, command in READ_BY.values()]),
    ]
    show_table(Table("Examples", columns), Console())


def _text(name: str) -> str:
    """A file of the folder examples; a chip and measurements as they come along elsewhere."""
    here = files(__package__.rpartition(".")[0])
    if name == "my_chip.toml":
        return chip_text("v5e").replace('name = "TPU v5e"', 'name = "my chip"', 1)
    if name == "your_rows.csv":
        shipped = here / "validation" / "data" / "measured_inference.csv"
        return "".join(shipped.read_text("utf-8").splitlines(keepends=True)[: _ROWS + 1])
    return (here / "examples" / name).read_text("utf-8")
