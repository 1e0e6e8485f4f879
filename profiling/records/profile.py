"""Profile: the record of one workload under its lenses. Data only.

The only thing that renderers, comparisons and the co-design analysis read; every field is
documented here, and published as JSON Schema (`rooflink schema profile`).

Conventions: a multiply-add is 2 FLOP; 1 GB is 10^9 bytes; causal attention is counted as causal
(a query meets only the keys it may see); all times are seconds. Every figure sits under the lens
that knows it: `counted` from the algorithm, `compiled` from XLA's executable, `measured` on this
machine, `at_peak` from a chip's datasheet, `predictions` from that and published measurements.
"""

from statistics import median
from typing import Literal

from pydantic import Field, computed_field

from .base import Amount, Count, HbmBytes, Interval, Record, Spread, Whole, dtype_words, percent
from .compiled import CompiledTarget
from .lenses import (
    TOTAL,
    Acceptance,
    ChipPlacement,
    MachineLimits,
    MeasuredCost,
    Phase,
    Trace,
    sum_costs,
)
from .prediction import DraftSpeedUp, Prediction

TOY_PARAMETERS = 5e7
"""A model with fewer is a toy: the smallest published one that rooflink describes, GPT-2, has
124 M."""
STAND_IN = "llama3-8b"
"""The model whose cost says what a toy's cannot."""

FindingLens = Literal["predicted", "measured", "at peak", "compiled"]
StopReason = Literal["marker", "budget", "end_of_sequence", "confident", "limit", "pruned"]


class Provenance(Record):
    """Where a profile comes from: enough to run it again."""

    created: str = Field(description="local time, ISO 8601 with offset")
    command: str = Field(description="the command line, or 'python' when called as a library")
    versions: dict[str, str] = Field(description="package name -> version; also 'python'")
    git_commit: str | None = Field(description="commit of the checkout, where there is one")
    backend: str = Field(description="JAX platform that ran it: cpu, tpu or gpu; 'none' if not run")
    device: str = Field(description="the device's own name")
    cores: Count
    seed: Count


class ModelFacts(Record):
    """The model as it was costed."""

    name: str
    family: str
    parameters: Whole
    layers: Whole
    embed_dim: Whole
    query_heads: Whole
    kv_heads: Whole
    head_dim: Whole
    mlp_dim: Whole
    vocab_size: Whole
    context_length: Whole
    tied_embeddings: bool
    gated: bool = Field(default=True, description="three matrices in the MLP, not two")
    experts: Whole = Field(default=1, description="`mlp_dim` is one's; 1 for a dense model")
    active_experts: Whole = Field(default=1, description="that one token is sent to")
    shared_mlp_dim: Count = Field(default=0, description="of experts that every token visits")
    dense_layers: Count = Field(default=0, description="layers of a mixture that have one MLP")
    dense_mlp_dim: Count = Field(default=0, description="its width")
    mtp_layers: Count = Field(default=0, description="that predict later tokens, and do not run")
    window: Whole | None = Field(default=None, description="positions that some layers see alone")
    windowed_share: float = Field(default=0.0, ge=0, le=1, description="of the layers")
    dtype: str = Field(
        description="dtype of activations, and of weights and KV cache where these have no other"
    )
    weight_dtype: str | None = Field(default=None, description="of matrices: int8, int4, fp8")
    weight_group: Whole | None = Field(default=None, description="rows that share a scale of int4")
    kv_dtype: str | None = Field(default=None, description="int8 or fp8")
    weight_bytes: Whole
    kv_bytes_per_token: Whole
    weights_source: str = Field(description="file or package of the weights; 'none'; 'random'")

    @property
    def dtype_words(self) -> str:
        """As `base.dtype_words`."""
        return dtype_words(self.dtype, self.weight_dtype, self.weight_group, self.kv_dtype)

    @property
    def is_toy(self) -> bool:
        """Whether overheads take its time on any chip, so that it says little of the chip."""
        return self.parameters < TOY_PARAMETERS


class Workload(Record):
    """The prompts, budgets and sampling of a run."""

    prompts: Whole
    batch: Whole = Field(description="prompts that run together")
    attempts: Whole = Field(description="attempts per prompt; they share the prompt's KV cache")
    prompt_tokens: list[Count] = Field(description="length of each prompt")
    think_budget: Count
    answer_budget: Count
    sampling: str = Field(description="e.g. 'greedy' or 'temperature 0.6, top-p 0.95'")
    think_end: str = Field(description="text that ends a thought; forced at the budget")
    task: str | None = Field(description="e.g. 'gsm8k'; None for plain prompts")
    strategy: str | None = Field(
        default=None,
        description="as --strategy takes it, 'best-of-n:n=8'; None: each attempt thinks and "
        "answers by itself. `attempts` are then the rows that a prompt has at one time",
    )
    strategy_settings: dict[str, str | int | float | bool | None] = Field(
        default={}, description="defaults too"
    )


class ThoughtPoint(Record):
    """One decode step along the thought: how its cost grows with what was already thought."""

    tokens_thought: Count
    active_attempts: Count
    flops: Count
    hbm_bytes: HbmBytes
    measured_step_s: Amount | None = Field(
        description="mean over the call of the decode loop that the step was in, up to 16 steps; "
        "None if not run, or if one call made the whole thought"
    )


