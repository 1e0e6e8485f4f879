"""Tables of a co-design report's chips, ways to serve, data centers and assumptions."""

from collections.abc import Sequence

from ...records.base import Interval
from ...records.codesign import (
    ChipDesign,
    CodesignReport,
    DataCenter,
    DesignSearch,
    ParetoPoint,
    budget_amounts,
)
from ...records.prediction import ExploredPoint
from .. import units
from ..codesign_words import by_correct, money
from ..document import (
    Column,
    Document,
    Section,
    Table,
    columns,
    data_columns,
    field_columns,
    with_interval,
)
from ..terms import PREDICTED

COST_MODEL = "cost model"
SEARCHED = "by search"
SHARES = {
    "matrix_flops": "matrix units",
    "hbm_bandwidth": "HBM bandwidth",
    "hbm_capacity": "HBM capacity",
    "on_chip_capacity": "on-chip memory",
    "link_bandwidth": "links",
    "other": "package, server and all else",
}


def budget_text(search: DesignSearch) -> str:
    """'600 mm² and 1,000 W per chip'."""
    return f"{budget_amounts(search.caps)} per chip"


def _dollars(value: float) -> str:
    """'$12,345'; below a thousand with three digits."""
    return f"${units.count(value)}" if value >= 1e3 else units.usd(value)


_PARTS: tuple[tuple[str, str, str, units.Text], ...] = (  # field, in a DataFrame, words, unit
    ("matrix_flops", "flop_per_s", "matrix FLOP/s", units.flop_rate),
    ("hbm_bandwidth", "hbm_bytes_per_s", "HBM bandwidth", units.bandwidth),
    ("hbm_capacity", "hbm_bytes", "HBM capacity", units.bytes_),
    ("on_chip_capacity", "on_chip_bytes", "on-chip capacity", units.bytes_),
    ("link_bandwidth", "link_bytes_per_s", "link bandwidth, one way", units.bandwidth),
    ("area_mm2", "area_mm2", "area (cost model)", "{:,.0f} mm\N{SUPERSCRIPT TWO}".format),
    ("watts", "watts", "full power (cost model)", "{:,.0f} W".format),
    ("usd", "build_usd", "cost to build (cost model)", _dollars),
)


def designs_table(searches: Sequence[DesignSearch]) -> Table:
    """The chip that is there beside the best one for each purpose; parts down, chips across."""
    if not searches:
        return Table("Chips", [], "designs")
    first = searches[0]
    there = [text(getattr(first.reference, field)) for field, *_, text in _PARTS]
    outcomes = [_outcomes(search) for search in searches]
    known = [words for words in outcomes[0] if any(outcome[words] for outcome in outcomes)]
    best = [
        Column(
            f"best for {search.purpose}",
            [*(_against(search.best, first.reference, field, text) for field, *_, text in _PARTS),
             *(outcome[words] for words in known)],
            str, SEARCHED,
        )
        for search, outcome in zip(searches, outcomes, strict=True)
    ]  # fmt: skip
    return Table(
        f"The best chips under {budget_text(first)}, {first.model} on {first.chips} of them",
        columns(
            Column("part", [*(words for _, _, words, _ in _PARTS), *known]),
            Column(f"{first.reference_chip}, as it is", [*there, *("" for _ in known)], str,
                   COST_MODEL),
            best,
        ),
        name="designs",
    )  # fmt: skip


def _against(chip: ChipDesign, there: ChipDesign, field: str, text: units.Text) -> str:
    """The figure with its ratio to that of the chip that is there."""
    value, base = getattr(chip, field), getattr(there, field)
    return f"{text(value)} ({units.ratio(value / base)})" if base else text(value)


def _outcomes(search: DesignSearch) -> dict[str, str]:
    """How the best chip does on its own mix."""
    slower = "slower on the other purpose's mix than its best chip, predicted"
    return {
        "memory": search.best.memory,
        "dies": units.count(search.best.dies) if search.best.dies else "",
        "the search ended against": "; ".join(search.ended_against),
        "sequences at once": units.count(search.sequences),
        "time per query, predicted": units.with_bounds(search.time_per_query_s, units.seconds),
        "cost per query, predicted": _known(search.usd_per_query, units.usd),
        "speedup over the chip as it is, predicted": units.with_bounds(search.speedup, units.ratio),
        slower: _known(search.other_purpose_slowdown, units.ratio),
    }


