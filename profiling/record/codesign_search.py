"""Co-design report: chips that a search found, and frontiers of latency against money."""

from typing import Literal

from pydantic import Field

from .base import Record
from .interval import Interval

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
    slowest_token_s: float = Field(description="what a thought's token may take at most")
    time_per_query_s: Interval = Field(description="of the slice: its time over its batch")
    usd_per_query: Interval | None = Field(description="rent following the cost to build")
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
    on_frontier: bool = Field(description="none of its profile is both faster and cheaper")
