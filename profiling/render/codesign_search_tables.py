"""Tables of chips that a search found, of frontiers, seeds and assumptions."""

from collections.abc import Sequence

from ..records.codesign import ChipDesign, CodesignReport, DesignSearch, ParetoPoint, Seed
from . import amounts, units
from .codesign_words import between, with_bounds
from .lens import PREDICTED
from .plot_codesign_pareto import by_correct, money
from .table import Column, Table, from_columns

COST_MODEL = "cost model"
BUDGET_UNITS = {"area": "mm\N{SUPERSCRIPT TWO}", "watts": "W", "usd": "$"}
SHARES = {
    "matrix_flops": "matrix units",
    "hbm_bandwidth": "HBM bandwidth",
    "hbm_capacity": "HBM capacity",
    "on_chip_capacity": "on-chip memory",
    "link_bandwidth": "links",
    "other": "package, server and all else",
}


def budget_text(search: DesignSearch) -> str:
    """'600 mm2 a chip'."""
    value = units.significant(search.budget)
    unit = BUDGET_UNITS[search.budget_kind]
    return f"{unit}{value} a chip" if unit == "$" else f"{value} {unit} a chip"


def designs_table(searches: Sequence[DesignSearch]) -> Table:
    """The chip that is there beside the best one for each purpose; parts down, chips across."""
    if not searches:
        return Table("Chips", [Column("part", numeric=False)], [])
    first = searches[0]
    columns = [
        Column("part", numeric=False),
        Column(f"{first.reference_chip}, as it is", COST_MODEL),
    ]
    columns += [Column(f"best for {s.purpose}", "found by search") for s in searches]
    chips = [first.reference, *(search.best for search in searches)]
    rows = [[words, *_row(chips, field, unit)] for field, words, unit in _PARTS]
    rows += [[words, "", *cells] for words, cells in _outcomes(searches) if any(cells)]
    caption = f"The best chips under {budget_text(first)}, {first.model} on {first.chips} of them"
    return Table(caption, columns, rows)


_PARTS = (
    ("matrix_flops", "matrix FLOP/s", "FLOP/s"),
    ("hbm_bandwidth", "HBM bandwidth", "B/s"),
    ("hbm_capacity", "HBM capacity", "B"),
    ("on_chip_capacity", "on-chip capacity", "B"),
    ("link_bandwidth", "link bandwidth, one way", "B/s"),
    ("area_mm2", "area, by the cost model", "mm\N{SUPERSCRIPT TWO}"),
    ("watts", "full power, by the cost model", "W"),
    ("usd", "to build, by the cost model", "$"),
)


def _row(chips: Sequence[ChipDesign], field: str, unit: str) -> list[str]:
    """The reference's figure, then each other's with its ratio to it."""
    values = [getattr(chip, field) for chip in chips]
    cells = [_figure(value, unit) for value in values]
    there = values[0]
    return [cells[0], *(
        f"{cell} ({units.ratio(value / there)})" if there else cell
        for cell, value in zip(cells[1:], values[1:], strict=True)
    )]  # fmt: skip


def _figure(value: float, unit: str) -> str:
    if unit == "$":
        return f"${units.count(value)}"
    if unit in ("W", BUDGET_UNITS["area"]):
        return f"{units.count(value)} {unit}"
    return units.prefixed(value, unit)


def _outcomes(searches: Sequence[DesignSearch]) -> list[tuple[str, list[str]]]:
    """How the found chips do, each on its own mix."""
    return [
        ("sequences together", [units.count(s.sequences) for s in searches]),
        (
            "time of a query, predicted",
            [with_bounds(s.time_per_query_s, units.seconds) for s in searches],
        ),
        (
            "$ a query, predicted",
            [with_bounds(s.usd_per_query, amounts.usd) if s.usd_per_query else ""
             for s in searches],
        ),
        (
            "faster than the chip as it is, predicted",
            [with_bounds(s.speedup, units.ratio) for s in searches],
        ),
        (
            "its time on the other's mix over the other's, predicted",
            [units.ratio(s.other_purpose_slowdown) if s.other_purpose_slowdown else ""
             for s in searches],
        ),
    ]  # fmt: skip


def spent_table(searches: Sequence[DesignSearch]) -> Table:
    """Each part's share of the budget, chips across."""
    columns = [Column("part", numeric=False)]
    columns += [Column(f"best for {search.purpose}", COST_MODEL) for search in searches]
    parts = dict.fromkeys(part for search in searches for part in search.spent)
    rows = [
        [SHARES.get(part, part), *(units.share(search.spent.get(part, 0.0)) for search in searches)]
        for part in parts
    ]
    return Table("Where the budget goes", columns, rows)


def frontier_table(points: Sequence[ParetoPoint]) -> Table:
    """The points of one profile that none beats in both."""
    best = sorted((p for p in points if p.on_frontier), key=lambda p: p.latency_s.median)
    correct = by_correct(points)
    usd = [money(point, correct) for point in best]
    what = "$ a correct answer" if correct else "$ a query"
    return from_columns(
        f"On the frontier: {points[0].profile}" if points else "On the frontier",
        [
            (Column("slice", numeric=False), [point.slice for point in best]),
            (Column("prompts together"), [units.count(point.batch) for point in best]),
            (Column("attempts"), [units.count(point.attempts) for point in best]),
            (Column("tokens thought"), [units.count(point.think_tokens) for point in best]),
            (Column("latency", PREDICTED), [units.seconds(p.latency_s.median) for p in best]),
            (
                Column("80 % interval", PREDICTED),
                [between(p.latency_s, units.seconds) for p in best],
            ),
            (Column(what, PREDICTED), [amounts.usd(each.median) for each in usd]),
            (Column("80 % interval", PREDICTED), [between(each, amounts.usd) for each in usd]),
        ],
    )


def seed_table(seed: Seed) -> Table:
    """A seed's computed figures."""
    return from_columns(
        f"Computed for {seed.name}",
        [
            (Column("what", numeric=False), [row.label for row in seed.rows]),
            (Column("value", "computed"), [seed_figure(row.value) for row in seed.rows]),
            (Column("unit", numeric=False), [row.unit for row in seed.rows]),
            (Column("note", numeric=False), [row.note for row in seed.rows]),
        ],
    )


def seed_figure(value: float) -> str:
    """Three digits; an exponent where there would be many zeros."""
    if value and not 1e-4 <= abs(value) < 1e9:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa} {units.TIMES} 10^{int(exponent)}"
    return units.significant(value)


def assumptions_table(report: CodesignReport) -> Table:
    """What the figures stand on."""
    found = report.assumptions
    return from_columns(
        "Assumptions and their sources",
        [
            (Column("assumption", numeric=False), [each.sentence for each in found]),
            (Column("source", numeric=False), [each.source for each in found]),
            (Column("confidence", numeric=False), [each.confidence for each in found]),
        ],
    )


def profiles_table(report: CodesignReport) -> Table:
    """The profiles that were read."""
    found = report.profiles
    return from_columns(
        "Profiles read",
        [
            (Column("profile", numeric=False), [each.name for each in found]),
            (Column("model", numeric=False), [each.model for each in found]),
            (Column("weights", numeric=False), [each.weights for each in found]),
            (
                Column("run", numeric=False),
                ["run" if each.ran else "costed only" for each in found],
            ),
            (Column("file", numeric=False), [each.file or "" for each in found]),
        ],
    )
