"""Words and figures of a co-design report that its tables, drawings and pages share."""

from collections.abc import Callable

from ..records.base import Interval
from ..records.codesign import Ask, CodesignCase, CodesignReport, Quantity
from . import amounts, units

QUANTITY_WORDS: dict[Quantity, str] = {"time": "time", "energy": "energy", "usd": "money"}
MINUS = "\N{MINUS SIGN}"


def case_name(case: CodesignCase) -> str:
    """'small on v5e:2x4'."""
    return f"{case.profile} on {case.prediction.slice}"


def signed(value: float, digits: int = 2) -> str:
    """'-0.71' with a minus sign as wide as the plus; a zero has no sign."""
    written = f"{abs(value):.{digits}f}"
    if not float(written):
        return written
    return f"{MINUS if value < 0 else '+'}{written}"


def between(interval: Interval | None, said: Callable[[float], str]) -> str:
    """'0.55 to 0.83\N{MULTIPLICATION SIGN}'; '' where nothing is uncertain or known."""
    bounds = amounts.bounds(interval, said)
    low, joined, high = bounds.partition(" to ")
    if joined and low.endswith(units.TIMES) and high.endswith(units.TIMES):
        return f"{low.removesuffix(units.TIMES)} to {high}"
    return bounds


def with_bounds(interval: Interval, said: Callable[[float], str]) -> str:
    """'0.69\N{MULTIPLICATION SIGN} (0.55 to 0.83\N{MULTIPLICATION SIGN})'."""
    bounds = between(interval, said)
    return f"{said(interval.median)} ({bounds})" if bounds else said(interval.median)


def factor(interval: Interval | None) -> str:
    """'0.69\N{MULTIPLICATION SIGN}'; '' where it is not known."""
    return "" if interval is None else units.ratio(interval.median)


def saving(ask: Ask) -> str:
    """'31 % less time'."""
    less = "less" if ask.saving.median >= 0 else "more"
    return f"{units.share(abs(ask.saving.median))} {less} {QUANTITY_WORDS[ask.quantity]}"


def saving_bounds(ask: Ask) -> str:
    """'28 to 34 %'."""
    return between(ask.saving, lambda value: units.share(value).replace("-", MINUS))


def dominant(case: CodesignCase) -> tuple[str, float, str]:
    """The phase that takes most of a query's time, its share, and its bound."""
    phases = case.prediction.phases
    whole = sum(phase.time_s.median for phase in phases)
    longest = max(phases, key=lambda phase: phase.time_s.median)
    return longest.phase, longest.time_s.median / whole if whole else 0.0, longest.bound


def headline(report: CodesignReport) -> str:
    """What limits most of the cases, in a sentence, and the two first asks."""
    found = [dominant(case) for case in report.cases]
    kinds = [(phase, bound) for phase, _, bound in found]
    phase, bound = max(kinds, key=lambda kind: (kinds.count(kind), -kinds.index(kind)))
    shares = [share for each, share, _ in found if each == phase]
    times = units.share(min(shares))
    if units.share(max(shares)) != times:
        times = units.span(times, units.share(max(shares)))
    many = f"In {kinds.count((phase, bound))} of {len(kinds)} cases {phase}"
    begin = many if len(kinds) > 1 else phase.capitalize()
    said = f"{begin} takes {times} of a query's time and is {bound}-bound."
    firsts = [
        f"{side}: {asks[0].change}, {saving(asks[0])}"
        for side, asks in (
            ("hardware", report.hardware_asks),
            ("the model", report.model_asks),
        )
        if asks
    ]
    whole = f"{said} First for {'; for '.join(firsts)}." if firsts else said
    return whole.replace(" %", "\N{NO-BREAK SPACE}%")


def figure_of(value: float | None, unit: str) -> str:
    """A hardware parameter as people write it; '' where it is not public or has no unit."""
    if value is None or unit == "1":
        return "" if value is None or value == 1 else units.significant(value)
    if unit == "s":
        return units.seconds(value)
    return units.prefixed(value, unit)


def sentence_case(text: str) -> str:
    """The first letter large, the others as they are."""
    return text[:1].upper() + text[1:]
