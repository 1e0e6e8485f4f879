"""Tables of data centers: what a load takes, ways to make power even, and price tiers."""

from collections.abc import Sequence

from ..records.base import Interval
from ..records.codesign import DataCenter
from . import amounts, units
from .codesign_words import between, with_bounds
from .lens import PREDICTED
from .table import Column, Table, from_columns


def centers_table(centers: Sequence[DataCenter]) -> Table:
    """Facts down, data centers across."""
    columns = [Column("what", numeric=False)]
    columns += [Column(f"{c.profile} on {c.slice}", PREDICTED) for c in centers]
    each = [_facts(center) for center in centers]
    rows = [[name, *(facts[name] for facts in each)] for name in (each[0] if each else {})]
    kept = [row for row in rows if any(row[1:])]
    return Table("What the load takes", columns, kept)


def _facts(center: DataCenter) -> dict[str, str]:
    power = center.power_w
    return {
        "load": f"{units.significant(center.queries_per_s)} queries/s",
        "thoughts' spread (standard deviation over mean)": f"{center.think_variation:.2f}",
        "latency target": units.seconds(center.latency_target_s),
        "latency of a query": with_bounds(center.latency_s, units.seconds),
        "prompts together on a slice": units.count(center.batch),
        "slices": units.count(center.slices),
        "chips": units.count(center.chips),
        "chips, 80 % interval": between(center.chips_interval, units.count),
        "tokens thought and answered": units.rate(center.tokens_per_s),
        "sustained share of peak FLOP/s": units.share(center.sustained),
        "power at the wall, mean": with_bounds(power, _watts) if power else "",
        "power to provide, at the wall": _watts(center.provisioned_w)
        if center.provisioned_w
        else "",
        "busiest link of a chip, one way": units.bandwidth(center.link_bytes_per_s),
        "prompts and answers, in and out": units.bandwidth(center.network_bytes_per_s),
        "KV between chips, were prefill apart": units.bandwidth(center.prompt_kv_bytes_per_s),
        "energy a day, at the wall": _or_blank(center.wall_kwh_per_day, _kwh),
        "CO2e a day": _or_blank(center.kgco2e_per_day, _kilograms),
        "money a day": _or_blank(center.usd_per_day, _dollars),
    }


def _or_blank(interval: Interval | None, said) -> str:  # type: ignore[no-untyped-def]
    return "" if interval is None else with_bounds(interval, said)


def _watts(value: float) -> str:
    return units.prefixed(value, "W")


def _kwh(value: float) -> str:
    return units.prefixed(value * 1e3, "Wh")


def _kilograms(value: float) -> str:
    return (
        f"{units.significant(value)} kg" if value < 1e4 else f"{units.significant(value / 1e3)} t"
    )


def _dollars(value: float) -> str:
    return f"${units.count(value)}" if value >= 1e3 else amounts.usd(value)


def smoothing_table(center: DataCenter) -> Table:
    """Ways to make power even and what they cost."""
    ways = center.smoothing
    return from_columns(
        f"Making power even on {center.slice}",
        [
            (Column("way", numeric=False), [way.way for way in ways]),
            (
                Column("swing left, of the mean", PREDICTED),
                [units.share(way.remaining_swing) for way in ways],
            ),
            (Column("extra energy", PREDICTED), [units.share(way.extra_energy) for way in ways]),
            (
                Column("stored a chip", PREDICTED),
                [amounts.joules(w.stored_j_per_chip) if w.stored_j_per_chip else "" for w in ways],
            ),
            (Column("in words", numeric=False), [way.sentence for way in ways]),
        ],
    )


def tiers_table(center: DataCenter) -> Table:
    """One query's price by how much it thinks."""
    tiers = center.tiers
    return from_columns(
        f"Price of thinking on {center.slice}: one query",
        [
            (Column("tokens thought"), [units.count(tier.think_tokens) for tier in tiers]),
            (Column("attempts"), [units.count(tier.attempts) for tier in tiers]),
            (Column("prompts together"), [units.count(tier.batch) for tier in tiers]),
            (
                Column("latency", PREDICTED),
                [with_bounds(tier.latency_s, units.seconds) for tier in tiers],
            ),
            (Column("$", PREDICTED), [_or_blank(tier.usd, amounts.usd) for tier in tiers]),
            (
                Column("energy at the wall", PREDICTED),
                [_or_blank(tier.wall_j, amounts.joules) for tier in tiers],
            ),
            (Column("CO2e", PREDICTED), [_or_blank(tier.gco2e, amounts.grams) for tier in tiers]),
        ],
    )
