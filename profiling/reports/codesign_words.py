"""Words and figures of a co-design report that its tables and charts share."""

from collections.abc import Sequence

from ..records.base import Interval
from ..records.codesign import (
    Ask,
    CodesignCase,
    CodesignReport,
    ParetoPoint,
    Quantity,
    Regime,
    advised,
    limit_of,
)
from ..records.prediction import PredictedBound
from . import units

QUERY = "query"
"""The phase under which a case's elasticities have the whole query."""
QUANTITY_WORDS: dict[Quantity, str] = {"time": "time", "energy": "energy", "usd": "cost"}
REGIMES: dict[Regime, str] = {
    "as run": "at the case's batch, where HBM capacity plays no part",
    "memory full": "at the largest batch that fits memory, per query",
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
    between = units.bounds(ask.saving, lambda value: units.share(value).replace("-", MINUS))
    return _less(ask) + (f" ({between})" if between else "")


def _less(ask: Ask) -> str:
    """'less time'."""
    less = "less" if ask.saving.median >= 0 else "more"
    return f"{less} {QUANTITY_WORDS[ask.quantity]}"


def headline(report: CodesignReport) -> str:
    """What limits most of the cases, at which batch, and the first recommendation of each side: all
    of cases that are no toys, where there are others."""
    cases = advised(report.cases, report.profiles)
    toys = {profile.name: profile.toy for profile in report.profiles if profile.toy}
    limit = limit_of(cases)
    shares = [case.prediction.longest_share for case in limit.cases]
    times = units.span(units.share(min(shares)), units.share(max(shares)))
    some = f"{len(limit.cases)} of {len(cases)} cases"
    where = "every case" if len(limit.cases) == len(cases) else some
    many = f", in {where}" if len(cases) > 1 else ""
    sentences = [
        f"{next(iter(toys.values()))}." if cases[0].profile in toys else "",
        f"With {_batches(cases)} together ({report.operating_point}), {limit.phase} takes {times} "
        f"of a query's time and is {limit.bound}-bound{many}.",
        _first("hardware", report.hardware_asks),
        _beside_the_bound(report.hardware_asks, limit.bound),
        _first("the model", report.model_asks),
    ]
    return " ".join(filter(None, sentences))


def _batches(cases: Sequence[CodesignCase]) -> str:
    """'4 prompts' times '8 attempts'; of several sizes, the least and the most attempts."""
    sizes = {(case.prediction.prompts, case.prediction.attempts) for case in cases}
    if len(sizes) == 1:
        prompts, attempts = sizes.pop()
        return f"{_plural(prompts, 'prompt')} {units.TIMES} {_plural(attempts, 'attempt')}"
    sequences = sorted(prompts * attempts for prompts, attempts in sizes)
    least = _plural(sequences[0], "attempt").partition(" ")[0]
    return f"{least} to {_plural(sequences[-1], 'attempt')}"


def _plural(value: float, noun: str) -> str:
    """'4 prompts', '2.50 prompts'."""
    if value == int(value):
        return units.plural(int(value), noun)
    return f"{units.significant(value)} {noun}s"


def _first(side: str, asks: Sequence[Ask]) -> str:
    saving = [ask for ask in asks if ask.saving.median > 0]
    if not saving:
        return ""
    ask = saving[0]
    return f"First for {side}: {ask.change}, {saving_size(ask)} {_less(ask)}."


def _beside_the_bound(asks: Sequence[Ask], bound: PredictedBound) -> str:
    """Why the first hardware recommendation is not what would relieve the bound; '' where it is."""
    acting = next((ask for ask in asks if ask.acts_on == bound), None)
    if acting is None or acting is asks[0] or acting.time_saving is None:
        return ""
    time, saved = acting.time_saving.median, acting.saving.median
    dearer = (1 - saved) / (1 - time) - 1 if acting.quantity != "time" else 0.0
    price = f", but its part makes the chip {units.share(dearer)} dearer" if dearer >= LEAST else ""
    whole = f": {saving_size(acting)} {_less(acting)}" if price else ""
    return (
        f"That does not act on the bound; {acting.change} does, and saves {units.share(time)} of "
        f"the time{price}{whole}."
    )


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
