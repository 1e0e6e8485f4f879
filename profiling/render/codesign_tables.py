"""Tables of one co-design case: phases' slopes, levers, what-ifs; and the cases side by side."""

from collections.abc import Sequence

from ..records.base import Interval
from ..records.codesign import CodesignCase, Lever, Quantity, Regime, WhatIf
from . import amounts, units
from .codesign_words import between, case_name, dominant, factor, figure_of, signed, with_bounds
from .lens import MEASURED, PREDICTED
from .plot_codesign_tornado import QUERY
from .table import Column, Table, from_columns


def cases_table(cases: Sequence[CodesignCase]) -> Table:
    """Each case: how long its batch takes, what limits it, and what a query costs."""
    longest = [dominant(case) for case in cases]
    usd = [case.usd_per_query for case in cases]
    right = [case.usd_per_correct for case in cases]
    return from_columns(
        "Every profile on every slice: a batch's time, and what one query costs",
        [
            (Column("case", numeric=False), [case_name(case) for case in cases]),
            *interval_columns(
                "time of a batch", [c.prediction.time_s for c in cases], units.seconds
            ),
            (
                Column("longest phase", PREDICTED, False),
                [f"{phase} {units.share(share)}" for phase, share, _ in longest],
            ),
            (Column("bound", PREDICTED, False), [bound for *_, bound in longest]),
            *interval_columns("$ a query", usd, amounts.usd),
            (Column("$ a correct answer", PREDICTED), [known(each, amounts.usd) for each in right]),
            (
                Column("chips' energy a query", PREDICTED),
                [known(case.energy_per_query_j, amounts.joules) for case in cases],
            ),
            (
                Column("accuracy of an attempt", MEASURED),
                [with_bounds(c.accuracy, units.share) if c.accuracy else "" for c in cases],
            ),
        ],
    )


def interval_columns(  # type: ignore[no-untyped-def]
    title: str, intervals: Sequence[Interval | None], said
) -> list[tuple[Column, list[str]]]:
    """The medians, and what lies between 80 %."""
    return [
        (Column(title, PREDICTED), [known(each, said) for each in intervals]),
        (Column("80 % interval", PREDICTED), [between(each, said) for each in intervals]),
    ]


def known(interval: Interval | None, said) -> str:  # type: ignore[no-untyped-def]
    """The median; '' where nothing is known, so that a column without any is left out."""
    return "" if interval is None else said(interval.median)


def levers_table(case: CodesignCase) -> Table:
    """Every lever with its number, cheapest first as the record has them."""
    levers = case.levers
    whole = [lever.whole for lever in levers]
    phases = [phase.phase for phase in case.prediction.phases]
    return from_columns(
        "Model levers: after over before, for one query",
        [
            (
                Column("change", numeric=False),
                [f"{i + 1}. {lever.change}" for i, lever in enumerate(levers)],
            ),
            (Column("time", PREDICTED), [units.ratio(each.time.median) for each in whole]),
            (Column("80 % interval", PREDICTED), [between(w.time, units.ratio) for w in whole]),
            *(
                (Column(phase, PREDICTED), [factor(lever.by_phase.get(phase)) for lever in levers])
                for phase in phases
            ),
            (Column("energy", PREDICTED), [factor(each.energy) for each in whole]),
            (Column("$", PREDICTED), [factor(each.usd) for each in whole]),
            (Column("quality", numeric=False), [_quality(lever) for lever in levers]),
        ],
    )


def _quality(lever: Lever) -> str:
    """The evidence, behind what kind it is; that it does not fit comes first."""
    beyond = "" if lever.fits else "DOES NOT FIT this slice's memory. "
    kind = "" if lever.quality == "not measured" else f"{lever.quality}: "
    evidence = lever.evidence
    if evidence.lower().startswith(kind.lower()):
        kind = ""
    return f"{beyond}{kind}{evidence}"


def slopes_table(case: CodesignCase, regime: Regime) -> Table:
    """Elasticities in figures: time by phase, then energy and money of the query."""
    rows = {
        (e.parameter, e.quantity, e.phase): e.value for e in case.elasticities if e.regime == regime
    }
    names = [p for p in case.parameters if any(key[0] == p.name for key in rows)]
    phases = list(dict.fromkeys(key[2] for key in rows))
    wanted: list[tuple[Quantity, str, str]] = [("time", phase, phase) for phase in phases]
    wanted += [("energy", QUERY, "query's energy"), ("usd", QUERY, "query's $")]
    return from_columns(
        f"Elasticities {regime}: d log(quantity) / d log(parameter)",
        [
            (Column("parameter", numeric=False), [p.words for p in names]),
            (Column("now", "datasheet"), [figure_of(p.value, p.unit) for p in names]),
            (Column("step"), [units.ratio(p.step) if p.step else "" for p in names]),
            *(
                (
                    Column(title if quantity != "time" else f"{title}'s time", PREDICTED),
                    [_slope(rows.get((p.name, quantity, phase))) for p in names],
                )
                for quantity, phase, title in wanted
            ),
        ],
    )


def _slope(value: Interval | None) -> str:
    return "" if value is None else with_bounds(value, signed)


def batches_table(case: CodesignCase) -> Table:
    """The most sequences that a context leaves room for."""
    rows = [
        [units.count(float(context)), units.count(most)]
        for context, most in case.thought.largest_batch.items()
    ]
    return Table(
        "Sequences that the slice's memory holds",
        [Column("tokens cached by each"), Column("sequences at most", PREDICTED)],
        rows,
    )


def what_ifs_table(found: Sequence[WhatIf]) -> Table:
    """Each stated change: before, after, and by phase."""
    rows = list(found)
    return from_columns(
        "What if: a query before and after",
        [
            (Column("change", numeric=False), [_stated(row) for row in rows]),
            (Column("before", PREDICTED), [units.seconds(row.before_s.median) for row in rows]),
            *interval_columns("after", [row.after_s for row in rows], units.seconds),
            (Column("time", PREDICTED), [units.ratio(row.whole.time.median) for row in rows]),
            (
                Column("80 % interval", PREDICTED),
                [between(r.whole.time, units.ratio) for r in rows],
            ),
            (Column("energy", PREDICTED), [factor(row.whole.energy) for row in rows]),
            (Column("$", PREDICTED), [factor(row.whole.usd) for row in rows]),
            (
                Column("by phase: time and bound", PREDICTED, False),
                ["; ".join(_phase_change(row, phase) for phase in row.by_phase) for row in rows],
            ),
        ],
    )


def _stated(row: WhatIf) -> str:
    return row.text if row.fits else f"{row.text} (does not fit this slice's memory)"


def _phase_change(row: WhatIf, phase: str) -> str:
    """'think 0.55\N{MULTIPLICATION SIGN}, memory \N{RIGHTWARDS ARROW} overhead'."""
    before, after = row.bound_before.get(phase, ""), row.bound_after.get(phase, "")
    bound = before if before == after else f"{before} \N{RIGHTWARDS ARROW} {after}"
    return f"{phase} {factor(row.by_phase[phase])}, {bound}"
