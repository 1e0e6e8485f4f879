"""The tables of costs: phases, bytes by kind, slots, chips and the thought's steps."""

from ..records import ChipPlacement, Phase, PhaseOnChip, Profile
from ..records.base import BYTE_KINDS
from ..records.profile import total_phase
from . import facts, units
from .lens import AT_PEAK, COUNTED, MEASURED
from .table import Column, Table, from_columns

THOUGHT_ROWS = 12  # a reader follows the trend; the JSON has every point


def phases_and_total(profile: Profile) -> list[Phase]:
    """The phases, and their sum where there is more than one."""
    if len(profile.phases) < 2:
        return list(profile.phases)
    return [*profile.phases, total_phase(profile)]


def phase_table(profile: Profile) -> Table:
    """Tokens, time, FLOPs, bytes, intensity and what bounds each phase."""
    phases = phases_and_total(profile)
    ran = [phase.measured for phase in phases]
    counted = [phase.counted for phase in phases]
    return from_columns(
        "Cost of each phase",
        [
            (Column("phase", numeric=False), [phase.name for phase in phases]),
            (Column("tokens"), [units.count(phase.tokens) for phase in phases]),
            (Column("time", MEASURED), [units.seconds(m.time_s.median) if m else "" for m in ran]),
            (Column("spread", MEASURED), [facts.spread_text(m) if m else "" for m in ran]),
            (
                Column("tok/s", MEASURED),
                [units.significant(m.tokens_per_s) if m else "" for m in ran],
            ),
            (Column("FLOPs", COUNTED), [units.flops(c.flops) for c in counted]),
            (Column("HBM bytes", COUNTED), [units.bytes_(c.hbm_bytes.total) for c in counted]),
            (Column("FLOP/B", COUNTED), [units.intensity_number(c.intensity) for c in counted]),
            (Column("bound", MEASURED, False), [facts.bound_text(phase) for phase in phases]),
            (
                Column("of bandwidth", MEASURED),
                [units.share(m.bandwidth_share) if m else "" for m in ran],
            ),
            (Column("of FLOP/s", MEASURED), [units.share(m.flops_share) if m else "" for m in ran]),
            (
                Column("bound on chips", AT_PEAK, False),
                [facts.bound_on_chips_text(profile, phase.name) for phase in phases],
            ),
        ],
        has_total=len(phases) > 1,
    )


def bytes_table(profile: Profile) -> Table:
    """HBM bytes of each phase by kind, and vector operations beside the matmul FLOPs."""
    phases = phases_and_total(profile)
    moved = [phase.counted.hbm_bytes for phase in phases]
    kinds = [
        (
            Column(facts.KIND_LABELS[kind], COUNTED),
            [units.bytes_(getattr(b, kind)) for b in moved],
        )
        for kind in BYTE_KINDS
    ]
    operations = [units.prefixed(phase.counted.vector_flops, "op") for phase in phases]
    return from_columns(
        "HBM bytes by kind",
        [
            (Column("phase", numeric=False), [phase.name for phase in phases]),
            *kinds,
            (Column("all bytes", COUNTED), [units.bytes_(b.total) for b in moved]),
            (Column("vector operations", COUNTED), operations),
        ],
        has_total=len(phases) > 1,
    )


def slots_table(profile: Profile) -> Table:
    """Steps, and the slots and positions that were computed for nothing."""
    phases = profile.phases
    forced = [units.count(p.forced_tokens) for p in phases]
    idle = [units.count(p.idle_slots) for p in phases]
    padded = [units.count(p.padded_tokens) for p in phases]
    return from_columns(
        "Steps, idle slots and padding",
        [
            (Column("phase", numeric=False), [p.name for p in phases]),
            (Column("sequences"), [units.count(p.sequences) for p in phases]),
            (Column("steps"), [units.count(p.steps) for p in phases]),
            (Column("forced tokens"), forced),
            (Column("idle slots"), idle),
            (Column("idle share"), [units.share(facts.idle_share(p)) for p in phases]),
            (Column("padded positions"), padded),
            (Column("padded share"), [units.share(facts.padded_share(p)) for p in phases]),
        ],
    )


def chips_table(profile: Profile) -> Table:
    """Each chip's datasheet figures, and how many of it the workload needs."""
    placed = profile.placements
    return from_columns(
        "Chips from their datasheets",
        [
            (Column("chip", numeric=False), [p.chip for p in placed]),
            (Column("chips needed"), [units.count(p.chips) for p in placed]),
            (Column("resident"), [units.bytes_(p.resident_bytes) for p in placed]),
            (Column("HBM a chip"), [units.bytes_(p.hbm_capacity_bytes) for p in placed]),
            (Column("peak a chip"), [units.flop_rate(p.peak_flops) for p in placed]),
            (Column("peak's dtype", numeric=False), [p.peak_dtype for p in placed]),
            (Column("bandwidth a chip"), [units.bandwidth(p.hbm_bandwidth) for p in placed]),
            (Column("ridge"), [units.intensity(p.ridge) for p in placed]),
        ],
    )


def chip_times_table(profile: Profile) -> Table:
    """The floor that each chip's datasheet sets for each phase, and the bound that sets it."""
    placed = profile.placements
    rows = [{on.phase: on for on in placement.phases} for placement in placed]
    per_phase = [
        (Column(phase.name, AT_PEAK), [_on_chip_text(row.get(phase.name)) for row in rows])
        for phase in profile.phases
    ]
    return from_columns(
        "Time on the chips needed, at datasheet peak",
        [
            (Column("chip", numeric=False), [p.chip for p in placed]),
            *per_phase,
            (Column("all phases", AT_PEAK), [units.seconds(time_at_peak(p)) for p in placed]),
        ],
    )


def time_at_peak(placement: ChipPlacement) -> float:
    """Seconds of all phases at datasheet peak."""
    return sum(on_chip.time_at_peak_s for on_chip in placement.phases)


def _on_chip_text(on_chip: PhaseOnChip | None) -> str:
    return f"{units.seconds(on_chip.time_at_peak_s)}, {on_chip.bound}" if on_chip else ""


def thought_table(profile: Profile) -> Table:
    """One decode step at some points along the thought."""
    points = profile.thought
    stride = max(1, -(-len(points) // THOUGHT_ROWS))
    points = [*points[:-1:stride], points[-1]] if points else []
    kinds = [
        (
            Column(facts.KIND_LABELS[kind], COUNTED),
            [units.bytes_(getattr(p.hbm_bytes, kind)) for p in points],
        )
        for kind in BYTE_KINDS
    ]
    intensities = [p.flops / p.hbm_bytes.total if p.hbm_bytes.total else 0.0 for p in points]
    times = ["" if p.measured_step_s is None else units.seconds(p.measured_step_s) for p in points]
    return from_columns(
        "One step along the thought",
        [
            (Column("tokens thought"), [units.count(p.tokens_thought) for p in points]),
            (Column("active attempts"), [units.count(p.active_attempts) for p in points]),
            (Column("FLOPs", COUNTED), [units.flops(p.flops) for p in points]),
            *kinds,
            (Column("intensity", COUNTED), [units.intensity(value) for value in intensities]),
            (Column("step time", MEASURED), times),
        ],
    )
