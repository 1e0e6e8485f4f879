"""The report in a terminal: what a person reads in ten seconds, at 80 columns and wider.

One table of phases, one of chips, then a few lines. Where a table is wider than the console its
least needed columns go first; the full tables are in report.md and report.html.
"""

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from ..records import ChipPlacement, Phase, PhaseOnChip, Profile, Sample
from . import facts, units
from .compiled_console import show_compiled_section
from .console_table import WIDE, Column, print_table, printable
from .headline import headline
from .lens import AT_PEAK, COUNTED, MEASURED
from .prediction_console import show_predicted_section
from .tables import phases_and_total, time_at_peak
from .trace_console import show_trace_section

SAMPLES = 2
SAMPLE_CHARACTERS = 240


def show(profile: Profile, console: Console) -> None:
    """Print the profile."""
    for line in _header(profile):
        console.print(line, soft_wrap=False)
    console.print()
    print_table(console, _phase_columns(profile, console.width), len(profile.phases) > 1)
    console.print(_phase_note(profile))
    show_trace_section(profile, console)
    if profile.placements:
        console.print()
        print_table(console, _chip_columns(profile, console.width), False)
        console.print(_chip_note(profile))
    show_predicted_section(profile.predictions, profile.unpredicted, console)
    show_compiled_section(profile.compiled, console)
    _show_outcome(profile, console)
    _show_findings(profile, console)
    _show_samples(profile, console)


def _header(profile: Profile) -> list[Text]:
    parts = [profile.model.dtype, facts.backend_text(profile), facts.shape_text(profile)]
    first = Text(profile.model.name, "bold") + Text(f"  {'  '.join(parts)}", "not bold")
    return [first, Text(headline(profile), "italic")]


def _phase_columns(profile: Profile, width: int) -> list[Column]:
    wide = width >= WIDE
    phases = phases_and_total(profile)
    ran = [phase.measured for phase in phases]
    counted = [phase.counted for phase in phases]
    flops = [units.flops(c.flops) for c in counted]
    bounds = [facts.bound_text(phase) for phase in phases]
    of_bandwidth = [units.share(m.bandwidth_share) if m else "" for m in ran]
    of_flops = [units.share(m.flops_share) if m else "" for m in ran]
    on_chips = [facts.bound_on_chips_text(profile, phase.name) for phase in phases]
    on_chips = [] if any(bounds) and not wide else on_chips
    return [
        Column("phase", [phase.name for phase in phases], left=True),
        Column("tokens", [units.count(phase.tokens) for phase in phases]),
        Column("time", [units.seconds(m.time_s.median) if m else "" for m in ran], MEASURED),
        Column("spread" if wide else "±", [_spread(p, wide) for p in phases], drop=3),
        Column("tok/s", [units.significant(m.tokens_per_s) if m else "" for m in ran], drop=1),
        Column("FLOPs", [t if wide else t.removesuffix("FLOP") for t in flops], COUNTED),
        Column("HBM", [units.bytes_(c.hbm_bytes.total) for c in counted]),
        Column("FLOP/B", [units.intensity_number(c.intensity) for c in counted]),
        Column("bound", bounds, MEASURED, left=True),
        Column("of bandwidth" if wide else "of BW", of_bandwidth),
        Column("of FLOP/s" if wide else "FLOP/s", of_flops, drop=2),
        Column("bound on chips", on_chips, AT_PEAK, left=True, drop=4),
    ]


def _spread(phase: Phase, wide: bool) -> str:
    """The range of the repeats, or the larger deviation in per cent where space is short."""
    if phase.measured is None or len(phase.measured.time_s.repeats) == 1:
        return ""
    if wide:
        return facts.spread_text(phase.measured)
    time = phase.measured.time_s
    deviation = max(time.high - time.median, time.median - time.low)
    return units.share(deviation / time.median) if time.median > 0 else ""


