"""Profile: the record of one workload under its lenses. Data only.

The only thing that renderers, comparisons and the co-design analysis read; every field is
documented here, and published as JSON Schema (`rooflink schema profile`).

Conventions: a multiply-add is 2 FLOP; 1 GB is 10^9 bytes; causal attention is counted as causal
(a query meets only the keys it may see); all times are seconds. Every figure sits under the lens
that knows it: `counted` from the algorithm, `compiled` from XLA's executable, `measured` on this
machine, `at_peak` from a chip's datasheet, `predictions` from that and published measurements.

Measured lens, closer: where one traced generation spent its time, by phase and named scope.

All phases of a profile as one: derived from the record, and so not kept in it.
"""

from collections.abc import Sequence
from statistics import median
from typing import Literal

from pydantic import Field

from .base import HbmBytes, Record, Spread
from .compiled import CompiledTarget
from .prediction import Prediction

UNATTRIBUTED = "unattributed"
"""Stands for the phase or scope of what none claims."""


Clock = Literal["CPU threads", "TPU cores"]


class ScopeTime(Record):
    """Self time of one named scope in one phase."""

    phase: str = Field(description="think ...; 'unattributed' for work between phases")
    scope: str = Field(description="e.g. 'attention/projections'; 'unattributed' where unknown")
    self_time_s: float = Field(description="thread-seconds (device-seconds on a TPU)")


class Trace(Record):
    """One generation of the first batch under jax.profiler: never one of the timed ones.

    Thread time is that in which a thread of XLA's pools executes something: a thunk (one
    instruction of a compiled program), what a thunk hands to other threads, or the executor
    between thunks. Idle threads and those that wait for others are not counted, so that two busy
    threads make two thread-seconds a second. Self time of an instruction is the thread time in it
    less that in the instructions inside it, a loop's body for instance. On a TPU the same is said
    of the operations on its cores, as the device itself timed them.
    """

    session: str | None = Field(
        description="folder of XProf's session inside the run's folder; None where nothing is kept"
    )
    clock: Clock | None = Field(description="whose time `scopes` hold; None where there are none")
    lines: int = Field(description="threads or cores that worked")
    scopes: list[ScopeTime] = Field(description="largest first; empty where `problem` says why")
    dispatch_s: float = Field(
        description="of the unattributed time, XLA's executor and loops themselves: no scope's work"
    )
    traced_s: float | None = Field(description="wall time of the traced generation's phases")
    untraced_s: Spread | None = Field(
        description="the same phases of the same batch in the timed runs, without a trace"
    )
    problem: str | None = Field(default=None, description="what is missing and why, in a sentence")

    @property
    def thread_s(self) -> float:
        """All self time together: thread time."""
        return sum(row.self_time_s for row in self.scopes)

    @property
    def attributed_share(self) -> float:
        """Share of thread time with a phase and a scope."""
        known = sum(
            row.self_time_s for row in self.scopes if UNATTRIBUTED not in (row.phase, row.scope)
        )
        return known / self.thread_s if self.thread_s else 0.0

    @property
    def overhead(self) -> float | None:
        """What tracing added to the untraced median, as a share of it; None where not known.

        Below 0 where the machine's own noise is larger than what tracing costs.
        """
        if not self.traced_s or not self.untraced_s:
            return None
        return self.traced_s / self.untraced_s.median - 1


SCHEMA = "rooflink.profile/1"

Bound = Literal["compute", "memory"]
StopReason = Literal["marker", "budget", "end_of_sequence", "confident", "limit", "pruned"]


class Provenance(Record):
    """Where a profile comes from: enough to run it again."""

    created: str = Field(description="local time, ISO 8601 with offset")
    command: str = Field(description="the command line, or 'python' when called as a library")
    versions: dict[str, str] = Field(description="package name -> version; also 'python'")
    git_commit: str | None = Field(description="commit of the checkout, where there is one")
    backend: str = Field(description="JAX platform that ran it: cpu, tpu or gpu; 'none' if not run")
    device: str = Field(description="the device's own name")
    cores: int
    seed: int


class ModelFacts(Record):
    """The model as it was costed."""

    name: str
    family: str
    parameters: int
    layers: int
    embed_dim: int
    query_heads: int
    kv_heads: int
    head_dim: int
    mlp_dim: int
    vocab_size: int
    context_length: int
    tied_embeddings: bool
    dtype: str = Field(description="dtype of weights, activations and KV cache in this run")
    weight_bytes: int
    kv_bytes_per_token: int
    weights_source: str = Field(description="file or package of the weights; 'none'; 'random'")


