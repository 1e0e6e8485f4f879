"""`rooflink models` and `rooflink chips`: what there is.

One chip's figures with their sources, as a table.

`rooflink schema`: the JSON Schema of what the other commands write.
"""

import json as jsonlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from ...model.architecture import Architecture
from ...model.config import PRESETS, ModelConfig
from ...tpu_configs.catalog import chip_stem, load_all
from ...tpu_configs.chip import Chip
from ...tpu_configs.figure import Figure, Statement, figures_in
from ..errors import ProfileInputError
from ..names import chip_named
from ..reports.document import Column, Table
from ..reports.renderers.console import show_table
from ..reports.units import bandwidth, bytes_, count, flop_rate, prefixed, significant

if TYPE_CHECKING:
    from ..records.files import Written

PREFIXED = {"FLOP/s", "B/s", "B"}


def show_chip(chip: Chip, console: Console) -> None:
    """Print every figure of `chip` with unit, confidence, date and source."""
    figures = figures_in(chip)
    values = [f.value if isinstance(f, Statement) else _number(f) for f in figures.values()]
    console.print(Text(f"{chip.name} ({chip.vendor}, {chip.year}), per chip", "bold"))
    columns = [
        Column("figure", list(figures)),
        Column("value", values),
        Column("confidence", [f.confidence for f in figures.values()]),
        Column("date", [f.date for f in figures.values()]),
        Column("source", [f.source for f in figures.values()]),
    ]
    show_table(Table(chip.name, columns), console)


def _number(figure: Figure) -> str:
    if figure.unit in PREFIXED:
        return prefixed(figure.value, figure.unit)
    return count(figure.value) if figure.unit == "1" else f"{figure.value:g} {figure.unit}"


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


def chips_command(
    name: Annotated[
        str | None, typer.Argument(help="One chip, by name or as a .toml file, with its sources.")
    ] = None,
    json: Json = False,
) -> None:
    """List the chips, TPUs first, or show one with the source and confidence of each figure.

    A chip's confidence in the list is the least one of its bfloat16 peak and its memory's size and
    bandwidth; 'claimed' is what its maker says and nobody else has measured.

    Examples:

        rooflink chips

        rooflink chips v5e

        rooflink chips "H100 SXM"

        rooflink chips cpu  (this machine, measured)

        rooflink chips my_chip.toml --json
    """
    chips = [chip_named(name)] if name else load_all()
    if json:
        shown = [chip.model_dump(mode="json", exclude_none=True) for chip in chips]
        print(jsonlib.dumps(shown[0] if name else shown, indent=1))
    elif name:
        show_chip(chips[0], Console())
    else:
        show_table(_chip_table(chips), Console())


def _model_row(model: Architecture) -> dict[str, object]:
    return asdict(model) | {
        "runs": isinstance(model, ModelConfig),
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "weight_bytes_bfloat16": model.weight_bytes("bfloat16"),
        "kv_bytes_per_token_bfloat16": model.kv_bytes_per_token("bfloat16"),
    }


def _chip_table(chips: list[Chip]) -> Table:
    """TPUs come first."""
    ranked = sorted(chips, key=lambda chip: chip.kind != "tpu")
    return Table(
        "Chips, at datasheet peak",
        [
            Column("chip", [chip_stem(chip) for chip in ranked]),
            Column("year", [str(chip.year) for chip in ranked], str),
            Column("bfloat16 peak", [_peak(chip) for chip in ranked], str),
            Column("memory", [chip.hbm_capacity_bytes for chip in ranked], bytes_),
            Column("bandwidth", [chip.hbm_bandwidth for chip in ranked], bandwidth),
            Column("ridge FLOP/B", [chip.ridge("bfloat16") for chip in ranked], significant),
            Column("confidence", [chip.confidence for chip in ranked]),
        ],
        note="* has no bfloat16 rate: float32's; `rooflink chips NAME` gives every source",
    )


def _peak(chip: Chip) -> str:
    """The bfloat16 peak; with a star where another dtype's stands in."""
    peak = chip.peak_flops("bfloat16")
    return f"{'' if peak.dtype == 'bfloat16' else '*'}{flop_rate(peak.flop_per_s)}"


def schema_command(
    name: Annotated[
        str | None, typer.Argument(help="profile, evaluation ...; without one they are listed.")
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
