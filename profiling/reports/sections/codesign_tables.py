"""Tables of co-design cases: side by side, elasticities, levers, what-ifs, recommendations."""

from collections.abc import Sequence

from ...records.base import Interval
from ...records.codesign import Ask, CodesignCase, Lever, Quantity, Regime
from .. import units
from ..codesign_words import QUERY, REGIMES, case_name, parameter_text, signed
from ..document import Column, Table, columns, data_columns, with_interval
from ..terms import MEASURED, PREDICTED

DATASHEET = "datasheet"
CHANGE = "after / before"
_BEYOND = "(does not fit this slice's memory)"


def cases_table(cases: Sequence[CodesignCase]) -> Table:
    """Each case: how long its batch takes, what limits it, and what a query costs."""
    predictions = [case.prediction for case in cases]
    shares = [f"{one.longest.phase} {units.share(one.longest_share)}" for one in predictions]
    return Table(
        "A batch's time, and what one query costs",
        [
            *_of_case(cases),
            *_bounds(cases),
            Column("case", [case_name(case) for case in cases]),
            *_predicted("time of a batch", [c.prediction.time_s for c in cases], units.seconds,
                        "time_s"),
            Column("longest phase", shares, lens=PREDICTED, data=False, priority=2),
            Column("bound", [one.longest.bound for one in predictions], lens=PREDICTED, priority=1),
            *_predicted("cost per query", [case.usd_per_query for case in cases], units.usd,
                        "query_usd", 2),
            Column("cost per correct answer", [case.usd_per_correct for case in cases], units.usd,
                   PREDICTED, "correct_usd", 4),
            Column("chips' energy per query", [case.energy_per_query_j for case in cases],
                   units.joules, PREDICTED, "query_chips_j", 4),
            Column("accuracy of an attempt", [case.accuracy for case in cases], units.share,
                   MEASURED, "accuracy", 5, "both"),
        ],
        name="cases",
        whole=True,
    )  # fmt: skip


def _predicted(
    title: str, values: Sequence[Interval | None], text: units.Text, name: str, priority: int = 0
) -> list[Column]:
    return with_interval(Column(title, values, text, PREDICTED, name, priority))


def _bounds(cases: Sequence[CodesignCase]) -> list[Column]:
    """Each phase's bound, in a DataFrame alone."""
    rows = [{phase.phase: phase.bound for phase in case.prediction.phases} for case in cases]
    phases = dict.fromkeys(name for row in rows for name in row)
    return [Column(f"{name} bound", [row.get(name, "") for row in rows], show="data")
            for name in phases]  # fmt: skip


def asks_table(asks: Sequence[Ask]) -> Table:
    """Recommendations of both sides, in order; `saving` is a share of `quantity`."""
    fields = ("rank", "side", "change", "saving", "quantity", "beats_next", "quality")
    return Table("Recommendations", data_columns(asks, *fields))


def levers_table(case: CodesignCase) -> Table:
    """Every lever with its number, cheapest first as the record has them."""
    levers = case.levers
    phases = [phase.phase for phase in case.prediction.phases]
    return Table(
        "Model levers, for one query",
        columns(
            Column("change", [f"{i + 1}. {lever.change}" for i, lever in enumerate(levers)]),
            with_interval(_ratio("time", [lever.whole.time for lever in levers]), 3),
            [_ratio(phase, [lever.by_phase.get(phase) for lever in levers], 4)
             for phase in phases],
            _ratio("energy", [lever.whole.energy for lever in levers], 1),
            _ratio("cost", [lever.whole.usd for lever in levers], 1),
            Column("quality", [_quality(lever) for lever in levers], priority=5),
        ),
        name="levers",
        note="after over before: 0.69\N{MULTIPLICATION SIGN} is 31 % less",
    )  # fmt: skip


def _ratio(
    title: str,
    values: Sequence[Interval | None] | Sequence[float | None],
    priority: int = 0,
    name: str = "",
) -> Column:
    return Column(title, values, units.ratio, CHANGE, name, priority)


def _quality(lever: Lever) -> str:
    """The evidence, behind what kind it is; that it does not fit comes first."""
    beyond = "" if lever.fits else "DOES NOT FIT this slice's memory. "
    kind = "" if lever.quality == "not measured" else f"{lever.quality}: "
    if lever.evidence.lower().startswith(kind.lower()):
        kind = ""
    return f"{beyond}{kind}{lever.evidence}"


