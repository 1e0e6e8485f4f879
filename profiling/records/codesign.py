"""Co-design report: what limits each phase, what each change of chip or model is worth, chips from
a search, frontiers of latency against money, and a data center for a load. Data only.

Relative changes are factors, after over before: 0.8 is a fifth less. Intervals are 80 % intervals
over the draws of the calibration's posterior, the same draws for all that is compared.
"""

from typing import Literal

from pydantic import Field

from .base import Interval, Record
from .prediction import PredictedBound, Prediction

BudgetKind = Literal["area", "watts", "usd"]


class ChipDesign(Record):
    """A chip by its parameters, and what it takes by the cost model."""

    matrix_flops: float = Field(description="FLOP/s")
    hbm_bandwidth: float = Field(description="B/s")
    hbm_capacity: float = Field(description="B")
    on_chip_capacity: float = Field(description="B, that hold weights")
    link_bandwidth: float = Field(description="B/s, one way")
    area_mm2: float
    watts: float
    usd: float = Field(description="to build, by the cost model")


class DesignSearch(Record):
    """The best chip for one purpose under a budget."""

    purpose: str = Field(description="'reasoning', 'prefill-heavy'")
    mix: list[str] = Field(description="the workloads, each in words with its share")
    model: str
    chips: int
    budget_kind: BudgetKind
    budget: float
    reference: ChipDesign = Field(description="the chip that is there, by the same cost model")
    reference_chip: str
    swept: int = Field(description="design points of the exhaustive sweep")
    swept_best: ChipDesign
    best: ChipDesign = Field(description="by gradient, from several starts")
    sequences: float = Field(description="attempts that run together on it")
    slowest_token_s: float = Field(description="latency limit of one token of a thought")
    time_per_query_s: Interval = Field(description="time of a batch over its queries")
    usd_per_query: Interval | None = Field(description="rent by cost to build")
    speedup: Interval = Field(description="reference's time per query over it, the same draws")
    spent: dict[str, float] = Field(description="part -> share of the budget")
    other_purpose_slowdown: float | None = Field(
        description="this chip's time for the other purpose's mix over that purpose's best chip's"
    )
    sentence: str


class ParetoPoint(Record):
    """One way to serve a workload: latency against money."""

    profile: str
    slice: str
    batch: float = Field(description="prompts that run together")
    attempts: float
    think_tokens: float
    latency_s: Interval
    usd_per_query: Interval
    accuracy: float | None = Field(description="of one attempt; None where nothing was checked")
    usd_per_correct: Interval | None
    on_frontier: bool = Field(description="no point of the same profile is both faster and cheaper")


class PowerTrace(Record):
    """Power of all chips over time while batches go through their phases."""

    label: Literal["synchronised", "unsynchronised"]
    time_s: list[float]
    watts: list[float]
    phase: list[str] = Field(description="of each point; empty where slices differ")
    mean_w: float
    peak_w: float
    low_w: float

    @property
    def swing(self) -> float:
        """From the lowest to the highest, as a share of the mean."""
        return (self.peak_w - self.low_w) / self.mean_w


class Smoothing(Record):
    """One way to make the power even, and what it costs."""

    way: str
    remaining_swing: float = Field(description="share of the mean")
    extra_energy: float = Field(description="share of the chips' energy")
    stored_j_per_chip: float = Field(description="0 where nothing is stored")
    sentence: str


class PriceTier(Record):
    """What one query costs for so much thinking."""

    think_tokens: float
    attempts: float
    batch: float = Field(description="prompts on a slice that the latency target and memory allow")
    latency_s: Interval
    usd: Interval | None
    wall_j: Interval | None
    gco2e: Interval | None


class DataCenter(Record):
    """What a load of queries takes at a latency target."""

    profile: str
    slice: str
    queries_per_s: float
    latency_target_s: float
    think_variation: float = Field(description="standard deviation over mean of thought lengths")
    batch: float = Field(description="prompts that run together on a slice")
    latency_s: Interval
    slices: int
    chips: int
    chips_interval: Interval
    sustained: float = Field(description="share of peak FLOP/s that the load uses")
    tokens_per_s: float = Field(description="thought and answered, of the whole load")
    power_w: Interval | None = Field(description="at the wall, mean")
    provisioned_w: float | None = Field(description="design power of all chips, at the wall")
    link_bytes_per_s: float = Field(description="one chip's busiest link, one way, mean")
    network_bytes_per_s: float = Field(description="prompts and answers in and out, as tokens")
    prompt_kv_bytes_per_s: float = Field(description="if prefill were on other chips")
    traces: list[PowerTrace]
    smoothing: list[Smoothing]
    wall_kwh_per_day: Interval | None
    kgco2e_per_day: Interval | None
    usd_per_day: Interval | None
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
    value: float | None = Field(description="of one chip; None where it is not public")
    step: float | None = Field(description="factor of a finite step; None: a derivative")


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
    factor: Interval = Field(description="over the draws that flip")
    before: PredictedBound
    after: PredictedBound
    flips: float = Field(description="share of draws in which it flips at all, up to 64 times")
    sentence: str


class RooflinePoint(Record):
    """One phase on a slice's roofline, per chip."""

    phase: str
    intensity: float = Field(description="FLOPs per byte of memory")
    flops_per_s: float = Field(description="achieved by one chip, at the median")


