"""A profile as a report: the whole document, and the short one for a terminal or a notebook."""

from ....model.phases import THINK
from ...records import Interval, Profile
from .. import terms, units
from ..charts.phase_charts import bytes_chart, chips_chart, idle_chart, time_chart
from ..charts.roofline_chart import roofline
from ..charts.thought_charts import lengths_chart, thought_chart
from ..document import (
    Beside,
    Block,
    Bullets,
    Details,
    Document,
    Example,
    Findings,
    Paragraph,
    Section,
    Terms,
    Tile,
    Tiles,
    drawn,
)
from ..terms import COUNTED, MEASURED, PREDICTED
from . import profile_facts as facts
from . import profile_tables as tables
from .compiled_document import compiled_section, compiled_summary
from .prediction_document import (
    LABEL,
    per_query,
    predicted_section,
    slices_table,
    stand_in_blocks,
)
from .profile_facts import chosen, headline

_SAMPLES, _SCOPES = 2, 8  # of a terminal


def profile_document(profile: Profile) -> Document:
    """The report of a run: what it cost, what limits it, what to do; then everything else."""
    return Document(
        title=profile.name,
        subtitle=facts.subtitle(profile),
        headline=headline(profile),
        lead=[Tiles(tiles(profile))],
        sections=[
            Section("Findings", [Findings(facts.advice(profile.findings))]),
            _phases(profile),
            Section("Roofline", drawn([roofline(profile)])),
            predicted_section(profile),
            _chips(profile),
            _along(profile),
            _drafts(profile),
            _trace(profile),
            _outcome(profile),
            compiled_section(profile),
            Section("Provenance", _provenance(profile)),
            Section("How to read the figures", _reading(profile), "reading"),
        ],
        footer=f"{profile.schema_version}, {profile.provenance.created}",
        terms=_terms(profile),
    )


def _drafts(profile: Profile) -> Section:
    """Acceptance by place, and what it saves by slice; empty where nothing drafted."""
    found = profile.acceptance
    if found is None:
        return Section("", [])
    said = (
        f"With draft={found.draft} a check says {units.significant(found.tokens_per_check)} tokens "
        f"in the mean of {units.count(found.checks)}, of up to {len(found.places) + 1}. The "
        "marginal rate is the share of all checks that keep the draft at a place: 1 plus their sum "
        "is the tokens of a check. The conditional rate is of drafts before which all were kept."
    )
    blocks: list[Block] = [Paragraph(said), tables.acceptance_table(found)]
    if profile.draft_speed_ups:
        blocks.append(tables.speed_ups_table(profile.draft_speed_ups))
        blocks.append(
            Paragraph("Thinking plainly over thinking with these drafts; below 1 they cost time.")
        )
    timed = {phase.name: phase.timed_with for phase in profile.phases if phase.timed_with}
    blocks += [
        Paragraph(
            f"The time and rates measured at '{other}' are of {name} too, which runs in the same "
            "program."
        )
        for name, other in timed.items()
    ]
    return Section("Drafts", blocks, "drafts")


def _trace(profile: Profile, most: int | None = None) -> Section:
    """Of `most` scopes; empty where no generation was traced."""
    if profile.trace is None:
        return Section("", [])
    from .trace_section import trace_section  # which few profiles need

    return trace_section(profile, most)


def profile_summary(profile: Profile) -> Document:
    """What a person reads in ten seconds."""
    machine = facts.machine_text(profile.provenance)
    predicted: list[Block] = [Paragraph(sentence) for sentence in profile.unpredicted]
    if profile.predictions:
        note = f"{LABEL}; with interconnect and overhead; an interval holds 80 %"
        cautions = dict.fromkeys(words for one in profile.predictions for words in one.cautions)
        predicted = [slices_table(profile.predictions, False), Paragraph(note),
                     *map(Paragraph, cautions), *predicted,
                     *stand_in_blocks(profile, False)]  # fmt: skip
    return Document(
        title=profile.model.name,
        subtitle=f"{profile.model.dtype_words}  {machine}  {facts.shape_text(profile)}",
        headline=headline(profile),
        sections=[
            Section("", [tables.phase_table(profile), Paragraph(_phase_note(profile))]),
            Section("", _drafts(profile).blocks),
            Section("", _trace(profile, _SCOPES).blocks),
            Section("", [tables.chip_times_table(profile), *_resident(profile)]),
            Section("", predicted),
            Section("", [tables.outcome_facts(profile)]),
            Section("Findings", [Findings(facts.advice(profile.findings))]),
            Section("", compiled_summary(profile)),
            Section("Samples", _samples(profile)[:_SAMPLES]),
        ],
    )


