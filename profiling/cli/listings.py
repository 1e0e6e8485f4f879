"""`rooflink models` and `rooflink chips`: what there is.

One chip's figures with their sources, as a table.

`rooflink schema`: the JSON Schema of what the other commands write.
"""

import json as jsonlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ...model.architecture import Architecture
from ...model.config import PRESETS, ModelConfig
from ...tpu_configs.catalog import chip_stem, load_all
from ...tpu_configs.chip import Chip
from ...tpu_configs.figure import Figure, Statement, figures_in
from ..errors import ProfileInputError
from ..names import chip_named
from ..render.units import bandwidth, bytes_, count, flop_rate, prefixed

PREFIXED = {"FLOP/s", "B/s", "B"}


def show_chip(chip: Chip, console: Console) -> None:
    """Print every figure of `chip` with unit, confidence, date and source."""
    table = Table(title=f"{chip.name} ({chip.vendor}, {chip.year}), per chip", box=None)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", overflow="fold", min_width=13, max_width=24)
    table.add_column("confidence")
    table.add_column("date", no_wrap=True)
    table.add_column("source", overflow="fold")
    for name, figure in figures_in(chip).items():
        value = figure.value if isinstance(figure, Statement) else _number(figure)
        table.add_row(name, value, figure.confidence, figure.date, figure.source)
    console.print(table)


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
    console = Console()
    console.print(_model_table("Model presets (bytes in bfloat16)", presets))
    console.print(_model_table("Described models: cost only, cannot run", described))


def _model_table(title: str, models: Sequence[Architecture]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model", no_wrap=True, min_width=15)
    for column in ("params", "active", "weights", "KV/token", "layers", "heads", "KV"):
        table.add_column(column, justify="right")
    table.add_column("context", justify="right")
    for model in models:
        table.add_row(
            model.name,
            f"{model.parameters / 1e9:.3g} B",
            f"{model.active_parameters / 1e9:.3g} B",
            bytes_(model.weight_bytes("bfloat16")),
            bytes_(model.kv_bytes_per_token("bfloat16")),
            *(str(n) for n in (model.layers, model.query_heads, model.kv_heads)),
            str(model.context_length) if isinstance(model, ModelConfig) else "",
        )
    return table


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
        Console().print(_chip_table(chips))


def _model_row(model: Architecture) -> dict[str, object]:
    return asdict(model) | {
        "runs": isinstance(model, ModelConfig),
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "weight_bytes_bfloat16": model.weight_bytes("bfloat16"),
        "kv_bytes_per_token_bfloat16": model.kv_bytes_per_token("bfloat16"),
    }


def _chip_table(chips: list[Chip]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.title = "Chips, at datasheet peak"
    table.caption = "* has no bfloat16 rate: float32's; `rooflink chips NAME` gives every source"
    table.add_column("chip", no_wrap=True)
    for column in ("year", "bfloat16 peak", "memory", "bandwidth", "ridge FLOP/B"):
        table.add_column(column, justify="right")
    table.add_column("confidence", no_wrap=True)
    others = False
    for chip in chips:
        if chip.kind != "tpu" and not others:
            table.add_row()  # TPUs come first
            others = True
        table.add_row(
            chip_stem(chip),
            str(chip.year),
            _peak(chip),
            bytes_(chip.hbm_capacity_bytes),
            bandwidth(chip.hbm_bandwidth),
            f"{chip.ridge('bfloat16'):.3g}",
            chip.confidence,
        )
    return table


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
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("record", "file", "schema_version", "written by"):
            table.add_column(column, overflow="fold")
        for name, each in WRITTEN.items():
            table.add_row(name, each.file, each.version, each.command)
        Console().print(table)
