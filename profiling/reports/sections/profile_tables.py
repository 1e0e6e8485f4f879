"""The tables of a profile: phases, bytes by kind, slots, chips, the thought's steps, facts."""

from collections.abc import Sequence

from ...records import HbmBytes, Profile
from ...records.base import BYTE_KINDS, ratio
from ...records.lenses import Acceptance
from ...records.prediction import DraftSpeedUp
from ...records.profile import TOTAL, ModelFacts
from .. import theme, units
from ..document import Column, Facts, Table, columns, with_interval
from ..terms import AT_PEAK, COUNTED, MEASURED, PREDICTED
from . import profile_facts as facts
from .prediction_document import phase_columns

THOUGHT_ROWS = 12  # a reader follows the trend; the JSON has every point
BYTE_NAMES = {"weights": "weight_bytes", "activations": "activation_bytes"}


def phase_table(profile: Profile) -> Table:
    """Tokens, time, FLOPs, bytes, intensity and what bounds each phase."""
    phases = facts.phases_and_total(profile)
    ran = [phase.measured for phase in phases]
    counted = [phase.counted for phase in phases]
    on_chips = [facts.bound_on_chips_text(profile, phase.name) for phase in phases]
    return Table(
        "Cost of each phase",
        [
            Column("phase", [phase.name for phase in phases]),
            Column("tokens", [phase.tokens for phase in phases], units.count),
            Column("time", [m.time_s.median if m else None for m in ran], units.seconds, MEASURED,
                   name="measured_s"),
            Column("spread", [facts.spread_text(m.time_s) if m else "" for m in ran], str, MEASURED,
                   data=False, priority=3),
            Column("tok/s", [m.tokens_per_s if m else None for m in ran], units.significant,
                   MEASURED, name="measured_tokens_per_s", priority=2),
            Column("FLOPs", [c.flops for c in counted], units.flops, COUNTED, name="flops"),
            Column("HBM bytes", [c.hbm_bytes.total for c in counted], units.bytes_, COUNTED,
                   name="hbm_bytes", short="HBM"),
            Column("FLOP/B", [c.intensity for c in counted], units.intensity_number, COUNTED,
                   name="flops_per_byte"),
            Column("bound", [facts.bound_text(phase) for phase in phases], lens=MEASURED),
            Column("of bandwidth", [m.bandwidth_share if m else None for m in ran], units.share,
                   MEASURED, name="bandwidth_share", short="of BW", priority=1),
            Column("of FLOP/s", [m.flops_share if m else None for m in ran], units.share,
                   MEASURED, name="flops_share", priority=1),
            Column("bound on chips", on_chips, lens=AT_PEAK, data=False, priority=4),
        ],
        name="phases",
        has_total=len(phases) > 1,
    )  # fmt: skip


def bytes_table(profile: Profile) -> Table:
    """HBM bytes of each phase by kind, and vector operations beside the matmul FLOPs."""
    phases = facts.phases_and_total(profile)
    return Table(
        "HBM bytes by kind",
        columns(
            Column("phase", [phase.name for phase in phases]),
            _byte_columns([phase.counted.hbm_bytes for phase in phases]),
            Column("vector operations", [phase.counted.vector_flops for phase in phases],
                   units.operations, COUNTED, name="vector_flops"),
        ),
        name="bytes",
        has_total=len(phases) > 1,
    )  # fmt: skip


def _byte_columns(moved: Sequence[HbmBytes]) -> list[Column]:
    """Each kind, then all."""
    kinds = [(theme.KINDS[kind][0], kind, BYTE_NAMES.get(kind, f"{kind}_bytes"))
             for kind in BYTE_KINDS]  # fmt: skip
    return [Column(title, [getattr(b, kind) for b in moved], units.bytes_, COUNTED, name)
            for title, kind, name in (*kinds, ("all bytes", TOTAL, "hbm_bytes"))]  # fmt: skip


def slots_table(profile: Profile) -> Table:
    """Steps, and the slots and positions that were computed for nothing."""
    phases = profile.phases
    return Table(
        "Steps, idle slots and padding",
        [
            Column("phase", [p.name for p in phases]),
            Column("sequences", [p.sequences for p in phases], units.count),
            Column("steps", [p.steps for p in phases], units.count),
            Column("forced tokens", [p.forced_tokens for p in phases], units.count),
            Column("idle slots", [p.idle_slots for p in phases], units.count),
            Column("idle share", [facts.idle_share(p) for p in phases], units.share),
            Column("padded positions", [p.padded_tokens for p in phases], units.count),
            Column("padded share", [facts.padded_share(p) for p in phases], units.share),
        ],
        name="slots",
    )


