"""Predicted lens: a workload's phases on a described slice, with intervals, and what they cost in
money, energy at the wall and carbon, and on what terms.
"""

from math import inf
from typing import Literal

from pydantic import Field, computed_field

from ...model.phases import PREFILL
from .base import Amount, Count, Interval, Positive, Range, Record, Whole

MOST_TOKENS = 10**9
"""Of a prompt, a thought or an answer: a hundred times the longest context that anyone serves. All
figures of a prediction within these bounds are finite."""
MOST_SEQUENCES = 10**9
"""Prompts of a batch, and attempts at each."""


class EconomicTerms(Record):
    """What seconds and joules are multiplied by, and where each factor comes from."""

    usd_per_chip_hour: Amount | None = Field(description="None where no such price is known")
    price: str = Field(description="which price it is, with its source")
    host_factor: Amount = Field(description="energy of a server over that of its accelerators")
    host: str
    pue: Amount = Field(description="energy of the data center over that of its servers")
    pue_source: str
    grid_g_per_kwh: Amount = Field(description="CO2e of electricity where it is used")
    grid: str
    place: str = Field(default="data center", description="where the chip works: there, or 'edge'")
    seller: str = Field(default="", description="whose price it is; '' where it is no offer")
    price_region: str = Field(default="", description="where it is asked; '' anywhere")
    price_confidence: str = Field(default="", description="in the price; '' for the user's own")


class Amounts(Record):
    """Money, energy and carbon of some work; None where nothing is known."""

    usd: Range | None
    wall_j: Range | None = Field(description="accelerators, host share and data center overhead")
    gco2e: Range | None = Field(description="of that electricity; making the chips left out")


class PhaseAmounts(Record):
    """One phase of the whole workload."""

    phase: str
    whole: Amounts
    per_million_tokens: Amounts | None = Field(description="None where the phase has no tokens")


class Battery(Record):
    """A device's battery, and what a full one is enough for."""

    battery_wh: Positive = Field(description="watt-hours of a full charge")
    queries: Range = Field(description="answered on one charge, the device busy with nothing else")


class Economics(Record):
    """Amounts of a prediction, the slice taken to be paid for and busy with nothing else."""

    terms: EconomicTerms
    whole: Amounts
    per_query: Amounts = Field(description="a prompt with all its attempts")
    per_attempt: Amounts
    phases: list[PhaseAmounts]
    battery: Battery | None = Field(default=None, description="None where none is stated")
    unknown: list[str] = Field(description="a sentence for each amount that is None")


PredictedBound = Literal["compute", "memory", "on-chip", "links", "overhead"]


HOURS_PER_MONTH = 730
"""A twelfth of a year."""


class PredictedPhase(Record):
    """One phase on the whole slice, all of its sequences."""

    phase: str
    tokens: Amount = Field(description="prompt tokens read, or tokens thought or answered")
    steps: Amount = Field(description="passes through the model, expected")
    time_s: Range
    energy_j: Range | None = Field(description="of the chips; None where nothing is known of it")
    bound: PredictedBound = Field(description="the resource with the longest of the times below")
    compute_s: Amount = Field(description="what the matrix units would take alone, at the median")
    memory_s: Amount
    on_chip_s: Amount
    links_s: Amount
    overhead_s: Amount = Field(description="of kernels, collectives, sequences and steps")
    sequence_overhead_s: Amount = Field(
        default=0.0,
        description="of overhead_s, what grows with the sequences and their tokens, not with steps",
    )
    flops: Amount = Field(description="matmul FLOPs of all chips, padding left out")
    memory_bytes: Amount = Field(description="bytes of all chips' memory")
    link_bytes: Amount = Field(description="bytes through the busiest link, one way")

    @computed_field
    @property
    def intensity(self) -> float:
        """Matmul FLOPs per byte of memory; 0 if nothing moves."""
        return self.flops / self.memory_bytes if self.memory_bytes else 0.0

    @computed_field
    @property
    def ridge(self) -> float | None:
        """FLOPs per byte from which compute takes longer than memory at the rates that this phase
        is predicted to reach, padding included: not the datasheet's ridge. None where either takes
        no time."""
        if self.compute_s <= 0 or self.memory_s <= 0:
            return None
        return self.intensity * self.memory_s / self.compute_s


class MemoryFit(Record):
    """What one chip of the slice must hold."""

    weight_bytes: Amount
    kv_bytes: Amount = Field(description="at the end of the longest thought and answer")
    available_bytes: float = Field(description="capacity less what programs keep for themselves")
    largest_batch: Count = Field(description="sequences of these lengths that the slice holds")
    kv_copies: Amount = Field(description="chips with the same KV: too few heads to split")

    @property
    def left_bytes(self) -> float:
        """Free bytes; negative where it does not fit."""
        return self.available_bytes - self.weight_bytes - self.kv_bytes


class Drafted(Record):
    """Speculative decoding: what drafts, and what a verification by the model yields."""

    draft: str = Field(description="a model, or eagle, mtp or ngram")
    drafts: Whole = Field(description="tokens that a step proposes")
    accepted_tokens: Positive = Field(description="of a step, with the model's own token")


class DraftSpeedUp(Record):
    """Thinking plainly over thinking with drafts, at one slice: below 1 drafts cost time."""

    slice: str
    chip: str
    factor: Range = Field(description="predicted, drafting and checking against a token a pass")