def _phase_note(profile: Profile) -> Text:
    if not facts.was_run(profile):
        return Text("counted from the algorithm; nothing was run, so nothing is measured", "dim")
    if profile.machine is None:
        return Text("shares are of this machine's own measured limits", "dim")
    bandwidth = units.bandwidth(profile.machine.read_bandwidth)
    rate = units.flop_rate(profile.machine.matmul_flops)
    return Text(f"shares are of this machine's own measured {bandwidth} and {rate}", "dim")


def _chip_note(profile: Profile) -> Text:
    resident = units.bytes_(max(p.resident_bytes for p in profile.placements))
    return Text(f"a floor {AT_PEAK}, links ignored, no forecast; {resident} resident", "dim")


def _chip_columns(profile: Profile, width: int) -> list[Column]:
    wide, placed = width >= WIDE, profile.placements
    phases = [
        Column(
            phase.name,
            [_on_chip(p, phase.name, wide) for p in placed],
            "at peak" if index == 0 else "",
        )
        for index, phase in enumerate(profile.phases)
    ]
    return [
        Column("chip", [p.chip for p in placed], left=True),
        Column("needed", [units.count(p.chips) for p in placed]),
        Column("ridge", [units.intensity_number(p.ridge) for p in placed]),
        *phases,
        Column("all", [units.seconds(time_at_peak(p)) for p in placed], drop=1),
    ]


def _on_chip(placement: ChipPlacement, phase: str, wide: bool) -> str:
    found: PhaseOnChip | None = next((on for on in placement.phases if on.phase == phase), None)
    if found is None:
        return ""
    bound = found.bound if wide else found.bound[:3]
    return f"{bound} {units.seconds(found.time_at_peak_s)}"


def _show_outcome(profile: Profile, console: Console) -> None:
    lines = RichTable.grid(padding=(0, 2, 0, 0))
    for name, value in _outcome_facts(profile):
        if value:
            lines.add_row(Text(name, "bold"), Text(value))
    if lines.row_count:
        console.print()
        console.print(lines)


def _outcome_facts(profile: Profile) -> list[tuple[str, str]]:
    outcome, found = profile.outcome, []
    if outcome is not None:
        mean = facts.mean_thought(outcome)
        thought = "" if mean is None else f"{units.significant(mean)} tokens on average; "
        found.append(("accuracy", facts.accuracy_text(outcome)))
        found.append(("thoughts", thought + facts.stop_text(outcome)))
    idle = [
        f"{p.name} {units.share(facts.idle_share(p))} ({units.count(p.idle_slots)} of "
        f"{units.count(p.tokens + p.idle_slots)})"
        for p in profile.phases
        if p.idle_slots
    ]
    return [*found, ("idle slots", ", ".join(idle))]


def _show_findings(profile: Profile, console: Console) -> None:
    for index, finding in enumerate(profile.findings):
        if index == 0:
            console.print(Text("\nfindings", "bold"))
        line = Text(f"{index + 1}. {finding.sentence}")
        console.print(Padding(line, (0, 0, 0, 2), expand=False))


def _show_samples(profile: Profile, console: Console) -> None:
    samples = profile.outcome.samples[:SAMPLES] if profile.outcome else []
    for index, sample in enumerate(samples):
        if index == 0:
            console.print(Text("\nsamples", "bold"))
        verdict = _verdict(sample)
        console.print(Padding(Text(_short(sample.prompt), "italic"), (0, 0, 0, 2), expand=False))
        console.print(Padding(Text(_short(sample.thought), "dim"), (0, 0, 0, 4), expand=False))
        console.print(
            Padding(Text(f"→ {_short(sample.answer)}{verdict}"), (0, 0, 0, 4), expand=False)
        )


def _verdict(sample: Sample) -> str:
    if sample.correct is None:
        return ""
    return "  (right)" if sample.correct else f"  (wrong, expected {sample.expected})"


def _short(text: str) -> str:
    """One line of at most SAMPLE_CHARACTERS."""
    line = printable(text)
    return line if len(line) <= SAMPLE_CHARACTERS else f"{line[: SAMPLE_CHARACTERS - 1]}…"