class LeverArrow(Record):
    """How a lever moves one phase on the roofline."""

    phase: str
    start: RooflinePoint
    end: RooflinePoint


class Roofline(Record):
    """Datasheet roofs of one chip and the phases under them."""

    chip: str
    peak_flops: float
    peak_dtype: str
    memory_bandwidth: float
    ridge: float
    points: list[RooflinePoint]


class Changed(Record):
    """After over before, per query; None where energy or price is not known."""

    time: Interval
    energy: Interval | None
    usd: Interval | None


class Lever(Record):
    """A change of the model or of how it is used, and what it does to a query."""

    name: str = Field(description="as --what-if takes it where it can, 'kv_dtype'")
    change: str = Field(description="'KV cache bfloat16 -> int8'")
    by_phase: dict[str, Interval] = Field(description="time after over before")
    whole: Changed
    quality: Quality
    evidence: str = Field(description="what says so, or 'cost only, quality not measured'")
    fits: bool = Field(description="whether the slice's memory still holds the workload")
    arrows: list[LeverArrow]


class BoundMap(Record):
    """What bounds one decode step over a grid: rows are batches, columns contexts."""

    attempts: float = Field(description="attempts that share each prompt's KV cache")
    contexts: list[float] = Field(description="tokens that each attempt has cached")
    batches: list[float] = Field(description="sequences on the slice")
    bound: list[list[PredictedBound]]
    fits: list[list[bool]]
    kv_share: list[list[float]] = Field(description="KV bytes of the step's memory bytes")
    step_s: list[list[float]]


class ThoughtCrossovers(Record):
    """Where along a thought something overtakes something else; None: not within 10^7 tokens."""

    batch: float = Field(description="sequences on the slice")
    kv_over_weights_tokens: float | None = Field(description="context where KV bytes exceed them")
    memory_full_tokens: float | None = Field(description="context where this batch fills memory")
    links_over_memory_batch: float | None = Field(description="sequences at the thought's end")
    largest_batch: dict[str, float] = Field(description="tokens of context -> sequences that fit")
    sentences: list[str]


class WhatIf(Record):
    """A stated change, before and after."""

    text: str = Field(description="as --what-if takes it, 'hbm_bandwidth=2x,kv_dtype=int8'")
    changes: list[str] = Field(description="each in words, with the figures before and after")
    before_s: Interval
    after_s: Interval
    by_phase: dict[str, Interval] = Field(description="time after over before")
    whole: Changed
    bound_before: dict[str, PredictedBound]
    bound_after: dict[str, PredictedBound]
    fits: bool
    sentence: str


class Ask(Record):
    """One recommendation, ranked."""

    rank: int
    side: Side
    sentence: str
    change: str
    name: str
    saving: Interval = Field(description="share of `quantity` per query that is saved")
    quantity: Quantity
    steps: str = Field(description="what makes the compared changes comparable")
    beats_next: float | None = Field(description="probability; None for the last candidate")
    next_change: str | None
    quality: Quality
    evidence: list[str] = Field(description="lens and source, one sentence each")


class CodesignCase(Record):
    """One profile's workload on one slice."""

    profile: str
    workload: str = Field(description="in a few words: '4 prompts x 64 attempts, 8192 tokens'")
    prediction: Prediction
    accuracy: Interval | None = Field(description="of one attempt, 95 %; None: unchecked")
    usd_per_query: Interval | None
    usd_per_correct: Interval | None = Field(description="joined with accuracy's interval")
    energy_per_query_j: Interval | None = Field(description="of the chips")
    parameters: list[Parameter]
    elasticities: list[Elasticity]
    flips: list[BoundFlip]
    levers: list[Lever]
    roofline: Roofline
    bound_maps: list[BoundMap] = Field(description="one for each number of attempts")
    thought: ThoughtCrossovers
    what_ifs: list[WhatIf]
    asks: list[Ask] = Field(description="of this case alone, both sides")


class SeedRow(Record):
    """One computed figure of a seed."""

    label: str
    value: float
    unit: str
    note: str = ""


class Seed(Record):
    """A claim of this field, worked out."""

    name: str
    claim: str
    verdict: Literal["holds", "holds in part", "does not hold"]
    finding: str = Field(description="what was found, with its figures")
    method: str
    rows: list[SeedRow]


class ProfileRead(Record):
    """A profile that the report stands on."""

    name: str
    model: str
    file: str | None
    ran: bool = Field(description="whether it was run; else it was costed without weights")
    weights: str


class CodesignReport(Record):
    """Everything that a co-design report draws."""

    schema_version: Literal["rooflink.codesign/2"] = "rooflink.codesign/2"
    command: str
    profiles: list[ProfileRead]
    cases: list[CodesignCase]
    hardware_asks: list[Ask] = Field(description="at most five, over all cases")
    model_asks: list[Ask]
    pareto: list[ParetoPoint]
    searches: list[DesignSearch] = Field(description="the same budget, one for each purpose")
    data_centers: list[DataCenter]
    seeds: list[Seed]
    assumptions: list[Assumption]
    notes: list[str] = Field(description="sentences: what was left out, and why")
