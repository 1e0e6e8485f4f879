"""The report in a terminal: what a person reads in ten seconds, at 80 columns and wider.

One table of phases, one of chips, then a few lines. Where a table is wider than the console its
least needed columns go first; the full tables are in report.md and report.html.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from ..record import ChipPlacement, Phase, PhaseOnChip, Profile, Sample
from . import facts, units
from .headline import headline
from .lens import AT_PEAK, COUNTED, MEASURED
from .tables import phases_and_total, time_at_peak

WIDE = 110  # columns from which numbers carry their units and gaps are two wide
SAMPLES = 2
SAMPLE_CHARACTERS = 240


@dataclass(frozen=True)
class _Column:
    """Cells under a two-line heading; the column with the highest `drop` is left out first."""

    title: str
    cells: list[str]
    lens: str = ""
    left: bool = False
    drop: int = 0


def show(profile: Profile, console: Console) -> None:
    """Print the profile."""
    for line in _header(profile):
        console.print(line, soft_wrap=False)
    console.print()
    _print_table(console, _phase_columns(profile, console.width), len(profile.phases) > 1)
    console.print(_phase_note(profile))
    if profile.placements:
        console.print()
        _print_table(console, _chip_columns(profile, console.width), False)
        console.print(_chip_note(profile))
    _show_outcome(profile, console)
    _show_findings(profile, console)
    _show_samples(profile, console)


def _header(profile: Profile) -> list[Text]:
    parts = [profile.model.dtype, facts.backend_text(profile), facts.shape_text(profile)]
    first = Text(profile.model.name, "bold") + Text(f"  {'  '.join(parts)}", "not bold")
    return [first, Text(headline(profile), "italic")]


def _phase_columns(profile: Profile, width: int) -> list[_Column]:
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
        _Column("phase", [phase.name for phase in phases], left=True),
        _Column("tokens", [units.count(phase.tokens) for phase in phases]),
        _Column("time", [units.seconds(m.time_s.median) if m else "" for m in ran], MEASURED),
        _Column("spread" if wide else "±", [_spread(p, wide) for p in phases], drop=3),
        _Column("tok/s", [units.significant(m.tokens_per_s) if m else "" for m in ran], drop=1),
        _Column("FLOPs", [t if wide else t.removesuffix("FLOP") for t in flops], COUNTED),
        _Column("HBM", [units.bytes_(c.hbm_bytes.total) for c in counted]),
        _Column("FLOP/B", [units.intensity_number(c.intensity) for c in counted]),
        _Column("bound", bounds, MEASURED, left=True),
        _Column("of bandwidth" if wide else "of BW", of_bandwidth),
        _Column("of FLOP/s" if wide else "FLOP/s", of_flops, drop=2),
        _Column("bound on chips", on_chips, AT_PEAK, left=True, drop=4),
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


def _chip_columns(profile: Profile, width: int) -> list[_Column]:
    wide, placed = width >= WIDE, profile.placements
    phases = [
        _Column(
            phase.name,
            [_on_chip(p, phase.name, wide) for p in placed],
            "at peak" if index == 0 else "",
        )
        for index, phase in enumerate(profile.phases)
    ]
    return [
        _Column("chip", [p.chip for p in placed], left=True),
        _Column("needed", [units.count(p.chips) for p in placed]),
        _Column("ridge", [units.intensity_number(p.ridge) for p in placed]),
        *phases,
        _Column("all", [units.seconds(time_at_peak(p)) for p in placed], drop=1),
    ]


def _on_chip(placement: ChipPlacement, phase: str, wide: bool) -> str:
    found: PhaseOnChip | None = next((on for on in placement.phases if on.phase == phase), None)
    if found is None:
        return ""
    bound = found.bound if wide else found.bound[:3]
    return f"{bound} {units.seconds(found.time_at_peak_s)}"


def _print_table(console: Console, columns: Sequence[_Column], has_total: bool) -> None:
    """The table with as many columns as fit, least needed ones dropped first."""
    kept = [column for column in columns if any(column.cells)]
    gap = 2 if console.width >= WIDE else 1
    while True:
        table = _rich_table(kept, gap, has_total)
        fits = Measurement.get(console, console.options, table).maximum <= console.width
        droppable = max(kept, key=lambda column: column.drop)
        if (fits and _natural_width(kept, gap) <= console.width) or droppable.drop == 0:
            console.print(table)
            return
        kept = [column for column in kept if column is not droppable]


def _natural_width(columns: Sequence[_Column], gap: int) -> int:
    """Width without wrapping; rich's own measure is capped at the console's."""
    widths = [max(len(t) for t in (c.title, c.lens, *c.cells)) for c in columns]
    return sum(widths) + gap * (len(columns) - 1)


def _rich_table(columns: Sequence[_Column], gap: int, has_total: bool) -> RichTable:
    table = RichTable(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="")
    for column in columns:
        heading = Text(f"{column.lens}\n", "dim") + Text(column.title, "bold not dim")
        table.add_column(heading, justify="left" if column.left else "right", overflow="fold")
    rows = list(zip(*(column.cells for column in columns), strict=True))
    for index, row in enumerate(rows):
        style = "bold" if has_total and index == len(rows) - 1 else ""
        table.add_row(*(Text(cell) for cell in row), style=style)
    return table


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
    for index, finding in enumerate(facts.ranked(profile.findings)):
        if index == 0:
            console.print(Text("\nfindings", "bold"))
        size = facts.finding_size(finding)
        line = Text(finding.sentence) + Text(f"  {size}" if size else "", "dim")
        console.print(Padding(Text(f"{index + 1}. ") + line, (0, 0, 0, 2), expand=False))


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
    """One line of at most SAMPLE_CHARACTERS; control characters must not reach the terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= SAMPLE_CHARACTERS else f"{line[: SAMPLE_CHARACTERS - 1]}…"
