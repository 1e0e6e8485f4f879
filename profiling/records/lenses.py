"""One phase under the lenses that need no compiler: counted, measured here, at datasheet peak;
and where one traced generation spent its time, by phase and named scope.

Arithmetic intensity is FLOPs per byte of HBM; a roofline's ridge is the intensity from which
compute takes longer than memory (Williams et al. 2009), and the bound is the longer of the two.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, computed_field

from .base import BYTE_KINDS, Amount, Count, HbmBytes, Positive, Record, Spread, Whole

Bound = Literal["compute", "memory"]
MeasuredBound = Literal["compute", "memory", "neither"]

NEITHER_BELOW = 1 / 3
"""Share of both limits of a machine under which neither is what bounds a phase."""


class CountedCost(Record):
    """Counted lens: exact, from the algorithm alone, summed over the whole phase."""

    flops: Count = Field(description="matmul FLOPs; attention counted as causal, padding left out")
    vector_flops: Count = Field(description="elementwise and transcendental operations, 1 each")
    hbm_bytes: HbmBytes

    @computed_field
    @property
    def intensity(self) -> float:
        """Arithmetic intensity: matmul FLOPs per HBM byte of the algorithm; 0 if nothing moves."""
        return self.flops / self.hbm_bytes.total if self.hbm_bytes.total else 0.0


BUSY = 0.5
"""Load per core from which limits are those of a disturbed machine."""


class MachineLimits(Record):
    """The machine's own limits, measured once and kept; its bandwidth beside the run too."""

    read_bandwidth: Positive = Field(description="bytes per second, best of several read kernels")
    matmul_flops: Positive = Field(description="FLOP per second in the run's dtype, large matmul")
    dtype: str
    measured_on: str | None = Field(
        default=None, description="date, of limits kept from an earlier run; None: in this one"
    )
    load: Amount | None = Field(
        default=None, description="programs that ran or waited, per core, when it was measured"
    )
    run_bandwidth: Positive | None = Field(
        default=None, description="bytes per second read before or after this very run, the better"
    )

    @property
    def busy(self) -> bool:
        """Whether other programs had a share of the machine while it was measured."""
        return self.load is not None and self.load > BUSY

    @property
    def bandwidth_then(self) -> float:
        """Bytes per second as the machine was during the run: to judge its drift by."""
        return self.run_bandwidth or self.read_bandwidth

    @computed_field
    @property
    def ridge(self) -> float:
        """FLOPs per byte from which matmuls take longer than reading, on this machine."""
        return self.matmul_flops / self.read_bandwidth if self.read_bandwidth else 0.0


class MeasuredCost(Record):
    """Measured lens: wall time on the machine in the provenance, never a claim about another.

    FLOPs and bytes are the counted ones, over the measured time: no counter of the hardware is
    read.
    """

    time_s: Spread
    tokens_per_s: Amount = Field(description="useful tokens of the phase per second, at the median")
    flops_per_s: Amount = Field(description="counted FLOPs / median time: the height on a roofline")
    bytes_per_s: Amount = Field(description="counted HBM bytes / median time")
    bandwidth_share: Amount = Field(description="bytes_per_s / the machine's read bandwidth")
    flops_share: Amount = Field(description="flops_per_s / the machine's matmul rate")

    @computed_field
    @property
    def intensity(self) -> float:
        """FLOPs per byte reached here: flops_per_s / bytes_per_s; 0 if nothing moves."""
        return self.flops_per_s / self.bytes_per_s if self.bytes_per_s else 0.0

    @computed_field
    @property
    def bound(self) -> MeasuredBound:
        """The limit of this machine that the phase is nearer to: 'memory' up to the machine's own
        ridge, 'compute' above it; 'neither' where it reaches less than a third of both."""
        if max(self.bandwidth_share, self.flops_share) < NEITHER_BELOW:
            return "neither"
        return "memory" if self.bandwidth_share >= self.flops_share else "compute"

    @classmethod
    def of(
        cls, counted: CountedCost, tokens: int, time_s: Spread, machine: MachineLimits
    ) -> "MeasuredCost":
        """A phase of this work and so many useful tokens that took `time_s` on `machine`."""
        seconds = max(time_s.median, 1e-9)  # a phase without passes takes no time
        return cls(
            time_s=time_s,
            tokens_per_s=tokens / seconds,
            flops_per_s=counted.flops / seconds,
            bytes_per_s=counted.hbm_bytes.total / seconds,
            bandwidth_share=counted.hbm_bytes.total / seconds / machine.read_bandwidth,
            flops_share=counted.flops / seconds / machine.matmul_flops,
        )


class Phase(Record):
    """One phase of generation: prefill, think, answer or what a strategy adds."""

    name: str = Field(description="prefill, think, answer, verify ...")
    tokens: Count = Field(description="useful tokens: prompt tokens, or tokens thought or answered")
    forced_tokens: Count = Field(description="of those, tokens forced (an answer cue), not sampled")
    sequences: Count
    steps: Count = Field(description="passes through the model")
    idle_slots: Count = Field(description="sequence-steps of finished attempts")
    padded_tokens: Count = Field(description="prefill positions computed for padding alone")
    counted: CountedCost
    measured: MeasuredCost | None = Field(description="None where nothing was run")
    timed_with: str | None = Field(
        default=None,
        description="the phase in whose program this one ran, and whose measured time and rates "
        "are of both; None: it has its own",
    )


