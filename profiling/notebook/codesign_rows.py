"""A co-design report's figures as flat rows, each column named with its unit."""

from ..records import Interval
from ..records.codesign import Ask, ChipDesign, CodesignCase, CodesignReport, Lever, WhatIf
from .frames import Row


def asks(report: CodesignReport) -> list[Row]:
    """Both teams' asks, in order; `saving` is a share of `quantity`."""
    return [_ask(each) for each in (*report.hardware_asks, *report.model_asks)]


def _ask(ask: Ask) -> Row:
    return {
        "rank": ask.rank,
        "side": ask.side,
        "change": ask.change,
        **_bounded("saving", ask.saving),
        "quantity": ask.quantity,
        "beats_next": ask.beats_next,
        "quality": ask.quality,
    }


def cases(report: CodesignReport) -> list[Row]:
    """A profile on a slice each: a batch's time, and what one query takes."""
    return [_case(each) for each in report.cases]


def _case(case: CodesignCase) -> Row:
    return {
        "slice": case.prediction.slice,
        "profile": case.profile,
        **_bounded("time_s", case.prediction.time_s),
        **_bounded("query_usd", case.usd_per_query),
        **_bounded("query_chips_j", case.energy_per_query_j),
        "correct_usd": case.usd_per_correct.median if case.usd_per_correct else None,
        **{f"{phase.phase}_bound": phase.bound for phase in case.prediction.phases},
    }


def elasticities(report: CodesignReport) -> list[Row]:
    """d log(quantity) / d log(parameter), for each phase and the whole query."""
    return [
        {
            "parameter": row.parameter,
            "slice": case.prediction.slice,
            "profile": case.profile,
            "phase": row.phase,
            "quantity": row.quantity,
            "regime": row.regime,
            **_bounded("value", row.value),
        }
        for case in report.cases
        for row in case.elasticities
    ]


def levers(report: CodesignReport) -> list[Row]:
    """Changes of the model or of its use: after over before, for one query."""
    return [_lever(case, each) for case in report.cases for each in case.levers]


def _lever(case: CodesignCase, lever: Lever) -> Row:
    return {
        "change": lever.change,
        "slice": case.prediction.slice,
        "profile": case.profile,
        **_bounded("time", lever.whole.time),
        "energy": lever.whole.energy.median if lever.whole.energy else None,
        "usd": lever.whole.usd.median if lever.whole.usd else None,
        "fits": lever.fits,
        "quality": lever.quality,
    }


def what_ifs(report: CodesignReport) -> list[Row]:
    """Stated changes: after over before, for one query."""
    return [_what_if(case, each) for case in report.cases for each in case.what_ifs]


def _what_if(case: CodesignCase, asked: WhatIf) -> Row:
    return {
        "change": asked.text,
        "slice": case.prediction.slice,
        "profile": case.profile,
        "before_s": asked.before_s.median,
        "after_s": asked.after_s.median,
        **_bounded("time", asked.whole.time),
        "energy": asked.whole.energy.median if asked.whole.energy else None,
        "usd": asked.whole.usd.median if asked.whole.usd else None,
        "fits": asked.fits,
    }


def designs(report: CodesignReport) -> list[Row]:
    """The chip that is there, then the best for each purpose under the budget."""
    if not report.searches:
        return []
    first = report.searches[0]
    there = {"chip": f"{first.reference_chip}, as it is", **_design(first.reference)}
    found = [
        {
            "chip": f"best for {search.purpose}",
            **_design(search.best),
            "sequences": search.sequences,
            "query_s": search.time_per_query_s.median,
            **_bounded("speedup", search.speedup),
        }
        for search in report.searches
    ]
    return [there, *found]


def _design(chip: ChipDesign) -> Row:
    return {
        "flop_per_s": chip.matrix_flops,
        "hbm_bytes_per_s": chip.hbm_bandwidth,
        "hbm_bytes": chip.hbm_capacity,
        "on_chip_bytes": chip.on_chip_capacity,
        "link_bytes_per_s": chip.link_bandwidth,
        "area_mm2": chip.area_mm2,
        "watts": chip.watts,
        "build_usd": chip.usd,
    }


def ways(report: CodesignReport) -> list[Row]:
    """Ways to serve each profile: slice, batch, attempts and length of thought."""
    return [
        {
            "slice": point.slice,
            "profile": point.profile,
            "prompts": point.batch,
            "attempts": point.attempts,
            "think_tokens": point.think_tokens,
            **_bounded("latency_s", point.latency_s),
            **_bounded("query_usd", point.usd_per_query),
            "on_frontier": point.on_frontier,
        }
        for point in report.pareto
    ]


def _bounded(name: str, found: Interval | None) -> Row:
    """With its 80 % interval."""
    values = (found.median, found.low, found.high) if found else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
