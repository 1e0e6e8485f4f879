"""Co-design report: what limits each phase, what each change of chip or model is worth, chips from
a search, frontiers of latency against money, and a data center for a load. Data only.

Relative changes are factors, after over before: 0.8 is a fifth less. Intervals are 80 % intervals
over the draws of the calibration's posterior, the same draws for all that is compared.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from .base import Amount, Count, Interval, Positive, Range, Record, significant
from .prediction import PredictedBound, Prediction

BudgetKind = Literal["area", "watts", "usd"]


def budget_amount(kind: BudgetKind, most: float) -> str:
    """'800 mm²', '1,000 W', '$4,534': what one chip may take; whole from a thousand on."""
    whole = most >= 1e3 or most == int(most)
    number = f"{most:,.0f}" if whole else significant(most)
    units: dict[BudgetKind, str] = {"area": " mm\N{SUPERSCRIPT TWO}", "watts": " W", "usd": ""}
    return f"{'$' if kind == 'usd' else ''}{number}{units[kind]}"


def budget_amounts(caps: Mapping[BudgetKind, float]) -> str:
    """'800 mm²' and '1,000 W', joined."""
    return " and ".join(budget_amount(kind, most) for kind, most in caps.items())


class ChipDesign(Record):
    """A chip by its parameters, and what it takes by the cost model."""

    matrix_flops: Amount = Field(description="FLOP/s")
    hbm_bandwidth: Positive = Field(description="B/s")
    hbm_capacity: Amount = Field(description="B")
    memory: str = Field(description="'6 stacks, HBM3e of 36 GB'; '' where that is not known")
    dies: Count = Field(description="0 where not known")
    on_chip_capacity: Amount = Field(description="B, that hold weights")
    link_bandwidth: Amount = Field(description="B/s, one way")
    area_mm2: Amount
    watts: Amount
    usd: Amount = Field(description="to build, by the cost model")


class DesignSearch(Record):
    """The best chip that can be built for one purpose under a budget."""

    purpose: str = Field(description="'reasoning', 'prefill-heavy'")
    mix: list[str] = Field(description="the workloads, each in words with its share")
    model: str
    chips: Count
    budget_kind: BudgetKind
    budget: Amount
    caps: dict[BudgetKind, Amount] = Field(
        description="all that one chip may take, the budget first; always watts"
    )
    ended_against: list[str] = Field(description="what kept the search from more, in words")
    reference: ChipDesign = Field(description="the chip that is there, by the same cost model")
    reference_chip: str
    swept: Count = Field(description="design points of the coarse grid")
    best: ChipDesign
    sequences: Amount = Field(description="attempts that run together on it")
    slowest_token_s: Amount = Field(description="latency limit of one token of a thought")
    time_per_query_s: Range = Field(description="time of a batch over its queries")
    usd_per_query: Range | None = Field(description="rent by cost to build")
    speedup: Range = Field(description="reference's time per query over it, the same draws")
    spent: dict[str, Amount] = Field(description="part -> share of the budget")
    other_purpose_slowdown: Amount | None = Field(
        description="this chip's time for the other purpose's mix over that purpose's best chip's"
    )
    sentence: str


class ParetoPoint(Record):
    """One way to serve a workload: latency against money."""

    profile: str
    slice: str
    batch: Amount = Field(description="prompts that run together")
    attempts: Amount
    think_tokens: Amount
    latency_s: Range
    usd_per_query: Range
    accuracy: Amount | None = Field(description="of one attempt; None where nothing was checked")
    usd_per_correct: Range | None
    on_frontier: bool = Field(description="no point of the same profile is both faster and cheaper")


class PowerTrace(Record):
    """Power of all chips over time while batches go through their phases."""

    label: Literal["synchronised", "unsynchronised"]
    time_s: list[Amount]
    watts: list[Amount]
    phase: list[str] = Field(description="of each point; empty where slices differ")
    mean_w: Amount
    peak_w: Amount
    low_w: Amount

    @property
    def swing(self) -> float:
        """From the lowest to the highest, as a share of the mean."""
        return (self.peak_w - self.low_w) / self.mean_w


class Smoothing(Record):
    """One way to make the power even, and what it costs."""

    way: str
    remaining_swing: float = Field(description="share of the mean")
    extra_energy: float = Field(description="share of the chips' energy")
    stored_j_per_chip: Amount = Field(description="0 where nothing is stored")
    sentence: str


class PriceTier(Record):
    """What one query costs for so much thinking."""

    think_tokens: Amount
    attempts: Amount
    batch: Amount = Field(description="prompts on a slice that the latency target and memory allow")
    latency_s: Range
    usd: Range | None
    wall_j: Range | None
    gco2e: Range | None


class DataCenter(Record):
    """What a load of queries takes at a latency target."""

    profile: str
    slice: str
    queries_per_s: Amount
    latency_target_s: Amount
    think_variation: Amount = Field(description="standard deviation over mean of thought lengths")
    batch: Amount = Field(description="prompts that run together on a slice")
    latency_s: Range
    slices: Count
    chips: Count
    chips_interval: Range
    sustained: Amount = Field(description="share of peak FLOP/s that the load uses")
    tokens_per_s: Amount = Field(description="thought and answered, of the whole load")
    power_w: Range | None = Field(description="at the wall, mean")
    provisioned_w: Amount | None = Field(description="design power of all chips, at the wall")
    link_bytes_per_s: Amount = Field(description="one chip's busiest link, one way, mean")
    network_bytes_per_s: Amount = Field(description="prompts and answers in and out, as tokens")
    prompt_kv_bytes_per_s: Amount = Field(description="if prefill were on other chips")
    traces: list[PowerTrace]
    smoothing: list[Smoothing]
    wall_kwh_per_day: Range | None
    kgco2e_per_day: Range | None
    usd_per_day: Range | None
    tiers: list[PriceTier]


Quantity = Literal["time", "energy", "usd"]
Regime = Literal["as run", "memory full"]
"""As run: at the workload's batch. Memory full: at the largest batch that fits, per query."""
Side = Literal["hardware", "model"]
Quality = Literal["unchanged by construction", "measured", "not measured"]


