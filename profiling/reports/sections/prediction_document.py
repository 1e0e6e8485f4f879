"""Predictions: one slice by phase, slices side by side, thinking against a quick answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...predicted.phase_terms import resource_shares
from ...records import Amounts, Interval, PredictedPhase, Prediction
from ...records.prediction import HOURS_PER_MONTH
from .. import units
from ..document import (
    Block,
    Bullets,
    Chart,
    Column,
    Details,
    Document,
    Paragraph,
    Section,
    Table,
    columns,
    drawn,
    with_interval,
)
from ..terms import AT_PEAK, PREDICTED
from ..units import Unit
from .prediction_notes import (
    in_digits,
    last_of_each,
    notes,
    notes_apart,
    sellers_note,
    slice_text,
    workload_text,
)

if TYPE_CHECKING:
    from ...records import Profile

LABEL = "predicted, not measured"
_NOTHING = Amounts(usd=None, wall_j=None, gco2e=None)


def prediction_document(prediction: Prediction) -> Document:
    """One slice: its phases, what a query costs, and what the figures stand on."""
    return Document(
        title=prediction.model,
        subtitle=f"on {prediction.slice}: {LABEL}",
        headline="",
        lead=[Paragraph(slice_text(prediction)), Paragraph(workload_text(prediction))],
        sections=[
            Section("", [slices_table([prediction], False)]),
            Section("", [phases_table(prediction)]),
            Section("", [request_table(prediction)]),
            Section("", [amounts_table(prediction)]),
            Section("", [Bullets(notes(prediction))]),
        ],
    )


def predictions_document(predictions: Sequence[Prediction]) -> Document:
    """One workload on slices or at operating points, with the notes of each slice."""
    told = last_of_each(predictions)
    apart, common = notes_apart(told)
    sections = [
        Section(f"{prediction.slice}: {slice_text(prediction)}", [Bullets(sentences)])
        for prediction, sentences in zip(told, apart, strict=True)
    ]
    slices = units.plural(len(told), "slice") if len(told) > 1 else told[0].slice
    return Document(
        title=predictions[0].model,
        subtitle=f"on {slices}: {LABEL}",
        headline="",
        lead=[Paragraph(workload_text(predictions[0], whole=not predictions[0].operating_point)),
              *map(Paragraph, filter(None, [sellers_note(predictions)]))],
        sections=[
            Section("", [slices_table(predictions)]), *sections, Section("", [Bullets(common)]),
        ],
    )  # fmt: skip


def tiers_document(tiers: Sequence[tuple[Prediction, Prediction]]) -> Document:
    """Thinking beside a quick answer, a table for each slice; the rest of both is alike."""
    first = tiers[0][0]
    sections = [
        Section(", ".join(filter(None, (thinking.slice, thinking.operating_point))),
                [Paragraph(slice_text(thinking)), tiers_table(thinking, quick),
                 Bullets(notes(thinking))])
        for thinking, quick in tiers
    ]  # fmt: skip
    return Document(
        title=first.model, subtitle=f"thinking against a quick answer: {LABEL}", headline="",
        lead=[Paragraph(workload_text(first, whole=not first.operating_point))], sections=sections,
    )  # fmt: skip


def predicted_section(profile: "Profile") -> Section:
    """A profile's predictions: slices side by side, then each by itself."""
    predictions = profile.predictions
    apart, common = notes_apart(predictions)
    blocks: list[Block] = []
    if predictions:
        blocks += [Paragraph(workload_text(predictions[0])), slices_table(predictions)]
        from ..charts.phase_charts import times_chart  # which a prediction alone has not

        blocks += drawn([times_chart(predictions), resources(profile)])
    blocks += [
        Details(
            f"{prediction.slice}: {slice_text(prediction)}",
            [phases_table(prediction), request_table(prediction), Bullets(sentences)],
        )
        for prediction, sentences in zip(predictions, apart, strict=True)
    ]
    blocks += [Details("Basis of these predictions", [Bullets(common)])]
    blocks += [Bullets(profile.unpredicted), *stand_in_blocks(profile)]
    return Section("Predicted on slices", blocks, "predicted")


