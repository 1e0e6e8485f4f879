"""`rooflink models`: the models there are. `rooflink schema`: the JSON Schema of each record."""

import json as jsonlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from ...model.architecture import Architecture
from ...model.config import PRESETS, ModelConfig
from ..errors import ProfileInputError
from ..reports.document import Column, Table
from ..reports.renderers.console import show_table
from ..reports.units import bytes_, count, significant

if TYPE_CHECKING:
    from ..records.files import Written

Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def models_command(json: Json = False) -> None:
    """List the model presets, and the models of which only sizes come along.

    A preset can be costed (`--weights none`) or run with random weights (`--weights random`);
    smollm2-135m comes with its own. A described model can be predicted, not run: `rooflink predict`
    takes it, or your own .toml file of sizes. A path to a .gguf file or a Hugging Face folder, or
    a hub id, is a model too.

    Example:

        rooflink models --json
    """
    from ..predicted.model_shape import described_models  # brings the records

    presets, described = list(PRESETS.values()), list(described_models().values())
    if json:
        print(jsonlib.dumps([_model_row(model) for model in (*presets, *described)], indent=1))
        return
    _show_models("Model presets (bytes in bfloat16)", presets)
    _show_models("Described models: cost only, cannot run", described)


def _show_models(title: str, models: Sequence[Architecture]) -> None:
    def billions(number: float) -> str:
        return f"{significant(number / 1e9)} B"

    console = Console()
    console.print(Text(title, "bold"))
    context = [m.context_length if isinstance(m, ModelConfig) else None for m in models]
    columns = [
        Column("model", [m.name for m in models]),
        Column("parameters", [m.parameters for m in models], billions),
        Column("active", [m.active_parameters for m in models], billions),
        Column("weights", [m.weight_bytes("bfloat16") for m in models], bytes_),
        Column("KV per token", [m.kv_bytes_per_token("bfloat16") for m in models], bytes_),
        Column("layers", [m.layers for m in models], count),
        Column("heads", [m.query_heads for m in models], count),
        Column("KV heads", [m.kv_heads for m in models], count),
        Column("context", context, count),
    ]
    show_table(Table(title, columns), console)


def _model_row(model: Architecture) -> dict[str, object]:
    return asdict(model) | {
        "runs": isinstance(model, ModelConfig),
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "weight_bytes_bfloat16": model.weight_bytes("bfloat16"),
        "kv_bytes_per_token_bfloat16": model.kv_bytes_per_token("bfloat16"),
    }


def schema_command(
    name: Annotated[
        str | None, typer.Argument(help="profile, evaluation ...; without one they are listed.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="List as JSON; a schema is JSON anyway.")
    ] = False,
) -> None:
    """Print the JSON Schema (draft 2020-12) of a record that rooflink writes.

    Examples:

        rooflink schema

        rooflink schema profile > profile.schema.json

        rooflink schema evaluation | jq '."$defs".Cell.properties'
    """
    from ..records.files import WRITTEN, published_text  # every record there is

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
        _show_records(WRITTEN)


def _show_records(records: Mapping[str, "Written"]) -> None:
    columns = [
        Column("record", list(records)),
        Column("file", [record.file for record in records.values()]),
        Column("schema_version", [record.version for record in records.values()]),
        Column("written by", [record.command for record in records.values()]),
    ]
    show_table(Table("Records", columns), Console())