class Prediction(Record):
    """One workload on one slice."""

    model: str
    slice: str
    chip: str
    chips: Whole
    parallelism: str = Field(description="'tensor=8', or '' on one chip")
    stack: str | None = Field(description="serving stack; None: a compiled loop ones")
    ideal: bool = Field(description="the bare roofline, without calibration or interval")
    basis: str = Field(description="what the calibration stands on, in a sentence")
    weight_dtype: str
    kv_dtype: str
    matmul_dtype: str = Field(description="the dtype whose peak is used")
    prompts: Positive
    attempts: Positive
    prompt_tokens: Amount
    think_tokens: Amount
    answer_tokens: Amount
    phases: list[PredictedPhase]
    time_s: Range = Field(description="all phases, one after another")
    energy_j: Range | None
    fit: MemoryFit
    batches: Positive = Field(default=1.0, description="of `prompts` each; phases are of all")
    think_variation: Amount = Field(
        default=0.0, description="of thought lengths: deviation over mean"
    )
    parallelism_reason: str = Field(default="", description="why the model is spread like that")
    chip_confidence: str = Field(default="", description="the least one of the chip's figures")
    energy_basis: str = Field(default="", description="which power the energy stands on")
    prefix_tokens: Amount = Field(
        default=0.0, description="of each prompt, whose KV is cached already and only read"
    )
    prefill_chunk: Positive | None = Field(
        default=None, description="tokens of prompts in one step; None: all at once"
    )
    speculation: Drafted | None = None
    concurrency: Positive | None = Field(
        default=None,
        description="requests in flight, each followed by the next: memory holds `prompts` of "
        "them, and phases are of a turn of these; None: a batch by itself",
    )
    ttft_s: Range | None = Field(
        default=None, description="time to first token of a request; None: of a run as it was made"
    )
    tpot_s: Range | None = Field(
        default=None, description="time per output token after the first; None: there is none"
    )
    queue_s: Range | None = Field(
        default=None, description="of ttft_s, waiting for memory; None: of a batch by itself"
    )
    running: Range | None = Field(
        default=None,
        description="requests between their first token and their last at a time, by Little's law; "
        "None: of a batch by itself",
    )
    economics: Economics | None = None
    cautions: list[str] = Field(
        default=[], description="sentences: what was stated and may not be what is meant"
    )
    operating_point: str = Field(
        default="",
        description="'one user', 'latency target' or 'full batch'; '' for a batch that was stated",
    )

    @property
    def sequences(self) -> float:
        """Attempts of a batch's prompts."""
        return self.prompts * self.attempts

    def _tokens(self, decoded: bool) -> float:
        """Of all phases that decode, or of prefill."""
        return sum(each.tokens for each in self.phases if (each.phase != PREFILL) == decoded)

    def _usd_per_million(self, decoded: bool) -> Interval | None:
        """Of the phases that decode, or of prefill; they are slow and fast together."""
        phases = self.economics.phases if self.economics else []
        usd = [each.whole.usd for each in phases if (each.phase != PREFILL) == decoded]
        known, tokens = [each for each in usd if each], self._tokens(decoded)
        if not known or tokens <= 0:
            return None
        low, median, high = (
            sum(getattr(each, end) for each in known) for end in ("low", "median", "high")
        )
        return Interval(median=median, low=low, high=high) * (1e6 / tokens)

    @computed_field(description="tokens decoded a second of the whole time, prompts read included")
    @property
    def output_tokens_per_s(self) -> Range | None:
        tokens = self._tokens(decoded=True)
        return self.time_s.per(tokens) if tokens > 0 else None

    @computed_field(description="tokens a second that one user sees after the first")
    @property
    def tokens_per_s_per_user(self) -> Range | None:
        return self.tpot_s.per(1.0) if self.tpot_s else None

    @computed_field(description="of reading prompts, over their tokens, as price lists have it")
    @property
    def usd_per_million_input(self) -> Range | None:
        return self._usd_per_million(decoded=False)

    @computed_field(description="of decoding, over the tokens decoded, as price lists have it")
    @property
    def usd_per_million_output(self) -> Range | None:
        return self._usd_per_million(decoded=True)

    @computed_field(description="of everything, over tokens read and decoded: blended")
    @property
    def usd_per_million_tokens(self) -> Range | None:
        usd = self.economics.whole.usd if self.economics else None
        tokens = self._tokens(decoded=True) + self._tokens(decoded=False)
        return usd * (1e6 / tokens) if usd and tokens > 0 else None

    @computed_field(description="of all chips of the slice, rented day and night")
    @property
    def usd_per_month(self) -> Amount | None:
        hourly = self.economics.terms.usd_per_chip_hour if self.economics else None
        return None if hourly is None else hourly * self.chips * HOURS_PER_MONTH

    @property
    def longest(self) -> PredictedPhase:
        """The phase that takes most of the time."""
        return max(self.phases, key=lambda phase: phase.time_s.median)

    @property
    def longest_share(self) -> float:
        """Its share of the time of all phases."""
        whole = sum(phase.time_s.median for phase in self.phases)
        return self.longest.time_s.median / whole if whole else 0.0


class ExploredPoint(Record):
    """One point of an exploration; figures are of the whole slice, for one query with all of its
    attempts."""

    model: str
    slice: str
    weight_dtype: str
    kv_dtype: str
    prompt_tokens: Positive
    think_tokens: Amount
    answer_tokens: Amount
    attempts: Positive
    sequences: Positive = Field(description="attempts that run together")
    design: dict[str, Positive] = Field(description="multiples of the chip's own figures")
    time_s: Range | None
    energy_j: Range | None = Field(description="of the chips; None where their power is not known")
    usd_per_million_tokens: Range | None = Field(description="of those generated")


def by_cost(prediction: Prediction) -> tuple[float, float]:
    """A key: dollars per query, the cheapest first; without a price last, the fastest first."""
    usd = prediction.economics.per_query.usd if prediction.economics else None
    return (usd.median if usd else inf, prediction.time_s.median)