class Workload(Record):
    """What was asked of the model."""

    prompts: int
    batch: int = Field(description="prompts that run together")
    attempts: int = Field(description="attempts per prompt; they share the prompt's KV cache")
    prompt_tokens: list[int] = Field(description="length of each prompt")
    think_budget: int
    answer_budget: int
    sampling: str = Field(description="e.g. 'greedy' or 'temperature 0.6, top-p 0.95'")
    think_end: str = Field(description="text that ends a thought; forced at the budget")
    task: str | None = Field(description="e.g. 'gsm8k'; None for plain prompts")
    strategy: str | None = Field(
        default=None,
        description="as --strategy takes it, 'best-of-n:n=8'; None: each attempt thinks and "
        "answers by itself. `attempts` are then the rows that a prompt has at one time",
    )
    strategy_settings: dict[str, str | int | float | bool | None] = Field(
        default={}, description="every setting of the strategy, defaults too"
    )


class CountedCost(Record):
    """Counted lens: exact, from the algorithm alone, summed over the whole phase."""

    flops: int = Field(description="matmul FLOPs; attention counted as causal, padding left out")
    vector_flops: int = Field(description="elementwise and transcendental operations, 1 each")
    hbm_bytes: HbmBytes

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: matmul FLOPs per HBM byte."""
        return self.flops / self.hbm_bytes.total if self.hbm_bytes.total else 0.0


class MeasuredCost(Record):
    """Measured lens: wall time on the machine in the provenance, never a claim about another."""

    time_s: Spread
    tokens_per_s: float = Field(description="useful tokens of the phase per second, at the median")
    bandwidth_share: float = Field(
        description="counted HBM bytes / median time / the machine's measured read bandwidth"
    )
    flops_share: float = Field(
        description="counted FLOPs / median time / the machine's measured matmul rate"
    )


class Phase(Record):
    """A stretch of work with one character."""

    name: str = Field(description="prefill, think, answer, verify ...")
    tokens: int = Field(description="useful tokens: prompt tokens, or tokens thought or answered")
    forced_tokens: int = Field(description="of those, tokens forced (an answer cue), not sampled")
    sequences: int
    steps: int = Field(description="passes through the model")
    idle_slots: int = Field(
        description="sequence-steps spent on finished attempts while others went on"
    )
    padded_tokens: int = Field(description="prefill positions computed for padding alone")
    counted: CountedCost
    measured: MeasuredCost | None = Field(description="None where nothing was run")


class ThoughtPoint(Record):
    """One decode step along the thought: how its cost grows with what was already thought."""

    tokens_thought: int
    active_attempts: int
    flops: int
    hbm_bytes: HbmBytes
    measured_step_s: float | None = Field(description="mean step time near here; None if not run")


class Length(Record):
    """One attempt's lengths and why its thought ended."""

    prompt: int = Field(description="index of the prompt")
    think_tokens: int
    answer_tokens: int
    stop_reason: StopReason = Field(description="what ended the thought")


class Sample(Record):
    """One attempt's words, kept for the reader."""

    prompt: str
    thought: str
    answer: str
    expected: str | None
    correct: bool | None


class Outcome(Record):
    """What the compute bought. Accuracy has a 95 % interval with each prompt as one
    observation: attempts at one are not independent. None where unchecked."""

    attempts: int = Field(description="made, those that a search gave up too")
    answers: int | None = Field(
        default=None,
        description="chosen by a strategy, one a prompt: accuracy is of them. None: of attempts",
    )
    correct: int | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    lengths: list[Length]
    samples: list[Sample] = Field(description="the first few attempts in words")

    @property
    def share_of_problems(self) -> tuple[float, int]:
        """The share of right answers, and of how many problems that is known."""
        prompts = len({length.prompt for length in self.lengths})
        return self.accuracy or 0.0, self.answers or prompts


class MachineLimits(Record):
    """The machine's own limits, measured beside the run."""

    read_bandwidth: float = Field(description="bytes per second, the best of several read kernels")
    matmul_flops: float = Field(description="FLOP per second in the run's dtype, large matmul")
    dtype: str


class PhaseOnChip(Record):
    """One phase on one chip's roofline at datasheet peak: a floor, not a prediction."""

    phase: str
    bound: Bound
    time_at_peak_s: float = Field(
        description="max(FLOPs / peak, HBM bytes / bandwidth) on `chips` chips, links ignored"
    )


