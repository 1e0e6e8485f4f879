"""Words and figures of a co-design report that its tables and charts share."""

from collections.abc import Sequence

from ..records.base import Interval
from ..records.codesign import Ask, CodesignCase, CodesignReport, ParetoPoint, Quantity, Regime
from . import units

QUERY = "query"
"""The phase under which a case's elasticities have the whole query."""
QUANTITY_WORDS: dict[Quantity, str] = {"time": "time", "energy": "energy", "usd": "cost"}
REGIMES: dict[Regime, str] = {
    "as run": "as run: at the workload's own batch, where HBM capacity plays no part",
    "memory full": "memory full: at the largest batch that fits, per query",
}
MINUS = "\N{MINUS SIGN}"
LEAST = 0.005
"""An elasticity below which a parameter counts as without effect."""


def case_name(case: CodesignCase) -> str:
    """'small on v5e:2x4'."""
    return f"{case.profile} on {case.prediction.slice}"


def signed(value: float, digits: int = 2) -> str:
    """'-0.71' with a minus sign as wide as the plus; a zero has no sign."""
    written = f"{abs(value):.{digits}f}"
    if not float(written):
        return written
    return f"{MINUS if value < 0 else '+'}{written}"


def saving_size(ask: Ask) -> str:
    """'31 %'."""
    return units.share(abs(ask.saving.median))


def saving_kind(ask: Ask) -> str:
    """'less time (28 to 34 %)'."""
    less = "less" if ask.saving.median >= 0 else "more"
    between = units.bounds(ask.saving, lambda value: units.share(value).replace("-", MINUS))
    return f"{less} {QUANTITY_WORDS[ask.quantity]}" + (f" ({between})" if between else "")


def dominant(case: CodesignCase) -> tuple[str, float, str]:
    """The phase that takes most of a query's time, its share, and its bound."""
    phases = case.prediction.phases
    whole = sum(phase.time_s.median for phase in phases)
    longest = max(phases, key=lambda phase: phase.time_s.median)
    return longest.phase, longest.time_s.median / whole if whole else 0.0, longest.bound


def headline(report: CodesignReport) -> str:
    """What limits most of the cases, in a sentence, and the first recommendation of each side."""
    longest = [dominant(case) for case in report.cases]
    kinds = [(phase, bound) for phase, _, bound in longest]
    phase, bound = max(kinds, key=lambda kind: (kinds.count(kind), -kinds.index(kind)))
    shares = [share for name, share, _ in longest if name == phase]
    times = units.span(units.share(min(shares)), units.share(max(shares)))
    many = f"In {kinds.count((phase, bound))} of {len(kinds)} cases {phase}"
    begin = many if len(kinds) > 1 else phase.capitalize()
    firsts = [
        f"{side}: {asks[0].change}, {saving_size(asks[0])} {_less(asks[0])}"
        for side, asks in (("hardware", report.hardware_asks), ("the model", report.model_asks))
        if asks
    ]
    sentence = f"{begin} takes {times} of a query's time and is {bound}-bound."
    return f"{sentence} First for {'; for '.join(firsts)}." if firsts else sentence


def _less(ask: Ask) -> str:
    return saving_kind(ask).partition(" (")[0]


def parameter_text(value: float | None, unit: str) -> str:
    """A hardware parameter as people write it; '' where it is not public or has no unit."""
    if value is None or unit == "1":
        return "" if value is None or value == 1 else units.significant(value)
    return units.seconds(value) if unit == "s" else units.prefixed(value, unit)


def sentence_case(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def by_correct(points: Sequence[ParetoPoint]) -> bool:
    """Whether every point knows what a correct answer costs."""
    return bool(points) and all(point.usd_per_correct is not None for point in points)


def money(point: ParetoPoint, correct: bool) -> Interval:
    """Of one query, or of one correct answer."""
    usd = point.usd_per_correct if correct else point.usd_per_query
    return usd or point.usd_per_query


def ranked(case: CodesignCase, regime: Regime) -> list[str]:
    """Parameters that matter to anything, by what they do to the whole query's time."""
    strength: dict[str, tuple[float, float]] = {}
    for row in case.elasticities:
        if row.regime != regime:
            continue
        value = abs(row.value.median)
        whole, most = strength.get(row.parameter, (0.0, 0.0))
        if (row.phase, row.quantity) == (QUERY, "time"):
            whole = value
        strength[row.parameter] = (whole, max(most, value))
    kept = [name for name, (_, most) in strength.items() if most >= LEAST]
    return sorted(kept, key=lambda name: strength[name], reverse=True)


def idle_parameters(case: CodesignCase, regime: Regime) -> list[str]:
    """Words for those on which nothing depends."""
    drawn = ranked(case, regime)
    return [each.words for each in case.parameters if each.name not in drawn]