def designs_rows(searches: Sequence[DesignSearch]) -> Table:
    """The chip that is there, then the best for each purpose: for a DataFrame."""
    if not searches:
        return Table("Chips", [])
    first = searches[0]
    chips = [first.reference, *(search.best for search in searches)]
    names = [f"{first.reference_chip}, as it is", *(f"best for {s.purpose}" for s in searches)]
    return Table(
        "Chips",
        columns(
            Column("chip", names),
            data_columns(chips, **{name: field for field, name, *_ in _PARTS}),
            Column("sequences", [None, *(s.sequences for s in searches)], units.count),
            Column("query_s", [None, *(s.time_per_query_s.median for s in searches)],
                   units.seconds),
            Column("speedup", [None, *(s.speedup for s in searches)], units.ratio),
        ),
    )  # fmt: skip


def spent_table(searches: Sequence[DesignSearch]) -> Table:
    """Each part's share of the budget, chips across."""
    parts = list(dict.fromkeys(part for search in searches for part in search.spent))
    return Table(
        "Where the budget goes",
        columns(
            Column("part", [SHARES.get(part, part) for part in parts]),
            [Column(f"best for {s.purpose}", [s.spent.get(part, 0.0) for part in parts],
                    units.share, COST_MODEL) for s in searches],
        ),
        name="spent",
    )  # fmt: skip


def frontier_table(points: Sequence[ParetoPoint]) -> Table:
    """The points of one profile of which none is both faster and cheaper."""
    best = sorted((p for p in points if p.on_frontier), key=lambda p: p.latency_s.median)
    correct = by_correct(points)
    usd = [money(point, correct) for point in best]
    latency = [point.latency_s for point in best]
    name = points[0].profile if points else ""
    return Table(
        f"The cheapest at each latency: {name}",
        [
            Column("slice", [point.slice for point in best]),
            Column("prompts per batch", [point.batch for point in best], units.count),
            Column("attempts", [point.attempts for point in best], units.count),
            Column("tokens thought", [point.think_tokens for point in best], units.count),
            Column("latency", latency, units.seconds, PREDICTED, show="both"),
            Column("cost per correct answer" if correct else "cost per query", usd, units.usd,
                   PREDICTED, "usd", show="both"),
        ],
        name=f"frontier-{name}",
    )  # fmt: skip


def ways_rows(points: Sequence[ParetoPoint]) -> Table:
    """Every way to serve each profile: for a DataFrame."""
    renamed = {"prompts": "batch", "attempts": "attempts", "think_tokens": "think_tokens",
               "latency_s": "latency_s", "query_usd": "usd_per_query"}  # fmt: skip
    return Table("Ways to serve", columns(
        data_columns(points, "slice", "profile", **renamed), data_columns(points, "on_frontier")
    ))  # fmt: skip


def centers_table(centers: Sequence[DataCenter]) -> Table:
    """What a load takes; figures down, data centers across."""
    facts = [_center_facts(center) for center in centers]
    names = [name for name in (facts[0] if facts else {}) if any(each[name] for each in facts)]
    return Table(
        "What the load takes",
        columns(
            Column("figure", names),
            [Column(f"{c.profile} on {c.slice}", [each[name] for name in names], str, PREDICTED)
             for c, each in zip(centers, facts, strict=True)],
        ),
        name="centers",
    )  # fmt: skip


def _center_facts(center: DataCenter) -> dict[str, str]:
    return {
        "load": f"{units.significant(center.queries_per_s)} queries/s",
        "spread of thought lengths (standard deviation / mean)": f"{center.think_variation:.2f}",
        "latency target": units.seconds(center.latency_target_s),
        "latency of a query": units.with_bounds(center.latency_s, units.seconds),
        "prompts per batch on a slice": units.count(center.batch),
        "slices": units.count(center.slices),
        "chips": units.count(center.chips),
        "chips, 80 % interval": units.bounds(center.chips_interval, units.count),
        "tokens thought and answered": units.rate(center.tokens_per_s),
        "sustained share of peak FLOP/s": units.share(center.sustained),
        "mean power, hosts and cooling included": _known(center.power_w, units.watts),
        "power to provide, hosts and cooling included": _known(center.provisioned_w, units.watts),
        "busiest link of a chip, one way": units.bandwidth(center.link_bytes_per_s),
        "network in and out: prompts and answers": units.bandwidth(center.network_bytes_per_s),
        "network for KV, if prefill ran on chips of its own": units.bandwidth(
            center.prompt_kv_bytes_per_s
        ),
        "energy per day, hosts and cooling included": _known(center.wall_kwh_per_day, _kwh),
        "CO2e per day": _known(center.kgco2e_per_day, _kilograms),
        "cost per day": _known(center.usd_per_day, _dollars),
    }


