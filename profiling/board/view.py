"""What the tab shows of one run, or of two: the controls, and a document under the sliders.

Everything is computed here: a slider asks for the view anew, so that there is one definition of a
phase's time (`predicted.phase_terms`) and one of each chart (`reports.charts`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import ProfileInputError
from ..predicted.phase_terms import RESOURCES, PhaseTerms, elasticities, grown, whole_elasticities
from ..records import Profile
from ..reports import theme, units
from ..reports.charts.chart_parts import Bar, bars, phase_parts
from ..reports.charts.phase_charts import resources_chart
from ..reports.charts.roofline_chart import Mark, Roof, roofline_spec
from ..reports.charts.thought_charts import steps_chart
from ..reports.document import (
    Beside,
    Block,
    Chart,
    Column,
    Document,
    Section,
    Table,
    drawn,
    printable,
)
from ..reports.sections.prediction_document import per_query
from ..reports.terms import AT_PEAK, MEASURED, PREDICTED
from .places import Place, PlacedPhase, place_of, places_of, roof_of

FURTHEST = 16.0  # a slider goes from a sixteenth to sixteen times
MOST_DRAWN = 100  # phases, chips or slices of a run
_WORTH_A_LINE = 0.005
_SLIDERS = ("memory", "compute", "on_chip", "links", "overhead")


@dataclass(frozen=True)
class Request:
    """What is chosen: runs, lens, place, roofs beside it, and how many times as fast resources
    are."""

    run: str
    other: str = ""
    lens: str = ""
    place: str = ""
    beside: frozenset[str] = frozenset()
    factors: Mapping[str, float] = field(default_factory=dict)

    @property
    def moved(self) -> dict[str, float]:
        """The resources that a slider has moved."""
        return {name: by for name, by in self.factors.items() if by != 1}


def request_of(arguments: Mapping[str, str]) -> Request:
    """The request of a query; raises ProfileInputError for a factor that no slider has."""
    factors = {}
    for name in RESOURCES:
        try:
            by = float(arguments.get(name) or 1)
        except ValueError:
            by = 0.0
        if not 1 / FURTHEST <= by <= FURTHEST:
            raise ProfileInputError(f"{name} is no factor from 1/{FURTHEST:.0f} to {FURTHEST:.0f}")
        factors[name] = by
    beside = frozenset(filter(None, arguments.get("beside", "").split("|")))
    text = {name: arguments.get(name, "") for name in ("run", "other", "lens", "place")}
    return Request(**text, beside=beside, factors=factors)


@dataclass(frozen=True)
class Shown:
    """A run on its place, under the sliders."""

    run: str
    profile: Profile
    place: Place
    moved: Mapping[str, PhaseTerms]

    @property
    def before(self) -> dict[str, PhaseTerms]:
        """Each phase's terms as they are."""
        return self.place.under({})

    @property
    def time_s(self) -> float:
        """All phases under the sliders."""
        return self.place.time_s(self.moved)

    @property
    def before_s(self) -> float:
        """All phases as they are."""
        return self.place.time_s(self.before)

    def rate(self, phase: PlacedPhase, terms: PhaseTerms) -> float:
        """FLOP per second of one chip."""
        return phase.flops / terms.time_s / self.place.chips if terms.time_s > 0 else 0.0


def lens_of(profile: Profile, lens: str) -> str:
    """The lens asked for where the profile has it, else the one that it has."""
    has = {PREDICTED: profile.predictions, AT_PEAK: profile.placements}
    if has.get(lens):
        return lens
    return PREDICTED if profile.predictions else AT_PEAK


def view(profiles: Mapping[str, Profile], request: Request) -> tuple[dict[str, object], Document]:
    """The controls as JSON, and the document. `request.run` is one of `profiles`.

    Raises ProfileInputError for more phases, chips or slices than a page can draw.
    """
    for name in {request.run, request.other} & profiles.keys():
        _require_few(name, profiles[name])
    first = profiles[request.run]
    lens = lens_of(first, request.lens)
    places = places_of(first, lens)
    place, shown, other = (
        place_of(places, request.place),
        list[Shown](),
        profiles.get(request.other),
    )
    if place:
        shown.append(Shown(request.run, first, place, place.under(request.factors)))
    if place and other:
        same = place_of(places_of(other, lens), place.name, place.chip)
        if same and same.chip == place.chip:
            shown.append(Shown(request.other, other, same, same.under(request.factors)))
    return controls(first, request, lens, places, place), tab_document(shown, request, lens)