def chips_table(profile: Profile) -> Table:
    """Each chip's datasheet figures, and how many of it the workload needs."""
    placed = profile.placements
    return Table(
        "Chips from their datasheets",
        [
            Column("chip", [p.chip for p in placed]),
            Column("chips needed", [p.chips for p in placed], units.count),
            Column("weights + KV cache", [p.resident_bytes for p in placed], units.bytes_,
                   name="resident_bytes"),
            Column("HBM per chip", [p.hbm_capacity_bytes for p in placed], units.bytes_,
                   name="hbm_capacity_bytes"),
            Column("peak per chip", [p.peak_flops for p in placed], units.flop_rate,
                   name="peak_flops"),
            Column("peak's dtype", [p.peak_dtype for p in placed], name="peak_dtype"),
            Column("bandwidth per chip", [p.hbm_bandwidth for p in placed], units.bandwidth,
                   name="hbm_bandwidth"),
            Column("ridge", [p.ridge for p in placed], units.intensity),
        ],
        name="chips",
    )  # fmt: skip


def chip_times_table(profile: Profile) -> Table:
    """The lower bound that each chip's datasheet sets for each phase, and what sets it."""
    placed = profile.placements
    rows = [{on.phase: (on.time_at_peak_s, on.bound) for on in p.phases} for p in placed]
    return Table(
        "Lower bound from the datasheet, on the chips needed",
        columns(
            Column("chip", [p.chip for p in placed]),
            Column("needed", [p.chips for p in placed], units.count, name="chips"),
            Column("ridge", [p.ridge for p in placed], units.intensity_number,
                   name="ridge_flops_per_byte"),
            phase_columns(rows, AT_PEAK, 0, 2),
            Column("all phases", [facts.time_at_peak(p) for p in placed], units.seconds, AT_PEAK,
                   name="at_peak_s"),
        ),
        name="at-peak",
    )  # fmt: skip