def _known(value: Interval | float | None, text: units.Text) -> str:
    """With its bounds where it has any; '' for what is unknown."""
    if not value:
        return ""
    return units.with_bounds(value, text) if isinstance(value, Interval) else text(value)


def _kwh(value: float) -> str:
    return units.prefixed(value * 1e3, "Wh")


def _kilograms(value: float) -> str:
    """Tonnes from ten of them on."""
    large = value >= 1e4
    return f"{units.significant(value / 1e3 if large else value)} {'t' if large else 'kg'}"


def smoothing_table(center: DataCenter) -> Table:
    """Ways to even out the power and what they cost."""
    ways = center.smoothing
    return Table(
        f"Evening out the power on {center.slice}",
        [
            Column("method", [way.way for way in ways]),
            Column("swing left, of the mean", [way.remaining_swing for way in ways], units.share,
                   PREDICTED),
            Column("extra energy", [way.extra_energy for way in ways], units.share, PREDICTED),
            Column("stored per chip", [way.stored_j_per_chip or None for way in ways],
                   units.joules, PREDICTED),
            Column("in words", [way.sentence for way in ways]),
        ],
        name=f"smoothing-{center.slice}",
    )  # fmt: skip


def tiers_table(center: DataCenter) -> Table:
    """One query's price by how much it thinks."""
    tiers = center.tiers
    return Table(
        f"Price of thinking on {center.slice}, per query",
        [
            Column("tokens thought", [tier.think_tokens for tier in tiers], units.count),
            Column("attempts", [tier.attempts for tier in tiers], units.count),
            Column("prompts per batch", [tier.batch for tier in tiers], units.count),
            Column("latency", [tier.latency_s for tier in tiers], units.seconds, PREDICTED,
                   show="both"),
            Column("cost", [tier.usd for tier in tiers], units.usd, PREDICTED, show="both"),
            Column("energy, hosts and cooling included", [tier.wall_j for tier in tiers],
                   units.joules, PREDICTED, show="both"),
            Column("CO2e", [tier.gco2e for tier in tiers], units.grams, PREDICTED, show="both"),
        ],
        name=f"tiers-{center.slice}",
    )  # fmt: skip


def assumptions_table(report: CodesignReport) -> Table:
    """What the figures stand on."""
    shown = {"assumption": "sentence", "source": "source", "confidence": "confidence"}
    rows = field_columns(report.assumptions, **shown)
    return Table("Assumptions and their sources", rows, "assumptions")


def profiles_table(report: CodesignReport) -> Table:
    """The profiles that were read."""
    profiles = report.profiles
    run = Column("run", ["run" if profile.ran else "costed only" for profile in profiles])
    first = field_columns(profiles, profile="name", model="model", weights="weights")
    return Table("Profiles read", [*first, run, *field_columns(profiles, "file")], "profiles")


def exploration_document(found: Sequence[ExploredPoint], points: str) -> Document:
    """The cheapest points of an exploration."""
    note = (
        "The cheapest per generated token of each model, slice, dtype and workload, predicted with "
        "all draws of the calibration; energy is the chips'."
    )
    table = Table("Cheapest points", _explored(found), note=note)
    return Document("Exploration", "", [Section("", [table])], subtitle=points)


def _explored(found: Sequence[ExploredPoint]) -> list[Column]:
    designs = [", ".join(f"{name} {units.significant(factor)}{units.TIMES}"
                         for name, factor in point.design.items()) for point in found]  # fmt: skip
    each = [(p.time_s, p.energy_j, p.usd_per_million_tokens) for p in found]
    times, energies, dollars = zip(*each, strict=True) if each else ((), (), ())
    weights = [f"{p.weight_dtype}, KV {p.kv_dtype}" for p in found]
    return columns(
        Column("model", [p.model for p in found]),
        Column("slice", [p.slice for p in found]),
        Column("chip's", designs, name="design"),
        Column("weights", weights, priority=3),
        Column("think", [p.think_tokens for p in found], units.count, name="think_tokens"),
        Column("attempts", [p.attempts for p in found], units.count, priority=1),
        Column("together", [p.sequences for p in found], units.count, name="sequences"),
        with_interval(Column("$ per million tokens", dollars, units.dollars, PREDICTED,
                             name="usd_per_million_tokens", short="$/M tok")),
        Column("per query", times, units.seconds, PREDICTED, name="time_s", priority=2),
        Column("energy per query", energies, units.joules, PREDICTED, name="energy_j",
               short="energy"),
    )  # fmt: skip