def _require_few(name: str, profile: Profile) -> None:
    for what in ("phases", "placements", "predictions", "thought", "unpredicted"):
        if len(getattr(profile, what)) > MOST_DRAWN:
            raise ProfileInputError(f"'{name}' has more than {MOST_DRAWN} {what}: too many to draw")


def controls(
    profile: Profile, request: Request, lens: str, places: Sequence[Place], place: Place | None
) -> dict[str, object]:
    """What can be chosen, and what is."""
    return {
        "about": about(profile),
        "lens": lens,
        "lenses": [
            [PREDICTED, "Predicted", bool(profile.predictions)],
            [AT_PEAK, "Lower bound from the datasheet", bool(profile.placements)],
        ],
        "place": place.name if place else "",
        "places": [each.name for each in places],
        "roofs": [p.chip for p in profile.placements if not place or p.chip != place.chip],
        "notes": [*([place.note] if place else []), *profile.unpredicted],
        "sliders": [] if place is None else _sliders(place, request),
    }


def about(profile: Profile) -> str:
    """The run in a line."""
    work, outcome = profile.workload, profile.outcome
    parts = [
        profile.model.name,
        profile.model.dtype_words,
        f"{units.plural(work.prompts, 'prompt')} "
        + (f"by {work.strategy}" if work.strategy else f"{units.TIMES} {work.attempts} attempts"),
        f"think up to {units.count(work.think_budget)} tokens",
        work.sampling,
    ]
    if outcome and outcome.accuracy is not None:
        parts.append(f"{units.share(outcome.accuracy)} correct")
    return printable(" · ".join(parts))


def _sliders(place: Place, request: Request) -> list[dict[str, object]]:
    """Those of resources that the place's terms know, with their figure and factor in words."""
    roof = place.roof
    figures = {"memory": (roof.bandwidth, units.bandwidth),
               "compute": (roof.peak, units.flop_rate)} if roof else {}  # fmt: skip
    made: list[dict[str, object]] = []
    for resource in _SLIDERS:
        known = any(phase.terms.of(resource) > 0 for phase in place.phases)
        if not known and resource not in ("memory", "compute"):
            continue
        by, label = request.factors[resource], theme.RESOURCES[resource][0]
        text = units.ratio(by)
        if resource in figures:
            value, unit = figures[resource]
            text = f"{unit(value * by)} · {text}"
        label = "overheads, divided by" if resource == "overhead" else label
        made.append({"resource": resource, "label": label, "text": text, "factor": by})
    return made


def tab_document(shown: Sequence[Shown], request: Request, lens: str) -> Document:
    """The figures of what is chosen."""
    if not shown:
        run = printable(request.run)
        return Document(
            "", f"{run} has no figures of a chip: profile it with --chip or --slice.", []
        )
    parts: list[Section] = [
        Section("Roofline", [_roofline(shown, request, lens)] if _has_work(shown) else []),
        Section("Phases over time", [Beside(_times(shown, request))]),
        Section("What buys time", [Beside([b for each in shown for b in _levers(each, lens)])]),
        Section("Phase by phase", [phase_table(shown)]),
    ]
    missing = request.other and len(shown) < 2
    note = f" {request.other} has no figures on {shown[0].place.chip}." if missing else ""
    return Document("", printable(headline(shown, request, lens) + note), parts)


def headline(shown: Sequence[Shown], request: Request, lens: str) -> str:
    """What the figures come to, in a sentence or two."""
    first, kind = shown[0], "about" if lens == PREDICTED else "at least"
    was = f", {units.seconds(first.before_s)} before the sliders" if request.moved else ""
    words = f"{first.run} takes {kind} {units.seconds(first.time_s)} on {first.place.name}{was}."
    if first.time_s > 0:
        name = max(first.moved, key=lambda phase: first.moved[phase].time_s)
        phases_s = sum(terms.time_s for terms in first.moved.values())
        share = units.share(first.moved[name].time_s / phases_s)
        words += f" {share} of it is {name}, bound by {first.moved[name].bound}.{_money(first)}"
    for other in shown[1:] if first.time_s > 0 else []:
        elsewhere = "" if other.place.name == first.place.name else f" on {other.place.name}"
        words += (
            f" {other.run} takes {units.seconds(other.time_s)}{elsewhere}, "
            f"{units.ratio(other.time_s / first.time_s)} of that."
        )
    return words