def notebook_document(profile: Profile) -> Document:
    """What a notebook's cell shows of a run."""
    return Document(
        title=profile.name,
        subtitle=facts.subtitle(profile),
        headline=headline(profile),
        lead=[
            Tiles(tiles(profile)),
            tables.phase_table(profile),
            Beside(drawn([time_chart(profile), bytes_chart(profile)])),
            Details("Roofline", drawn([roofline(profile)])),
            Details("Along the thought", drawn([thought_chart(profile)])),
            Details("Predicted on slices", [slices_table(profile.predictions, False)]),
            Details("Findings", [Findings(facts.advice(profile.findings))]),
        ],
        sections=[],
        terms=_terms(profile),
    )


def tiles(profile: Profile) -> list[Tile]:
    """What it costs, where the time goes and what it bought; what is unknown is left out."""
    total = facts.total_phase(profile)
    main = facts.dominant_phase(profile)
    made = _predicted_tiles(profile)
    if total.measured:
        time = units.seconds(total.measured.time_s.median)
        made.append(Tile(time, "all phases on this machine", MEASURED))
    elif profile.placements and not made:
        best = min(profile.placements, key=facts.time_at_peak)
        chips = "" if best.chips == 1 else f"{best.chips} {units.TIMES} "
        name = f"all phases on {chips}{best.chip}, the fastest here"
        lens = "lower bound from the datasheet"
        made.append(Tile(units.seconds(facts.time_at_peak(best)), name, lens))
    made.append(Tile(units.bytes_(total.counted.hbm_bytes.total), "HBM traffic", COUNTED))
    if main:
        value = units.intensity(main.counted.intensity)
        made.append(Tile(value, f"intensity of {main.name}", COUNTED))
    return made + _outcome_tiles(profile)


def _predicted_tiles(profile: Profile) -> list[Tile]:
    """Cost and time on the cheapest slice, with their intervals."""
    best = facts.best_prediction(profile)
    if best is None:
        return []
    made = []
    bill = per_query(best).usd
    if bill is not None:
        value, _, scale = units.usd_per(bill.median, "query", "queries").partition(" ")
        lens = _predicted_lens(bill, units.usd)
        made.append(Tile(value, f"{scale} on {best.slice}{chosen(profile)}", lens))
    time, lens = units.seconds(best.time_s.median), _predicted_lens(best.time_s, units.seconds)
    return [*made, Tile(time, f"all phases on {best.slice}", lens)]


def _predicted_lens(interval: Interval, text: units.Text) -> str:
    return ", ".join(filter(None, (PREDICTED, units.bounds(interval, text))))


def _outcome_tiles(profile: Profile) -> list[Tile]:
    outcome = profile.outcome
    if outcome is None:
        return []
    made = []
    if outcome.accuracy is not None:
        between = units.bounds(outcome.accuracy_interval, units.share)
        lens = ", ".join(filter(None, (between, facts.checked_text(outcome))))
        made.append(Tile(units.share(outcome.accuracy), "accuracy", lens))
    mean = facts.mean_thought(outcome)
    if mean is not None:
        cut = facts.stop_reasons(outcome)["budget"]
        lens = f"{units.count(cut)} of {units.count(outcome.attempts)} cut off by the budget"
        made.append(Tile(f"{units.significant(mean)} tok", "mean thought", lens))
    return made


def _phases(profile: Profile) -> Section:
    if not profile.phases:
        return Section("Phases", [])
    hidden = [tables.bytes_table(profile), tables.slots_table(profile)]
    return Section(
        "Phases",
        [
            tables.phase_table(profile),
            Paragraph(_phase_note(profile)),
            Beside(drawn([time_chart(profile), bytes_chart(profile)])),
            Details("Bytes by kind, steps and slots as tables", hidden),
        ],
    )


def _phase_note(profile: Profile) -> str:
    """What the shares of the table are of, and where the first token of a thought is counted."""
    lengths = profile.outcome.lengths if profile.outcome else []
    thought = sum(length.think_tokens for length in lengths)
    think = next((phase for phase in profile.phases if phase.name == THINK), None)
    firsts = think is not None and 0 < think.sequences == thought - think.tokens
    return _shares_note(profile) + (
        f" Thoughts have {units.count(thought)} tokens; the first of each comes out of prefill."
        if firsts
        else ""
    )