def thought_table(profile: Profile, every: bool = False) -> Table:
    """One decode step at some points along the thought, or at `every` one."""
    points = profile.thought
    stride = 1 if every else max(1, -(-len(points) // THOUGHT_ROWS))
    points = [*points[:-1:stride], points[-1]] if points else []
    moved = [p.hbm_bytes for p in points]
    intensities = [p.flops / b.total if b.total else 0.0
                   for p, b in zip(points, moved, strict=True)]  # fmt: skip
    return Table(
        "One step along the thought",
        columns(
            Column("tokens thought", [p.tokens_thought for p in points], units.count),
            Column("active attempts", [p.active_attempts for p in points], units.count),
            Column("FLOPs", [p.flops for p in points], units.flops, COUNTED, name="flops"),
            _byte_columns(moved),
            Column("intensity", intensities, units.intensity, COUNTED, name="flops_per_byte"),
            Column("mean step time", [p.measured_step_s for p in points], units.seconds, MEASURED,
                   name="measured_step_s",
                   help="The mean over up to 16 steps, which one call of the decode loop makes. "
                   "Each of them reads every slot of the cache, whether it is filled yet or not: "
                   "time grows less along the thought than the bytes that the algorithm needs."),
        ),
        name="thought",
    )  # fmt: skip


def outcome_facts(profile: Profile) -> Facts:
    """What the compute bought, and what of it was idle."""
    outcome, pairs = profile.outcome, []
    if outcome is not None:
        mean = facts.mean_thought(outcome)
        answers = sum(length.answer_tokens for length in outcome.lengths)
        pairs = [
            ("accuracy", facts.accuracy_text(outcome)),
            ("attempts", units.count(outcome.attempts)),
            ("mean thought", f"{units.significant(mean)} tokens" if mean is not None else ""),
            ("thoughts", facts.stop_text(outcome)),
            ("answer tokens", units.count(answers) if outcome.lengths else ""),
        ]
    idle = [
        f"{p.name} {units.share(facts.idle_share(p))} ({units.count(p.idle_slots)} of "
        f"{units.count(p.tokens + p.idle_slots)})"
        for p in profile.phases
        if p.idle_slots
    ]
    return Facts("Outcome", [*pairs, ("idle slots", ", ".join(idle))])


def model_facts(profile: Profile) -> Facts:
    """The model as it was costed."""
    model = profile.model
    return Facts(
        "Model",
        [
            ("name", model.name),
            ("family", model.family),
            ("parameters", units.count(model.parameters)),
            ("weights", f"{units.bytes_(model.weight_bytes)} in {model.dtype_words}"),
            ("KV cache", f"{units.bytes_(model.kv_bytes_per_token)} per token"),
            ("layers", units.count(model.layers)),
            ("width", units.count(model.embed_dim)),
            ("heads", _heads(model)),
            ("MLP width", units.count(model.mlp_dim)),
            ("vocabulary", units.count(model.vocab_size)),
            ("context", f"{units.count(model.context_length)} tokens"),
            ("embedding and head", "tied" if model.tied_embeddings else "separate"),
            ("weights from", model.weights_source),
        ],
    )


def _heads(model: ModelFacts) -> str:
    """'16 query, 2 KV, 128 wide'."""
    if model.latent_dim:
        wide = f"{model.head_dim} + {model.rotated_dim} wide"
        cached = model.latent_dim + model.rotated_dim
        return f"{model.query_heads}, {wide}; {cached} latent elements a position for all"
    return f"{model.query_heads} query, {model.kv_heads} KV, {model.head_dim} wide"


def workload_facts(profile: Profile) -> Facts:
    """What the model was to do."""
    work = profile.workload
    attempts = "attempts per prompt" if work.strategy is None else "attempts at one time"
    return Facts(
        "Workload",
        [
            ("task", work.task or "plain prompts"),
            ("strategy", work.strategy or ""),
            ("its settings", facts.settings_text(work)),
            ("prompts", units.count(work.prompts)),
            ("prompts per batch", units.count(work.batch)),
            (attempts, units.count(work.attempts)),
            ("prompt tokens", _lengths_text(work.prompt_tokens)),
            ("think budget", f"{units.count(work.think_budget)} tokens"),
            ("answer budget", f"{units.count(work.answer_budget)} tokens"),
            ("sampling", work.sampling),
            ("a thought ends at", repr(work.think_end)),
        ],
    )


def machine_facts(profile: Profile) -> Facts:
    """The limits of the machine at hand, measured beside the run."""
    machine = profile.machine
    if machine is None:
        return Facts("This machine", [])
    ridge = machine.matmul_flops / machine.read_bandwidth if machine.read_bandwidth else 0.0
    return Facts(
        f"This machine's own limits ({MEASURED})",
        [
            ("machine", facts.machine_text(profile.provenance)),
            ("read bandwidth", units.bandwidth(machine.read_bandwidth)),
            ("matmul rate", f"{units.flop_rate(machine.matmul_flops)} in {machine.dtype}"),
            ("ridge", units.intensity(ridge)),
            ("read beside the run", units.bandwidth(machine.bandwidth_then)),
            ("limits kept since", machine.measured_on or ""),
        ],
    )


def _lengths_text(lengths: Sequence[int]) -> str:
    """'61, 74, 52, 88'; many as their range and sum."""
    if len(lengths) <= 8:
        return ", ".join(units.count(n) for n in lengths)
    low, high, total = min(lengths), max(lengths), sum(lengths)
    return f"{units.count(low)} to {units.count(high)}, {units.count(total)} in all"


def acceptance_table(found: Acceptance) -> Table:
    """Drafts by their place in the round."""
    places = found.places
    return Table(
        "Acceptance by place",
        [
            Column("place", [place.place for place in places]),
            Column("proposed", [place.proposed for place in places], units.count, COUNTED),
            Column("judged", [place.judged for place in places], units.count, COUNTED),
            Column("kept", [place.kept for place in places], units.count, COUNTED),
            Column("marginal rate", found.marginal, units.share, COUNTED, name="marginal"),
            Column("conditional rate", found.conditional, units.share, COUNTED,
                   name="conditional"),
        ],
        name="acceptance",
    )  # fmt: skip


def speed_ups_table(rows: list[DraftSpeedUp]) -> Table:
    """Each slice with its interval."""
    return Table(
        "Speed-up of thinking by drafts",
        [
            Column("slice", [row.slice for row in rows]),
            *with_interval(Column("speed-up", [row.factor for row in rows], ratio, PREDICTED)),
        ],
        name="draft_speed_ups",
    )