def _money(shown: Shown) -> str:
    """What a query costs on a priced slice: a chip-hour's price does not move with the sliders."""
    place = shown.place.name
    found = next((p for p in shown.profile.predictions if p.slice == place), None)
    usd = per_query(found).usd if found else None
    if usd is None or shown.before_s <= 0:
        return ""
    paid = usd.median * shown.time_s / shown.before_s
    return f" That costs {units.usd_per(paid, 'query', 'queries')}."


def _has_work(shown: Sequence[Shown]) -> bool:
    return any(phase.flops > 0 and phase.terms.time_s > 0 for phase in shown[0].place.phases)


def _roofline(shown: Sequence[Shown], request: Request, lens: str) -> Chart:
    """Filled: the first run under the sliders; rings: as it was, or the other run."""
    first = shown[0]
    filled, rings = _rates(first, first.moved, lens), []
    if request.moved:
        rings += _rates(first, first.before, "before")
    for other in shown[1:]:
        rings += _rates(other, other.moved, other.run)
    told = "; ".join(f"{m.phase} at {units.flop_rate(m.rate)} per chip" for m in filled)
    note = f"filled: {first.run}" + (f"; rings: {rings[0].word}" if rings else "")
    if len(shown) > 1 and request.moved:
        note = f"filled: {first.run}; rings: before the sliders, and {shown[1].run}"
    return Chart(
        name="roofline", title="FLOP/s of a chip against intensity", note=note,
        alt=f"Roofline of {first.place.name}. {told}.", least_width=560,
        draw=lambda: roofline_spec(_roofs(first, request), rings, filled, choice=False),
    )  # fmt: skip


def _rates(shown: Shown, terms: Mapping[str, PhaseTerms], word: str) -> list[Mark]:
    rates = [(p, shown.rate(p, terms[p.phase])) for p in shown.place.phases if p.intensity > 0]
    return [Mark(p.phase, p.intensity, r, shown.place.name, word) for p, r in rates if r > 0]


def _roofs(shown: Shown, request: Request) -> list[Roof]:
    """The chosen chip's under the sliders, as it was, and those beside it."""
    roofs, own, moved = [], shown.place.roof, request.moved
    if own:
        peak = own.peak * request.factors["compute"]
        bandwidth = own.bandwidth * request.factors["memory"]
        roofs.append(Roof(own.name, peak, bandwidth))
        if {"compute", "memory"} & moved.keys():
            roofs.append(Roof(f"{own.name} before", own.peak, own.bandwidth, dashed=True))
    others = [p for p in shown.profile.placements if p.chip != shown.place.chip]
    roofs += [roof_of(p) for p in others if p.chip in request.beside]
    return roofs or [roof_of(p) for p in others]


def _times(shown: Sequence[Shown], request: Request) -> list[Block]:
    rows = []
    for each in shown:
        if request.moved:
            rows.append(_bar(f"{each.run}, before", each.before, each.before_s))
        rows.append(_bar(each.run, each.moved, each.time_s))
    told = "; ".join(f"{row.name}: {row.text}" for row in rows)
    chart = Chart(
        name="time", title="Time of all phases", alt=f"Phases over time. {told}.", half=True,
        draw=lambda: bars(rows, "time", legend=True, pitch=44),
    )  # fmt: skip
    return drawn([chart, steps_chart({each.run: _steps(each, request) for each in shown})])


def _bar(name: str, terms: Mapping[str, PhaseTerms], whole_s: float) -> Bar:
    parts = phase_parts(
        (phase, each.time_s, {"run": name, "time": units.seconds(each.time_s),
                              "bound": each.bound or "none"})
        for phase, each in terms.items()
    )  # fmt: skip
    return Bar(name, parts, units.seconds(whole_s))


def _steps(shown: Shown, request: Request) -> list[tuple[float, float]]:
    """Seconds of a step along the thought at the datasheet's lower bound."""
    roof, chips = shown.place.roof, shown.place.chips
    if roof is None:
        return []
    peak = chips * roof.peak * request.factors["compute"]
    bandwidth = chips * roof.bandwidth * request.factors["memory"]
    return [
        (point.tokens_thought, max(point.flops / peak, point.hbm_bytes.total / bandwidth))
        for point in shown.profile.thought
    ]