class ChipPlacement(Record):
    """A workload on one chip's datasheet figures."""

    chip: str
    chips: int = Field(description="fewest chips whose HBM holds weights and KV cache")
    resident_bytes: int = Field(description="weights and the largest KV cache of the workload")
    hbm_capacity_bytes: float
    peak_flops: float = Field(description="FLOP per second of one chip in `peak_dtype`")
    peak_dtype: str
    hbm_bandwidth: float = Field(description="bytes per second of one chip")
    ridge: float = Field(description="FLOPs per byte where compute and memory time are equal")
    phases: list[PhaseOnChip]


class Finding(Record):
    """One sentence of advice with its evidence and its size."""

    sentence: str
    evidence: str
    phase: str | None
    size_bytes: int | None
    share: float | None = Field(description="of the phase's bytes, steps or slots, 0 to 1")


class Profile(Record):
    """One workload under its lenses."""

    schema_version: Literal["rooflink.profile/1"] = SCHEMA  # type: ignore[assignment]
    name: str
    provenance: Provenance
    model: ModelFacts
    workload: Workload
    phases: list[Phase]
    thought: list[ThoughtPoint] = Field(description="at most 64 points along the thought")
    outcome: Outcome | None = Field(description="None where nothing was run")
    machine: MachineLimits | None = Field(description="None where nothing was run")
    trace: Trace | None = Field(default=None, description="None where no trace was asked for")
    placements: list[ChipPlacement]
    compiled: list[CompiledTarget] = Field(
        default=[], description="what XLA made of the phases, target by target"
    )
    predictions: list[Prediction] = Field(
        default=[], description="the workload as it was, or is assumed to be, on described slices"
    )
    unpredicted: list[str] = Field(
        default=[],
        description="a sentence for each chip that no slice of holds the workload, and for each "
        "phase that is in no prediction",
    )
    findings: list[Finding]


TOTAL = "total"
BYTE_KINDS = tuple(HbmBytes.model_fields)


def total_phase(profile: Profile) -> Phase:
    """All phases as one, named 'total'; its time is that of the repeats added one by one."""
    phases = profile.phases
    tokens = sum(phase.tokens for phase in phases)
    return Phase(
        name=TOTAL,
        tokens=tokens,
        forced_tokens=sum(phase.forced_tokens for phase in phases),
        sequences=max((phase.sequences for phase in phases), default=0),
        steps=sum(phase.steps for phase in phases),
        idle_slots=sum(phase.idle_slots for phase in phases),
        padded_tokens=sum(phase.padded_tokens for phase in phases),
        counted=sum_costs([phase.counted for phase in phases]),
        measured=_total_measured([phase.measured for phase in phases], tokens),
    )


def sum_costs(costs: Sequence[CountedCost]) -> CountedCost:
    """Counted costs added up, kind by kind."""
    moved = {kind: sum(getattr(c.hbm_bytes, kind) for c in costs) for kind in BYTE_KINDS}
    return CountedCost(
        flops=sum(c.flops for c in costs),
        vector_flops=sum(c.vector_flops for c in costs),
        hbm_bytes=HbmBytes(**moved),
    )


def _total_measured(costs: list[MeasuredCost | None], tokens: int) -> MeasuredCost | None:
    known = [cost for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    time = _total_spread([cost.time_s for cost in known])
    if time.median <= 0:
        return None

    def weighted(shares: list[float]) -> float:
        """Shares weighted by time: work of all phases over the work the limit allows."""
        used = sum(s * cost.time_s.median for s, cost in zip(shares, known, strict=True))
        return used / time.median

    return MeasuredCost(
        time_s=time,
        tokens_per_s=tokens / time.median,
        bandwidth_share=weighted([cost.bandwidth_share for cost in known]),
        flops_share=weighted([cost.flops_share for cost in known]),
    )


def _total_spread(spreads: list[Spread]) -> Spread:
    if len({len(s.repeats) for s in spreads}) == 1 and spreads[0].repeats:
        repeats = [sum(together) for together in zip(*(s.repeats for s in spreads), strict=True)]
        return Spread(median=median(repeats), low=min(repeats), high=max(repeats), repeats=repeats)
    return Spread(
        median=sum(s.median for s in spreads),
        low=sum(s.low for s in spreads),
        high=sum(s.high for s in spreads),
        repeats=[],
    )
