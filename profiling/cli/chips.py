"""`rooflink chips`: the chips there are, or one chip's figures with their sources."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ...tpu_configs.catalog import chip_stem, chip_text, load_all
from ...tpu_configs.chip import ANYWHERE, DEFAULT_SELLER, Chip, Offer, PeakRate
from ...tpu_configs.figure import Figure, Statement, figures_in
from ..errors import ProfileInputError
from ..names import MACHINE, chip_named
from ..reports.document import Column, Table, printable
from ..reports.renderers.console import show_table
from ..reports.units import (
    bandwidth,
    bytes_,
    count,
    dollars,
    flop_rate,
    prefixed,
    seconds,
    significant,
)
from .csv_files import Csv, write_tables

PREFIXED = {"FLOP/s", "B/s", "B"}


def show_chip(chip: Chip, csv: Path | None, console: Console) -> None:
    """Print every figure of `chip` with unit, confidence, date and the number of its source, and
    the sources after them; or write them all into the folder `csv`."""
    figures, offers = figures_in(chip), chip.price.offers if chip.price else []
    values = [f.value if isinstance(f, Statement) else _number(f) for f in figures.values()]
    sourced = [*figures.values(), *offers]
    sources = list(dict.fromkeys(f.source for f in sourced))
    columns = [
        Column("figure", [*figures, *(f"price.{offer.kind}" for offer in offers)]),
        Column("value", [*values, *map(_offer, offers)]),
        Column("confidence", [f.confidence for f in sourced]),
        Column("date", [f.date for f in sourced]),
    ]
    if csv is not None:
        stated = Column("source", [f.source for f in sourced])
        write_tables([Table(chip.name, [*columns, stated])], csv)
        return
    numbers = [str(sources.index(f.source) + 1) for f in sourced]
    head = f"{chip.name} ({chip.vendor}, {chip.year}), per chip"
    console.print(Text(printable(head), "bold"))
    show_table(Table(chip.name, [*columns, Column("source", numbers, str)]), console)
    console.print()
    for number, source in enumerate(sources, 1):
        line = Text(f"{number}. {printable(source)}", "dim")
        console.print(Padding(line, (0, 0, 0, 2), expand=False))


def _offer(offer: Offer) -> str:
    """'lambda 3.99 USD/h', 'google-cloud 1.20 USD/h in us-central1, 1.20 to 1.72 in 15 others'."""
    (region, first), *others = offer.usd_per_chip_hour.items()
    where = "" if region == ANYWHERE else f" in {region}"
    usd = [price for _, price in others]
    rest = f", {min(usd):.2f} to {max(usd):.2f} in {len(usd)} others" if usd else ""
    return f"{offer.seller} {first:.2f} USD/h{where}{rest}"


def _number(figure: Figure) -> str:
    if figure.unit in PREFIXED:
        return prefixed(figure.value, figure.unit)
    if figure.unit == "s":
        return seconds(figure.value)
    return count(figure.value) if figure.unit == "1" else f"{figure.value:g} {figure.unit}"


def chips_command(
    name: Annotated[
        str | None, typer.Argument(help="One chip, by name or as a .toml file, with its sources.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    csv: Csv = None,
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
        show_chip(chips[0], csv, Console())
    elif csv is not None:
        write_tables([_chip_table("Chips", chips)], csv)
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
    "* has no bfloat16 rate: float32's, or int8's of a unit for integers alone. Power: the most "
    "that is published. $: an hour of one chip on demand, of google-cloud where it sells the chip, "
    "else of the cheapest seller. `rooflink chips NAME` gives every source"
)


def _chip_table(title: str, chips: list[Chip]) -> Table:
    peaks = [_peak(chip) for chip in chips]
    ridges = [peak.flop_per_s / chip.hbm_bandwidth for peak, chip in zip(peaks, chips, strict=True)]
    asked = [c.price.of_seller("on_demand", DEFAULT_SELLER) if c.price else None for c in chips]
    usd = [each.usd if each else None for each in asked]
    powers = [chip.power.maximum if chip.power else None for chip in chips]
    watts = [power.value if power else None for power in powers]
    return Table(
        title,
        [
            Column("chip", [chip_stem(chip) for chip in chips]),
            Column("year", [str(chip.year) for chip in chips], str, priority=2),
            Column("bfloat16 peak", [_rate(peak) for peak in peaks], str),
            Column(
                "memory", [chip.hbm_capacity_bytes for chip in chips], bytes_, name="memory_bytes"
            ),
            Column(
                "bandwidth",
                [chip.hbm_bandwidth for chip in chips],
                bandwidth,
                name="bandwidth_bytes_per_s",
            ),
            Column("ridge FLOP/B", ridges, significant, short="ridge", priority=1),
            Column("watts", watts, count, name="power_w"),
            Column("$ per hour", usd, dollars, name="usd_per_hour", short="$/h"),
            Column("seller", [each.offer.seller if each else "" for each in asked]),
            Column("confidence", [chip.confidence for chip in chips], priority=3),
        ],
    )


def _peak(chip: Chip) -> PeakRate:
    """The bfloat16 peak, or the int8 one of a unit for integers alone."""
    return chip.peak_flops("int8" if chip.peak.widest == "int8" else "bfloat16")


def _rate(peak: PeakRate) -> str:
    """With a star where another dtype's stands in."""
    return f"{'' if peak.dtype == 'bfloat16' else '*'}{flop_rate(peak.flop_per_s)}"