class Length(Record):
    """One attempt's lengths and why its thought ended."""

    prompt: Count = Field(description="index of the prompt")
    think_tokens: Count
    answer_tokens: Count
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

    attempts: Count = Field(description="made, those that a search gave up too")
    answers: Count | None = Field(
        default=None,
        description="chosen by a strategy, one a prompt: accuracy is of them. None: of attempts",
    )
    correct: Count | None
    accuracy: Amount | None
    accuracy_low: Amount | None
    accuracy_high: Amount | None
    lengths: list[Length]
    samples: list[Sample] = Field(description="the first few attempts in words")

    @property
    def accuracy_interval(self) -> Interval | None:
        """Accuracy with its interval; None where the answers were not checked."""
        if self.accuracy is None or self.accuracy_low is None or self.accuracy_high is None:
            return None
        return Interval(median=self.accuracy, low=self.accuracy_low, high=self.accuracy_high)

    @property
    def share_of_problems(self) -> tuple[float, int]:
        """The share of right answers, and of how many problems that is known."""
        prompts = len({length.prompt for length in self.lengths})
        return self.accuracy or 0.0, self.answers or prompts


class Finding(Record):
    """One change and what it would save of the whole, or a note that a reader must know.

    Savings are of one currency, the time per query: on a rented slice the same share is saved of
    the money. Each is of its change alone; two changes together save less than their sum.
    """

    kind: Literal["change", "note"] = Field(description="'note': what limits the figures")
    what: str = Field(description="what is so, in a sentence")
    how: str | None = Field(default=None, description="the change that helps; None for a note")
    command: str | None = Field(default=None, description="what tries it, '--batch 16'")
    saves_share: float | None = Field(default=None, description="of `of`; None for a note")
    of: Literal["time per query"] | None = Field(
        default=None, description="the whole that the share is of: all phases together"
    )
    lens: FindingLens | None = Field(default=None, description="what the saving is computed from")
    basis: str | None = Field(default=None, description="the lens in words: 'predicted on v5e-8'")
    evidence: str = Field(description="the figures that the finding stands on")
    phase: str | None = Field(description="where it applies; None: to several, or to the whole")
    answers: Literal["unchanged", "may change"] | None = Field(
        default=None, description="whether answers stay the same; None for a note"
    )

    @computed_field
    @property
    def sentence(self) -> str:
        """The finding in plain English."""
        if self.how is None or self.saves_share is None:
            return self.what
        tried = f" ({self.command})" if self.command else ""
        quality = " Answers may change." if self.answers == "may change" else ""
        return (
            f"{self.what} {self.how}{tried}: saves about {percent(self.saves_share)} of the "
            f"{self.of}, {self.basis}.{quality}"
        )


class Profile(Record):
    """One workload under its lenses."""

    schema_version: Literal["rooflink.profile/4"] = "rooflink.profile/4"
    name: str
    provenance: Provenance
    model: ModelFacts
    workload: Workload
    phases: list[Phase]
    thought: list[ThoughtPoint] = Field(description="at most 64 points along the thought")
    outcome: Outcome | None = Field(description="None where nothing was run")
    machine: MachineLimits | None = Field(description="None where nothing was run")
    trace: Trace | None = Field(default=None, description="None where no trace was taken")
    placements: list[ChipPlacement]
    compiled: list[CompiledTarget] = Field(default=[], description="what XLA made of the phases")
    predictions: list[Prediction] = Field(
        default=[], description="the workload on described slices"
    )
    unpredicted: list[str] = Field(
        default=[],
        description="a sentence for each chip that no slice of holds the workload, and for each "
        "phase that is in no prediction",
    )
    acceptance: Acceptance | None = Field(default=None, description="None where nothing drafted")
    draft_speed_ups: list[DraftSpeedUp] = Field(
        default=[], description="on the slices of the predictions, at the measured acceptance"
    )
    asked_slices: list[str] = Field(default=[], description="of the predictions, asked for by name")
    stand_in: Prediction | None = Field(
        default=None,
        description="of a toy: thoughts of the same lengths on a served model, where that is "
        "cheapest, on the slices asked for or their chips",
    )
    findings: list[Finding]


def toy_note(profile: Profile) -> str | None:
    """That the profile's model is a toy, and the command for such thoughts of one that is not."""
    if not profile.model.is_toy:
        return None
    work = profile.workload
    return (
        f"A model of {profile.model.parameters:,} parameters is a toy: overheads take its time on "
        f"any chip. The same thoughts on {STAND_IN}: rooflink profile --model {STAND_IN} "
        f"--weights none --attempts {work.attempts} --think-budget {work.think_budget} "
        f"--answer-budget {work.answer_budget}"
    )


def total_phase(profile: Profile) -> Phase:
    """All phases as one, named 'total'; its time is that of the repeats added one by one."""
    phases = profile.phases
    sums = {
        name: sum(getattr(phase, name) for phase in phases)
        for name in ("tokens", "forced_tokens", "steps", "idle_slots", "padded_tokens")
    }
    return Phase(
        name=TOTAL,
        **sums,
        sequences=max((phase.sequences for phase in phases), default=0),
        counted=sum_costs([phase.counted for phase in phases]),
        measured=_total_measured(
            [phase.measured for phase in phases if phase.timed_with is None], sums["tokens"]
        ),
    )


def _total_measured(costs: list[MeasuredCost | None], tokens: int) -> MeasuredCost | None:
    measured = [cost for cost in costs if cost is not None]
    if not measured or len(measured) < len(costs):
        return None
    time = _total_spread([cost.time_s for cost in measured])
    if time.median <= 0:
        return None

    # Rates weighted by time: the work of all phases over the time of all.
    rates = {
        name: sum(getattr(cost, name) * cost.time_s.median for cost in measured) / time.median
        for name in ("flops_per_s", "bytes_per_s", "bandwidth_share", "flops_share")
    }
    return MeasuredCost(time_s=time, tokens_per_s=tokens / time.median, **rates)


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
