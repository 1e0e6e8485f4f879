"""`rooflink chips`: the chips there are, or one chip's figures with their sources."""

import json as jsonlib
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ...tpu_configs.catalog import chip_stem, chip_text, load_all
from ...tpu_configs.chip import Chip, PeakRate
from ...tpu_configs.figure import Figure, Statement, figures_in
from ..errors import ProfileInputError
from ..names import MACHINE, chip_named
from ..reports.document import Column, Table, printable
from ..reports.renderers.console import show_table
from ..reports.units import bandwidth, bytes_, count, flop_rate, prefixed, significant

PREFIXED = {"FLOP/s", "B/s", "B"}


def show_chip(chip: Chip, console: Console) -> None:
    """Print every figure of `chip` with unit, confidence, date and source."""
    figures = figures_in(chip)
    values = [f.value if isinstance(f, Statement) else _number(f) for f in figures.values()]
    console.print(Text(printable(f"{chip.name} ({chip.vendor}, {chip.year}), per chip"), "bold"))
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


def chips_command(
    name: Annotated[
        str | None, typer.Argument(help="One chip, by name or as a .toml file, with its sources.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print one chip's file, as a start for one's own.")
    ] = False,
) -> None:
    """List the chips, TPUs first, or show one with source and confidence of each figure.

    After the TPUs come other accelerators of data centers, then the chips of devices. A chip's
    confidence in the list is the least one of its bfloat16 peak and its memory's size and
    bandwidth; 'claimed' is what its maker says and nobody else has measured.

    Examples:

        rooflink chips

        rooflink chips v5e

        rooflink chips "H100 SXM"

        rooflink chips jetson-orin

        rooflink chips cpu  (this machine, measured)

        rooflink chips my_chip.toml --json

        rooflink chips v5e --toml > my_chip.toml
    """
    if toml:
        if name is None or name.strip().lower() == MACHINE:
            raise ProfileInputError("--toml prints the file of one chip by name: `rooflink chips` "
                                    "lists those that have one")  # fmt: skip
        print(chip_text(name), end="")
        return
    chips = load_all() if name is None else [chip_named(name)]
    if json:
        shown = [chip.model_dump(mode="json", exclude_none=True) for chip in chips]
        print(jsonlib.dumps(shown if name is None else shown[0], indent=1))
    elif name is not None:
        show_chip(chips[0], Console())
    else:
        _show_chips(chips, Console())


def _show_chips(chips: list[Chip], console: Console) -> None:
    """A table of each group; only the last says what the signs mean."""
    groups = {
        "TPUs": [chip for chip in chips if chip.kind == "tpu"],
        "Other accelerators of data centers": [
            chip for chip in chips if chip.kind != "tpu" and chip.place == "data center"
        ],
        "Chips of devices": [chip for chip in chips if chip.place == "edge"],
    }
    for title, group in groups.items():
        console.print(Text(f"{title}, at datasheet peak", "bold"))
        show_table(_chip_table(title, group), console)
        console.print()
    console.print(Text(_NOTE, "dim"))


_NOTE = (
    "* has no bfloat16 rate: float32's, or int8's of a unit for integers alone; "
    "`rooflink chips NAME` gives every source"
)


def _chip_table(title: str, chips: list[Chip]) -> Table:
    peaks = [_peak(chip) for chip in chips]
    ridges = [peak.flop_per_s / chip.hbm_bandwidth for peak, chip in zip(peaks, chips, strict=True)]
    return Table(
        title,
        [
            Column("chip", [chip_stem(chip) for chip in chips]),
            Column("year", [str(chip.year) for chip in chips], str),
            Column("bfloat16 peak", [_rate(peak) for peak in peaks], str),
            Column("memory", [chip.hbm_capacity_bytes for chip in chips], bytes_),
            Column("bandwidth", [chip.hbm_bandwidth for chip in chips], bandwidth),
            Column("ridge FLOP/B", ridges, significant, short="ridge"),
            Column("confidence", [chip.confidence for chip in chips]),
        ],
    )


def _peak(chip: Chip) -> PeakRate:
    """The bfloat16 peak, or the int8 one of a unit for integers alone."""
    return chip.peak_flops("int8" if chip.peak.widest == "int8" else "bfloat16")


def _rate(peak: PeakRate) -> str:
    """With a star where another dtype's stands in."""
    return f"{'' if peak.dtype == 'bfloat16' else '*'}{flop_rate(peak.flop_per_s)}"