def stand_in_blocks(profile: "Profile", by_phase: bool = True) -> list[Block]:
    """Beside a toy: what thoughts of the same lengths cost on a model that is served."""
    served = profile.stand_in
    if served is None:
        return []
    beside = slices_table([served], by_phase)
    return [replace(beside, caption=f"The same thoughts on {served.model}", name="stand-in")]


def resources(profile: "Profile") -> Chart | None:
    """What holds the time on each slice, or by the datasheet; None where no chip is named."""
    from ..charts.phase_charts import resources_chart

    shares = resource_shares(profile)
    lens = PREDICTED if profile.predictions else AT_PEAK
    return resources_chart(shares, lens) if shares else None


def working_phases(prediction: Prediction) -> list[PredictedPhase]:
    """Phases that there is something to do in."""
    return [phase for phase in prediction.phases if phase.steps > 0]


def tokens_per_s(phase: PredictedPhase) -> float:
    """Useful tokens of the whole slice per second, at the median."""
    return phase.tokens / phase.time_s.median if phase.time_s.median else 0.0


def phases_table(prediction: Prediction) -> Table:
    """Each phase with its time, bound, rate, energy and money; the sum last."""
    phases = working_phases(prediction)
    usd, per_million = _money(prediction, phases)
    return Table(
        f"Phases on {prediction.slice}",
        columns(
            Column("phase", [*(p.phase for p in phases), "total"]),
            Column("tokens", [*(p.tokens for p in phases), None], units.count),
            _times([*(p.time_s for p in phases), prediction.time_s]),
            Column("bound", [*(p.bound for p in phases), ""], lens=PREDICTED),
            Column("FLOP/B", [*(p.intensity for p in phases), None], units.intensity_number,
                   name="flops_per_byte", priority=5),
            Column("tok/s", [*map(tokens_per_s, phases), None], units.significant, PREDICTED,
                   name="tokens_per_s", priority=1),
            Column("chips' energy", [*(p.energy_j for p in phases), prediction.energy_j],
                   units.joules, PREDICTED, name="energy_j", priority=4),
            Column("cost", usd, units.dollars, PREDICTED, name="usd", priority=2),
            Column("$ per million tokens", [*per_million, None], units.dollars, PREDICTED,
                   name="usd_per_million_tokens", short="$/M tok", priority=3),
        ),
        name=f"phases-{prediction.slice}",
        has_total=True,
        whole=True,
    )  # fmt: skip


def slices_table(predictions: Sequence[Prediction], by_phase: bool = True) -> Table:
    """Slices side by side, at each operating point: rates and what tokens cost, with intervals;
    times, `by_phase` too; then what a query costs."""
    bills = [per_query(prediction) for prediction in predictions]
    points = [p.operating_point for p in predictions]
    whole, by_phase, time_priority = by_phase, by_phase and not any(points), 6 if any(points) else 0
    return Table(
        "Slices side by side",
        columns(
            Column("slice", [p.slice for p in predictions]),
            Column("operating point", points, short="point"),
            Column("batch", [p.prompts for p in predictions], in_digits),
            _times([p.time_s for p in predictions], time_priority),
            _rates(predictions),
            _token_prices(predictions),
            _sellers(predictions),
            Column("chips", [p.chips for p in predictions], units.count, priority=8),
            Column("mesh", [p.parallelism or "one chip" for p in predictions], priority=7),
            _phase_columns(predictions) if by_phase else [_bound_column(predictions)],
            Column("time to first token", [p.ttft_s for p in predictions], units.seconds, PREDICTED,
                   name="ttft_s", short="first token", priority=5),
            Column("cost per query", [b.usd for b in bills], units.usd, PREDICTED,
                   name="usd_per_query", priority=4),
            Column("energy per query", [b.wall_j for b in bills], units.joules, PREDICTED,
                   name="wall_j_per_query", priority=5),
            Column("answers per charge", list(map(_per_charge, predictions)), units.significant,
                   PREDICTED, name="queries_per_charge", priority=6),
            Column("CO2e per query", [b.gco2e for b in bills], units.grams, PREDICTED,
                   name="gco2e_per_query", priority=8),
            Column("attempts that fit at once",
                   [None if any(points) else p.fit.largest_batch for p in predictions], units.count,
                   name="largest_batch", priority=9),
        ),
        name="slices",
        whole=whole,
        keys=2 if any(points) else 1,
    )  # fmt: skip