def levers_rows(cases: Sequence[CodesignCase]) -> Table:
    """Every lever of every case: for a DataFrame."""
    levers = [lever for case in cases for lever in case.levers]
    whole = data_columns([lever.whole for lever in levers], "time", "energy", "usd")
    rest = data_columns(levers, "fits", "quality")
    of = _of_case([case for case in cases for _ in case.levers])
    return Table("Levers", columns(data_columns(levers, "change"), of, whole, rest))


def slopes_table(case: CodesignCase, regime: Regime) -> Table:
    """Elasticities in figures: time by phase, then energy and money of the query."""
    values = {
        (e.parameter, e.quantity, e.phase): e.value for e in case.elasticities if e.regime == regime
    }
    shown = [p for p in case.parameters if any(key[0] == p.name for key in values)]
    phases = dict.fromkeys(key[2] for key in values)
    wanted: list[tuple[Quantity, str, str]] = [("time", p, f"{p}'s time") for p in phases]
    wanted += [("energy", QUERY, "query's energy"), ("usd", QUERY, "query's cost")]
    return Table(
        f"Elasticities, {REGIMES[regime]}: d log(quantity) / d log(parameter)",
        columns(
            Column("parameter", [p.words for p in shown]),
            Column("now", [parameter_text(p.value, p.unit) for p in shown], str, DATASHEET),
            Column("step", [p.step for p in shown], units.ratio),
            [Column(title, [values.get((p.name, quantity, phase)) for p in shown], signed,
                    PREDICTED, show="both")
             for quantity, phase, title in wanted],
        ),
        name=f"elasticities-{regime.replace(' ', '-')}",
    )  # fmt: skip


def elasticities_rows(cases: Sequence[CodesignCase]) -> Table:
    """Every elasticity of every case: for a DataFrame."""
    rows = [row for case in cases for row in case.elasticities]
    of = _of_case([case for case in cases for _ in case.elasticities])
    fields = data_columns(rows, "phase", "quantity", "regime", "value")
    return Table("Elasticities", columns(data_columns(rows, "parameter"), of, fields))


def _of_case(cases: Sequence[CodesignCase]) -> list[Column]:
    """What tells cases apart in a DataFrame; pages have their names in one."""
    return data_columns(cases, slice="prediction.slice", profile="profile")


def batches_table(case: CodesignCase) -> Table:
    """The most sequences that a context leaves room for."""
    room = case.thought.largest_batch
    return Table(
        "Sequences that the slice's memory holds",
        [
            Column("tokens cached by each", [float(context) for context in room], units.count,
                   name="tokens"),
            Column("sequences at most", list(room.values()), units.count, PREDICTED, "sequences"),
        ],
        name="batches",
    )  # fmt: skip


def what_ifs_table(cases: Sequence[CodesignCase]) -> Table:
    """Each stated change on each case: a query before and after."""
    of = [case for case in cases for _ in case.what_ifs]
    stated = [row for case in cases for row in case.what_ifs]
    named = [case_name(case) if len(cases) > 1 else "" for case in of]
    return Table(
        "What if: a query before and after",
        [
            *data_columns(stated, change="text"),
            Column("change", [row.text if row.fits else f"{row.text} {_BEYOND}" for row in stated],
                   data=False),
            *_of_case(of),
            Column("case", named, data=False),
            Column("before", [row.before_s for row in stated], units.seconds, PREDICTED,
                   "before_s", 1),
            *_predicted("after", [row.after_s for row in stated], units.seconds, "after_s", 1),
            *with_interval(_ratio("time", [row.whole.time for row in stated]), 2),
            _ratio("energy", [row.whole.energy for row in stated], 3),
            _ratio("cost", [row.whole.usd for row in stated], 3, "usd"),
            *data_columns(stated, "fits"),
        ],
        name="what-ifs",
        keys=2 if len(cases) > 1 else 1,
    )  # fmt: skip


def phases_changed_table(case: CodesignCase) -> Table:
    """What each stated change does to each phase of a case: its time, and what limits it."""
    rows = [(row, phase) for row in case.what_ifs for phase in row.by_phase]
    return Table(
        "What if, by phase",
        [
            Column("change", [row.text for row, _ in rows]),
            Column("phase", [phase for _, phase in rows]),
            _ratio("time", [row.by_phase[phase] for row, phase in rows]),
            Column("bound before", [row.bound_before.get(phase, "") for row, phase in rows]),
            Column("bound after", [row.bound_after.get(phase, "") for row, phase in rows]),
        ],
        name="what-ifs-by-phase",
        keys=2,
    )
