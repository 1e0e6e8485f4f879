"""`rooflink models`: the models there are. `rooflink schema`: the JSON Schema of each record."""

import json as jsonlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from ...model.architecture import Architecture
from ...model.config import PRESETS, ModelConfig
from ..errors import ProfileInputError
from ..reports.document import Column, Table
from ..reports.renderers.console import show_table
from ..reports.units import bytes_, count, significant
from .csv_files import Csv, show_or_write, write_tables

if TYPE_CHECKING:
    from ..predicted.models.described_models import DescribedModel
    from ..records.files import Written

LOG = "attempts-log"
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def models_command(
    family: Annotated[
        str | None, typer.Argument(help="Qwen, Llama ...: its models in full; or one model.")
    ] = None,
    json: Json = False,
    csv: Csv = None,
) -> None:
    """List the model presets, and the models of which only sizes come along.

    A preset can be costed (`--weights none`) or run with random weights (`--weights random`);
    smollm2-135m comes with its own. A described model can be predicted, not run: `rooflink predict`
    takes it by any of its names ('deepseek-ai/DeepSeek-R1', 'Llama-3.3-70B-Instruct'), or your own
    .toml file of sizes. A path to a .gguf file or a Hugging Face folder, or another hub id, is a
    model too.

    Examples:

        rooflink models

        rooflink models qwen

        rooflink models deepseek-ai/DeepSeek-R1

        rooflink models --json
    """
    from ..predicted.models.described_models import described_families  # reads the table

    families = described_families()
    described = [model for members in families.values() for model in members]
    models = [*PRESETS.values(), *described] if family is None else _members(family, families)
    if json:
        print(jsonlib.dumps([_model_row(model) for model in models], indent=1))
    elif csv is not None:
        write_tables([_models_table(family or "Models", models)], csv)
    elif family is not None:
        _show_models(family, models)
    else:
        _show_models("Model presets (bytes in bfloat16)", list(PRESETS.values()))
        _show_families(families)


def _members(
    family: str, families: Mapping[str, Sequence["DescribedModel"]]
) -> Sequence[Architecture]:
    """The presets and described models of a family, in any case, or the one model of that name.
    Raises ProfileInputError for neither."""
    from ..predicted.models.described_models import tabled_model

    by_key = {name.lower(): members for name, members in families.items()}
    key = family.lower()
    if key not in by_key and (known := PRESETS.get(key) or tabled_model(family)):
        return [known]
    if key not in by_key:
        near = get_close_matches(key[:100], by_key, n=4, cutoff=0.5) or by_key
        raise ProfileInputError(
            f"no family of models called '{family}': expected {', '.join(near)}"
        )
    return [*(model for name, model in PRESETS.items() if name.startswith(key)), *by_key[key]]


def _billions(number: float) -> str:
    return f"{significant(number / 1e9)} B"


def _show_families(families: Mapping[str, Sequence[Architecture]]) -> None:
    title = "Described models: costed by their sizes (`rooflink models FAMILY` shows these)"
    console = Console()
    console.print(Text(title, "bold"))
    columns = [
        Column("family", list(families)),
        Column("models", [", ".join(map(_with_aliases, members)) for members in families.values()]),
    ]
    show_table(Table(title, columns), console)


def _with_aliases(model: Architecture) -> str:
    """'qwen2.5-7b (qwen2-7b, deepseek-r1-distill-qwen-7b)': other models of the same sizes."""
    from ..predicted.models.described_models import aliases_of

    aliases = aliases_of(model.name)
    return f"{model.name} ({', '.join(aliases)})" if aliases else model.name


def _show_models(title: str, models: Sequence[Architecture]) -> None:
    console = Console()
    console.print(Text(title, "bold"))
    show_table(_models_table(title, models), console)


def _models_table(title: str, models: Sequence[Architecture]) -> Table:
    context = [getattr(m, "context_length", None) for m in models]
    columns = [
        Column("model", [m.name for m in models]),
        Column("parameters", [m.parameters for m in models], _billions),
        Column("active", [m.active_parameters for m in models], _billions),
        Column(
            "weights", [m.weight_bytes("bfloat16") for m in models], bytes_, name="weight_bytes"
        ),
        Column(
            "KV per token",
            [m.kv_bytes_per_token("bfloat16") for m in models],
            bytes_,
            name="kv_bytes_per_token",
            short="KV/token",
        ),
        Column("layers", [m.layers for m in models], count, priority=2),
        Column("heads", [m.query_heads for m in models], count, priority=3),
        Column("KV heads", [m.kv_heads for m in models], count, priority=3),
        Column("context", context, count, priority=1),
    ]
    return Table(title, columns)


def _model_row(model: Architecture) -> dict[str, object]:
    from ..predicted.models.described_models import aliases_of

    return asdict(model) | {
        "aliases": aliases_of(model.name),
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
    csv: Csv = None,
) -> None:
    """Print the JSON Schema (draft 2020-12) of a record, or of a log that eval reads.

    Examples:

        rooflink schema

        rooflink schema profile > profile.schema.json

        rooflink schema attempts-log

        rooflink schema evaluation | jq '."$defs".Cell.properties'
    """
    from ..records.files import WRITTEN, published_text  # every record there is

    if name is not None and name not in (*WRITTEN, LOG):
        raise ProfileInputError(
            f"no record is called '{name}': `rooflink schema` prints one of "
            f"{', '.join((*WRITTEN, LOG))}"
        )
    if name == LOG:
        from ..evaluation.attempts_log import log_schema

        print(jsonlib.dumps(log_schema(), indent=1))
    elif name is not None:
        print(published_text(name), end="")
    elif json:
        print(jsonlib.dumps([row._asdict() for row in _records(WRITTEN)], indent=1))
    else:
        _show_records(_records(WRITTEN), csv)


class _Format(NamedTuple):
    """A kind of file with a schema."""

    name: str
    file: str
    version: str | None
    command: str


def _records(written: Mapping[str, "Written"]) -> list[_Format]:
    """The records, then the log that a user writes."""
    records = [_Format(n, each.file, each.version, each.command) for n, each in written.items()]
    return [*records, _Format(LOG, "*.jsonl", None, "rooflink eval --attempts-log")]


def _show_records(rows: Sequence[_Format], csv: Path | None) -> None:
    columns = [
        Column("record", [row.name for row in rows]),
        Column("file", [row.file for row in rows]),
        Column("schema_version", [row.version for row in rows]),
        Column("written or read by", [row.command for row in rows], name="command"),
    ]
    show_or_write(Table("Records", columns), csv, Console())