def _rates(predictions: Sequence[Prediction]) -> list[Column]:
    """Tokens a second of the slice and of one user, and the time of one."""
    rates = Column("output tok/s", [p.output_tokens_per_s for p in predictions], units.significant,
                   PREDICTED, name="output_tokens_per_s", short="tok/s", priority=1)  # fmt: skip
    return [
        *with_interval(rates, 5),
        Column("tok/s per user", [p.tokens_per_s_per_user for p in predictions],
               units.significant, PREDICTED, name="tokens_per_s_per_user", short="per user",
               priority=2),
        Column("TPOT", [p.tpot_s for p in predictions], units.seconds, PREDICTED, name="tpot_s",
               priority=2, help="Time per output token after the first."),
    ]  # fmt: skip


def _token_prices(predictions: Sequence[Prediction]) -> list[Column]:
    """Dollars per million tokens: of output, of input and output together, and of input."""
    output = Column("$/M output", [p.usd_per_million_output for p in predictions],
                    units.dollars, PREDICTED, name="usd_per_million_output_tokens",
                    help="Dollars per million tokens decoded, of decoding.")  # fmt: skip
    return [
        *with_interval(output, 4),
        Column("$/M in+out",
               [p.usd_per_million_tokens for p in predictions], units.dollars, PREDICTED,
               name="usd_per_million_tokens", priority=1,
               help="Dollars of everything per million tokens, read or decoded"),
        Column("$/M input", [p.usd_per_million_input for p in predictions],
               units.dollars, PREDICTED, name="usd_per_million_input_tokens",
               priority=7, help="Dollars per million prompt tokens, for the time of prefill."),
    ]  # fmt: skip


def _sellers(predictions: Sequence[Prediction]) -> list[Column]:
    """Whose chip-hours they are and what they cost; nothing where no price is known."""
    terms = [p.economics.terms if p.economics else None for p in predictions]
    return [
        Column("$/chip-h", [t.usd_per_chip_hour if t else None for t in terms],
               units.dollars, name="usd_per_chip_hour", priority=5),
        Column("seller", [t.seller if t else "" for t in terms], priority=5),
        Column("$/month", [p.usd_per_month for p in predictions], units.dollars,
               name="usd_per_month", priority=6,
               help=f"Dollars of the whole slice, {HOURS_PER_MONTH} hours."),
    ]  # fmt: skip


def tiers_table(thinking: Prediction, quick: Prediction) -> Table:
    """A query answered after thinking and at once, and how many times more the first costs."""
    bills = [per_query(prediction) for prediction in (quick, thinking)]
    tokens = [p.think_tokens + p.answer_tokens for p in (quick, thinking)]
    return Table(
        f"Thinking and answering at once on {thinking.slice}",
        [
            Column("tier", ["quick answer", "thinking", "thinking is"]),
            Column("tokens per attempt",
                   [*(units.count(n) for n in tokens), units.ratio(tokens[1] / tokens[0])], str),
            _tier("time of the batch", [quick.time_s, thinking.time_s], units.seconds),
            _tier("cost per query", [bill.usd for bill in bills], units.usd, 1),
            _tier("energy per query", [bill.wall_j for bill in bills], units.joules, 2),
            _tier("CO2e per query", [bill.gco2e for bill in bills], units.grams, 3),
        ],
        whole=True,
    )  # fmt: skip


def _tier(
    title: str, intervals: Sequence[Interval | None], unit: Unit, priority: int = 0
) -> Column:
    """Both with their intervals, and the ratio of the medians."""
    low, high = intervals
    if low is None and high is None:
        return Column(title, [""] * 3)
    known = [end for i in intervals if i for end in (i.low, i.median, i.high)]
    more = units.ratio(high.median / low.median) if low and high and low.median else ""
    cells = [*(units.with_bounds(i, unit.for_column(known)) for i in intervals), more]
    return Column(title, cells, str, PREDICTED, priority=priority)


