"""Co-design report: a data center for a load."""

from typing import Literal

from pydantic import Field

from .base import Record
from .interval import Interval


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
    prompt_kv_bytes_per_s: float = Field(
        description="between chips, if prefill and decode were on different ones"
    )
    traces: list[PowerTrace]
    smoothing: list[Smoothing]
    wall_kwh_per_day: Interval | None
    kgco2e_per_day: Interval | None
    usd_per_day: Interval | None
    tiers: list[PriceTier]