def _levers(shown: Shown, lens: str) -> list[Block]:
    """Resources ranked by what they hold of the time, and the shares of each phase."""
    shares = {phase: elasticities(t) for phase, t in shown.moved.items() if t.time_s > 0}
    return [lever_table(shown), resources_chart(shares, lens, half=True, of=shown.run)]


def lever_table(shown: Shown) -> Table:
    """Elasticity: per cent off the time for 1 % more; and what twice as much saves."""
    shares, terms = whole_elasticities(shown.moved.values()), shown.moved.values()
    kept = [name for name in RESOURCES if shares[name] > _WORTH_A_LINE]
    ranked = sorted(kept, key=lambda name: -shares[name])
    phases_s = sum(each.time_s for each in terms)
    twice = [sum(grown(each, {name: 2.0}).time_s for each in terms) for name in ranked]
    saved = [1 - time / phases_s if phases_s else 0.0 for time in twice]
    return Table(
        f"What holds the time of {shown.run}",
        [
            Column("resource", [theme.RESOURCES[name][0] for name in ranked]),
            Column("elasticity", [shares[name] for name in ranked], lambda share: f"{share:.2f}",
                   help="Per cent off the time for 1 % more of it."),
            Column("twice as much saves", saved, units.share, name="saved",
                   help="Of overheads: half of them."),
        ],
        name=f"levers-{shown.run}",
    )  # fmt: skip


def phase_table(shown: Sequence[Shown]) -> Table:
    """Each phase before and under the sliders, of one run or of two."""
    first = shown[0]
    names = list(dict.fromkeys(p.phase for each in shown for p in each.place.phases))
    made = [Column("phase", [*names, "all"]), *_run_columns(first, names, "")]
    for other in shown[1:]:
        made += _run_columns(other, names, f"{other.run}: ")
        times = [(first.moved.get(name), other.moved.get(name)) for name in names]
        ratios = [b.time_s / a.time_s if a and b and a.time_s else None for a, b in times]
        whole = other.time_s / first.time_s if first.time_s else None
        made.append(Column("B / A", [*ratios, whole], units.ratio, name="ratio"))
    return Table(first.run, made, name="phases", has_total=True)


def _run_columns(shown: Shown, names: Sequence[str], prefix: str) -> list[Column]:
    placed = {phase.phase: phase for phase in shown.place.phases}
    here = [placed.get(name) for name in names]
    counted = {phase.name: phase for phase in shown.profile.phases}
    measured = [counted[n].measured if n in counted else None for n in names]
    ran = all(measured) and bool(measured)
    bounds = [_bound(phase, shown.moved) if phase else "" for phase in here]
    sums = [m.time_s.median for m in measured if m]
    return [
        Column(f"{prefix}tokens", [*(counted[n].tokens if n in counted else None for n in names),
                                   None], units.count),
        Column(f"{prefix}FLOP/B", [*(p.intensity if p else None for p in here), None],
               units.intensity_number),
        Column(f"{prefix}bound", [*bounds, ""]),
        Column(f"{prefix}before", [*(p.terms.time_s if p else None for p in here),
                                   shown.before_s], units.seconds),
        Column(f"{prefix}80 % interval", [*(_interval(p) for p in here), ""], str),
        Column(f"{prefix}time", [*(shown.moved[n].time_s if n in placed else None for n in names),
                                 shown.time_s], units.seconds),
        Column(f"{prefix}time here", [*(m.time_s.median if m else None for m in measured),
                                     sum(sums) if ran else None], units.seconds, MEASURED),
    ]  # fmt: skip


def _bound(phase: PlacedPhase, moved: Mapping[str, PhaseTerms]) -> str:
    """'memory', or 'memory, then compute' where the sliders have changed it."""
    before, now = phase.terms.bound or "none", moved[phase.phase].bound or "none"
    return now if now == before else f"{before}, now {now}"


def _interval(phase: PlacedPhase | None) -> str:
    if phase is None or phase.low_s is None or phase.high_s is None:
        return ""
    return units.span(units.seconds(phase.low_s), units.seconds(phase.high_s))