def _shares_note(profile: Profile) -> str:
    if not any(phase.measured for phase in profile.phases):
        return "Counted from the algorithm; nothing was run, so nothing is measured."
    if profile.machine is None:
        return "Shares are of this machine's own measured limits."
    bandwidth = units.bandwidth(profile.machine.read_bandwidth)
    rate = units.flop_rate(profile.machine.matmul_flops)
    busy = " (measured while it was busy with other work)" if profile.machine.busy else ""
    return f"Shares are of this machine's own measured {bandwidth} and {rate}{busy}."


def _chips(profile: Profile) -> Section:
    if not profile.placements:
        return Section("Chips", [])
    return Section(
        "Lower bound from the datasheet",
        [
            *_resident(profile),
            *drawn([chips_chart(profile)]),
            tables.chip_times_table(profile),
            Details("The chips' datasheets", [tables.chips_table(profile)]),
        ],
        "chips",
    )


def _resident(profile: Profile) -> list[Block]:
    if not profile.placements:
        return []
    resident = units.bytes_(max(p.resident_bytes for p in profile.placements))
    text = "Lower bound from the datasheet (no interconnect, no overhead); weights + KV cache "
    return [Paragraph(f"{text}{resident}.{_in_slices(profile)}")]


def _in_slices(profile: Profile) -> str:
    """Which chips come in slices of more than are needed, as predicted on."""
    of_chip = {p.chip: p for p in profile.predictions if p.slice not in profile.asked_slices}
    more = [f"{of_chip[p.chip].slice} has {units.count(of_chip[p.chip].chips)}"
            for p in profile.placements
            if p.chip in of_chip and of_chip[p.chip].chips > p.chips]  # fmt: skip
    if not more:
        return ""
    return (
        " Needed is the fewest chips whose memory holds that; the smallest slice that does may "
        f"have more: {', '.join(more)}."
    )


def _along(profile: Profile) -> Section:
    chart = thought_chart(profile)
    if chart is None:
        return Section("Along the thought", [])
    note = (
        "One decode step, by the tokens already thought: weights are read in full every step, the "
        "KV cache grows until attempts finish."
    )
    table = Details("The same as a table", [tables.thought_table(profile)])
    return Section("Along the thought", [Paragraph(note), chart, table], "thought")


def _outcome(profile: Profile) -> Section:
    outcome = profile.outcome
    idle = idle_chart(profile)
    if outcome is None:
        return Section("Idle slots", drawn([idle]), "outcome")
    budget = profile.workload.think_budget
    lengths = lengths_chart(outcome.lengths, budget, facts.STOP_LABELS)
    return Section(
        "Outcome",
        [
            tables.outcome_facts(profile),
            Beside(drawn([lengths, idle])),
            Beside(_samples(profile)),
        ],
    )


def _samples(profile: Profile) -> list[Block]:
    samples = profile.outcome.samples if profile.outcome else []
    made: list[Block] = []
    for index, sample in enumerate(samples):
        verdict = ""
        if sample.correct is not None:
            verdict = ", right" if sample.correct else f", wrong, expected {sample.expected}"
        parts = [("Prompt", sample.prompt), ("Thought", sample.thought),
                 (f"Answer{verdict}", sample.answer)]  # fmt: skip
        made.append(Example(f"Sample {index + 1}", parts))
    return made


def _provenance(profile: Profile) -> list[Block]:
    source = facts.provenance_facts(profile.provenance, ("schema", profile.schema_version))
    made = [tables.model_facts(profile), tables.workload_facts(profile),
            tables.machine_facts(profile), source]  # fmt: skip
    return [Beside([each for each in made if each.known])]


def _terms(profile: Profile) -> dict[str, str]:
    return {**terms.phases(phase.name for phase in profile.phases), **terms.TERMS}


def _reading(profile: Profile) -> list[Block]:
    """The lenses that the report prints, and the terms."""
    used = {COUNTED, MEASURED, terms.AT_PEAK}
    timed = any(phase.predicted_time_s for t in profile.compiled for phase in t.phases)
    used |= {PREDICTED} if profile.predictions or timed else set()
    used |= {terms.COMPILED} if profile.compiled else set()
    meanings = {**terms.lenses(used), **_terms(profile)}
    return [Terms(meanings), Bullets(terms.CONVENTIONS)]