class PhaseOnChip(Record):
    """One phase on one chip's roofline at datasheet peak: a lower bound, not a prediction.

    Its intensity is the counted one, the ridge that of the chip.
    """

    phase: str
    bound: Bound = Field(description="the longer time: 'compute' from the chip's ridge on")
    time_at_peak_s: Amount = Field(description="max(FLOPs/peak, bytes/bandwidth) on `chips` chips")


class ChipPlacement(Record):
    """A workload on one chip's datasheet figures."""

    chip: str
    chips: Whole = Field(
        description="fewest chips that hold weights and KV cache in 95 % of their HBM"
    )
    resident_bytes: Count = Field(description="weights and the largest KV cache of the workload")
    hbm_capacity_bytes: Positive
    peak_flops: Positive = Field(description="FLOP per second of one chip in `peak_dtype`")
    peak_dtype: str
    hbm_bandwidth: Positive = Field(description="bytes per second of one chip")
    ridge: Positive = Field(description="FLOPs per byte where compute and memory time are equal")
    phases: list[PhaseOnChip]


class DraftPlace(Record):
    """The drafts at one place of their round."""

    place: Whole = Field(description="1 is the draft right after the token that is known")
    proposed: Count
    judged: Count = Field(description="of these, those before which all drafts were kept")
    kept: Count = Field(description="of these, those after which the check said more")


class Acceptance(Record):
    """How many drafts were kept, counted over all rows of all checks.

    Two rates, which are different numbers: the marginal one is of all checks, the conditional one
    of drafts before which all were kept. The last token that a check says counts as the model's
    own, also where a thought ends in a draft.
    """

    draft: str = Field(description="what drafts: ngram, early-exit or a model as it was named")
    checks: Count = Field(description="passes over a row's drafts, those without any included")
    places: list[DraftPlace]

    @computed_field
    @property
    def marginal(self) -> list[float]:
        """Share of the checks that keep the draft at each place."""
        return [place.kept / max(self.checks, 1) for place in self.places]

    @computed_field
    @property
    def conditional(self) -> list[float | None]:
        """Share kept of the judged drafts at each place; None where none was judged."""
        return [place.kept / place.judged if place.judged else None for place in self.places]

    @computed_field
    @property
    def tokens_per_check(self) -> float:
        """1 plus the sum of the marginal rates."""
        return 1 + sum(self.marginal)


UNATTRIBUTED = "unattributed"
"""Stands for the phase or scope of what none claims."""


Clock = Literal["CPU threads", "TPU cores"]


class ScopeTime(Record):
    """Self time of one named scope in one phase."""

    phase: str = Field(description="think ...; 'unattributed' for work between phases")
    scope: str = Field(description="e.g. 'attention/projections'; 'unattributed' where unknown")
    self_time_s: Amount = Field(description="thread-seconds (device-seconds on a TPU)")


class Trace(Record):
    """One generation of the first batch under jax.profiler: never one of the timed ones.

    Thread time is that in which a thread of XLA's pools executes something: a thunk (one
    instruction of a compiled program), what a thunk hands to other threads, or the executor
    between thunks. Idle threads and those that wait for others are not counted, so that two busy
    threads make two thread-seconds a second. Self time of an instruction is the thread time in it
    less that in the instructions inside it, a loop's body for instance. On a TPU the same is said
    of the operations on its cores, as the device itself timed them.
    """

    session: str | None = Field(description="XProf's folder, within the run's; None: not kept")
    clock: Clock | None = Field(description="whose time `scopes` hold; None where there are none")
    lines: Count = Field(description="threads or cores that worked")
    scopes: list[ScopeTime] = Field(description="largest first; empty where `problem` says why")
    dispatch_s: Amount = Field(description="XLA's executor and loops: no scope's work")
    traced_s: Amount | None = Field(description="wall time of the traced generation's phases")
    untraced_s: Spread | None = Field(description="the same phases in the timed runs")
    problem: str | None = Field(default=None, description="what is missing and why, in a sentence")

    @property
    def thread_s(self) -> float:
        """All self time together: thread time."""
        return sum(row.self_time_s for row in self.scopes)

    @property
    def attributed_share(self) -> float:
        """Share of thread time with a phase and a scope."""
        attributed_s = sum(
            row.self_time_s for row in self.scopes if UNATTRIBUTED not in (row.phase, row.scope)
        )
        return attributed_s / self.thread_s if self.thread_s else 0.0

    @property
    def overhead(self) -> float | None:
        """What tracing added to the untraced median, as a share of it; None where not known.

        Below 0 where the machine's own noise is larger than what tracing costs.
        """
        if not self.traced_s or not self.untraced_s or not self.untraced_s.median:
            return None
        return self.traced_s / self.untraced_s.median - 1


TOTAL = "total"


def sum_costs(costs: Sequence[CountedCost]) -> CountedCost:
    """Counted costs added up, kind by kind."""
    moved = {kind: sum(getattr(c.hbm_bytes, kind) for c in costs) for kind in BYTE_KINDS}
    return CountedCost(
        flops=sum(c.flops for c in costs),
        vector_flops=sum(c.vector_flops for c in costs),
        hbm_bytes=HbmBytes(**moved),
    )