class Assumption(Record):
    """Something that the figures stand on."""

    sentence: str
    source: str = Field(description="where it was published; 'judgement' where it was not")
    confidence: str


class Parameter(Record):
    """A hardware parameter and what it is before any change."""

    name: str = Field(description="as --what-if takes it, 'hbm_bandwidth'")
    words: str = Field(description="'HBM bandwidth'")
    unit: str
    value: Amount | None = Field(description="of one chip; None where it is not public")
    step: Amount | None = Field(description="factor of a finite step; None: a derivative")


class Elasticity(Record):
    """d log(quantity) / d log(parameter); of a finite step, their ratio over it."""

    phase: str = Field(description="prefill, think, answer, or query for the whole")
    parameter: str
    quantity: Quantity
    regime: Regime
    value: Interval


class BoundFlip(Record):
    """The factor of a parameter at which another resource becomes a phase's longest."""

    phase: str
    parameter: str
    factor: Range = Field(description="over the draws that flip")
    before: PredictedBound
    after: PredictedBound
    flips: Amount = Field(description="share of draws in which it flips at all, up to 64 times")
    sentence: str


class RooflinePoint(Record):
    """One phase on a slice's roofline, per chip."""

    phase: str
    intensity: Amount = Field(description="FLOPs per byte of memory")
    flops_per_s: Amount = Field(description="achieved by one chip, at the median")


class LeverArrow(Record):
    """How a lever moves one phase on the roofline."""

    phase: str
    start: RooflinePoint
    end: RooflinePoint


class Roofline(Record):
    """Datasheet roofs of one chip and the phases under them."""

    chip: str
    peak_flops: Positive
    peak_dtype: str
    memory_bandwidth: Positive
    ridge: Positive
    points: list[RooflinePoint]


class Changed(Record):
    """After over before, per query; None where energy or price is not known."""

    time: Range
    energy: Range | None
    usd: Range | None


class Lever(Record):
    """A change of the model or of how it is used, and what it does to a query."""

    name: str = Field(description="as --what-if takes it where it can, 'kv_dtype'")
    change: str = Field(description="'KV cache bfloat16 -> int8'")
    by_phase: dict[str, Range] = Field(description="time after over before")
    whole: Changed
    quality: Quality
    evidence: str = Field(description="what says so, or 'cost only, quality not measured'")
    fits: bool = Field(description="whether the slice's memory still holds the workload")
    arrows: list[LeverArrow]


class BoundMap(Record):
    """What bounds one decode step over a grid: rows are batches, columns contexts."""

    attempts: Amount = Field(description="attempts that share each prompt's KV cache")
    contexts: list[Amount] = Field(description="tokens that each attempt has cached")
    batches: list[Amount] = Field(description="sequences on the slice")
    bound: list[list[PredictedBound]]
    fits: list[list[bool]]
    kv_share: list[list[Amount]] = Field(description="KV bytes of the step's memory bytes")
    step_s: list[list[Amount]]