def request_table(prediction: Prediction) -> Table:
    """What one request waits for; empty for a run as it was made."""
    waited_s = prediction.queue_s
    rows = {
        "time to first token": prediction.ttft_s,
        "of it waiting for memory": waited_s if waited_s and waited_s.median else None,
        "time per output token": prediction.tpot_s,
    }
    known = {name: each for name, each in rows.items() if each is not None}
    if not known:
        return Table("A request", [])
    return Table(
        "What a request waits for",
        [Column("", [*known]),
         Column("one request", [units.with_bounds(s, units.seconds) for s in known.values()],
                lens=PREDICTED, name="request_s")],
        name="request",
    )  # fmt: skip


def amounts_table(prediction: Prediction) -> Table:
    """What a query and an attempt cost, with intervals."""
    economics = prediction.economics
    if economics is None:
        return Table("Cost", [])
    query, attempt = economics.per_query, economics.per_attempt
    energy = "joules per answer" if economics.terms.place == "edge" else "energy at the wall"
    rows: list[tuple[str, Interval | None, Interval | None, units.Text]] = [
        ("money", query.usd, attempt.usd, units.usd),
        (energy, query.wall_j, attempt.wall_j, units.joules),
        ("CO2e", query.gco2e, attempt.gco2e, units.grams),
    ]
    if battery := economics.battery:
        charges = battery.queries, battery.queries * prediction.attempts
        rows.append(("answers per battery charge", *charges, units.significant))
    return Table(
        "Cost of a query and of an attempt",
        [
            Column("", [title for title, *_ in rows]),
            Column("per query", [units.with_bounds(a, u) for _, a, _, u in rows]),
            Column("per attempt", [units.with_bounds(b, u) for _, _, b, u in rows]),
        ],
        name="amounts",
    )


def _times(times: Sequence[Interval], priority: int = 0) -> list[Column]:
    return with_interval(
        Column("time", times, units.seconds, PREDICTED, name="time_s", priority=priority)
    )


def _bound_column(predictions: Sequence[Prediction]) -> Column:
    """What bounds the longest phase of each."""
    longest = [max(working_phases(p), key=lambda phase: phase.time_s.median) for p in predictions]
    return Column("bound", [phase.bound for phase in longest], lens=PREDICTED, priority=4,
                  help="What bounds the longest phase.")  # fmt: skip


def _phase_columns(predictions: Sequence[Prediction]) -> list[Column]:
    """The time and bound of each phase that any of them has."""
    rows = [{phase.phase: (phase.time_s.median, phase.bound) for phase in working_phases(p)}
            for p in predictions]  # fmt: skip
    return phase_columns(rows, PREDICTED, 4, 4)


def phase_columns(
    rows: Sequence[Mapping[str, tuple[float, str]]], lens: str, of_times: int, of_bounds: int
) -> list[Column]:
    """Two columns a phase from its seconds and its bound in each row, with their priorities."""
    made = []
    for name in dict.fromkeys(name for row in rows for name in row):
        cells = [row.get(name, (None, "")) for row in rows]
        times, bounds = [time_s for time_s, _ in cells], [bound for _, bound in cells]
        made.append(Column(name, times, units.seconds, lens, f"{name}_s", of_times))
        made.append(Column(f"{name} bound", bounds, None, lens, f"{name}_bound", of_bounds))
    return made


def per_query(prediction: Prediction) -> Amounts:
    """What a query costs; all unknown without a price."""
    return prediction.economics.per_query if prediction.economics else _NOTHING


def _per_charge(prediction: Prediction) -> Interval | None:
    """Queries that a full battery answers; None where none is stated."""
    battery = prediction.economics.battery if prediction.economics else None
    return battery.queries if battery else None


def _money(
    prediction: Prediction, phases: Sequence[PredictedPhase]
) -> tuple[list[Interval | None], list[Interval | None]]:
    """Of each phase and of all; and of each phase by the million tokens."""
    economics = prediction.economics
    if economics is None:
        return [None] * (len(phases) + 1), [None] * len(phases)
    bills = {bill.phase: bill for bill in economics.phases}
    found = [bills.get(phase.phase) for phase in phases]
    usd = [bill.whole.usd if bill else None for bill in found]
    million = [bill.per_million_tokens if bill else None for bill in found]
    return [*usd, economics.whole.usd], [amounts.usd if amounts else None for amounts in million]