class ThoughtCrossovers(Record):
    """Where along a thought something overtakes something else; None: not within 10^7 tokens."""

    batch: Amount = Field(description="sequences on the slice")
    kv_over_weights_tokens: Amount | None = Field(description="context where KV bytes exceed them")
    memory_full_tokens: Amount | None = Field(description="context where this batch fills memory")
    links_over_memory_batch: Amount | None = Field(description="sequences at the thought's end")
    largest_batch: dict[str, Amount] = Field(description="tokens of context -> sequences that fit")
    sentences: list[str]


class WhatIf(Record):
    """A stated change, before and after."""

    text: str = Field(description="as --what-if takes it, 'hbm_bandwidth=2x,kv_dtype=int8'")
    changes: list[str] = Field(description="each in words, with the figures before and after")
    before_s: Range
    after_s: Range
    by_phase: dict[str, Range] = Field(description="time after over before")
    whole: Changed
    bound_before: dict[str, PredictedBound]
    bound_after: dict[str, PredictedBound]
    fits: bool
    sentence: str


class Ask(Record):
    """One recommendation, ranked."""

    rank: Count
    side: Side
    sentence: str = Field(description="the change and how sure its rank is; not the saving")
    change: str
    name: str
    acts_on: PredictedBound | None = Field(
        description="None: on none alone, or the model's; of two, the one that limits"
    )
    saving: Interval = Field(description="share of `quantity` per query that is saved")
    time_saving: Interval | None = Field(
        description="share of the time per query that is saved; None: an older report"
    )
    quantity: Quantity
    steps: str = Field(description="what makes the compared changes comparable")
    beats_next: Amount | None = Field(
        description="probability, no nearer to 0 or 1 than the draws can tell; None for the last"
    )
    next_change: str | None
    quality: Quality
    evidence: list[str] = Field(description="lens and source, one sentence each")


class CodesignCase(Record):
    """One profile's workload on one slice."""

    profile: str
    workload: str = Field(description="in a few words: '4 prompts x 64 attempts, 8192 tokens'")
    prediction: Prediction
    accuracy: Range | None = Field(description="of one attempt, 95 %; None: unchecked")
    usd_per_query: Range | None
    usd_per_correct: Range | None = Field(description="joined with accuracy's interval")
    energy_per_query_j: Range | None = Field(description="of the chips")
    parameters: list[Parameter]
    elasticities: list[Elasticity]
    flips: list[BoundFlip]
    levers: list[Lever]
    roofline: Roofline
    bound_maps: list[BoundMap] = Field(description="one for each number of attempts")
    thought: ThoughtCrossovers
    what_ifs: list[WhatIf]
    asks: list[Ask] = Field(description="of this case alone, both sides")


class Limit(NamedTuple):
    """What limits most of several cases: the phase that takes the longest, and its bound."""

    phase: str
    bound: PredictedBound
    cases: list[CodesignCase]  # that are limited so


def limit_of(cases: Sequence[CodesignCase]) -> Limit:
    """The first one of those that limit equally many."""
    longest = [case.prediction.longest for case in cases]
    kinds = [(one.phase, one.bound) for one in longest]
    phase, bound = max(kinds, key=lambda kind: (kinds.count(kind), -kinds.index(kind)))
    alike = [case for case, kind in zip(cases, kinds, strict=True) if kind == (phase, bound)]
    return Limit(phase, bound, alike)


class ProfileRead(Record):
    """A profile that the report stands on."""

    name: str
    model: str
    file: str | None
    ran: bool = Field(description="whether it was run; else it was costed without weights")
    weights: str
    toy: str | None = Field(description="that the model is a toy, and what to profile instead")


def advised(
    cases: Sequence[CodesignCase], profiles: Sequence[ProfileRead]
) -> Sequence[CodesignCase]:
    """The cases that recommendations stand on: all but those of toys, where there are others."""
    toys = {profile.name for profile in profiles if profile.toy}
    return [case for case in cases if case.profile not in toys] or cases


class CodesignReport(Record):
    """Everything that a co-design report draws."""

    schema_version: Literal["rooflink.codesign/3"] = "rooflink.codesign/3"
    command: str
    operating_point: str = Field(
        description="of every case, 'as run'; 'the largest that answers within 2 s'"
    )
    chip_stated: bool = Field(description="whether a budget or a mix was stated for the search")
    profiles: list[ProfileRead]
    cases: list[CodesignCase]
    hardware_asks: list[Ask] = Field(
        description="at most five that save, over all cases but those of toys where there are "
        "others; and where none of them acts on what limits most cases, the best that does"
    )
    model_asks: list[Ask]
    pareto: list[ParetoPoint]
    searches: list[DesignSearch] = Field(description="the same budget, one for each purpose")
    data_centers: list[DataCenter]
    assumptions: list[Assumption]
    notes: list[str] = Field(description="sentences: what was left out, and why")
