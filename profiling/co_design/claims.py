"""Claims that are often made of reasoning on accelerators, checked with the same model."""

from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from ...tpu_configs.catalog import load_all, load_chip
from ...tpu_configs.slice import Slice, parse_slice
from ..predicted.calibration import Calibration
from ..predicted.economics import SECONDS_PER_HOUR, price_of
from ..predicted.model_shape import named_shape
from ..predicted.phase_lengths import Lengths
from ..predicted.query import PredictionRequest
from ..predicted.slices import smallest_query
from ..records.codesign import Seed, SeedRow
from .chip_search import SLOWEST_TOKEN_S
from .costs import whole_work
from .crossovers import BATCHES, CONTEXTS, bound_map
from .data_center import Served
from .design_point import batch_sizes, fits
from .workload_on_slice import WorkloadOnSlice, workload_on_slice

Verdict = Literal["holds", "holds in part", "does not hold"]
MODELS = ("llama3-8b", "qwen3-30b-a3b", "qwen3-32b", "llama3-70b", "gpt-oss-120b", "deepseek-r1")
CHIPS = ("v5e", "v5p", "v6e", "h100", "h200", "b200", "mi300x")
PRICED_THOUGHTS = (1024.0, 8192.0, 32768.0)
PRICED_ATTEMPTS = (1.0, 64.0)
_DECODED = "one sequence thinks 2048 and answers 256 tokens after a prompt of 512"


def seeds(calibration: Calibration, stack: str | None = None) -> list[Seed]:
    """Every claim, checked by the calibration."""
    builders = (memory_bound_on_kv, tokens_per_dollar, dollars_per_operation, query_prices)
    return [build(calibration, stack) for build in builders]


def memory_bound_on_kv(calibration: Calibration, stack: str | None) -> Seed:
    """KV share and bound of one decode step by context, at 64 sequences."""
    batch, rows, held = 64.0, [], []
    for model, where in (
        ("llama3-8b", "v5e-8"),
        ("llama3-70b", "v5p:2x2x2"),
        ("llama3-70b", "h100-8"),
    ):
        lengths = Lengths(batch, 1.0, 512.0, 2048.0, 256.0)
        request = PredictionRequest(named_shape(model), lengths, stack=stack)
        case = workload_on_slice(model, request, parse_slice(where), calibration)
        grid = bound_map(case, 1.0)
        row = BATCHES.index(batch)
        for context in (1024.0, 8192.0, 32768.0, 131072.0):
            column = CONTEXTS.index(context)
            bound, share = grid.bound[row][column], grid.kv_share[row][column]
            note = f"{bound}-bound" + ("" if grid.fits[row][column] else ", does not fit")
            label = f"{model} on {case.slice.name}, {batch:g} sequences, {context:,.0f} tokens"
            rows.append(_row(label, share, "share of bytes", note))
            if context == 32768.0:
                held.append(bound == "memory" and share > 0.5)
    return Seed(
        name="memory-bound on KV",
        claim="Decoding is memory-bound, and on KV, as thoughts grow.",
        verdict=_verdict(held),
        finding=f"At 32,768 tokens and {batch:g} sequences, KV is more than half of the bytes and "
        f"the step is memory-bound in {sum(held)} of {len(held)} cases.",
        method="terms and bytes of one decode step, calibrated, at the calibration's mode",
        rows=rows,
    )


def tokens_per_dollar(calibration: Calibration, stack: str | None) -> Seed:
    """Tokens thought and answered for a dollar on demand, model by chip."""
    rows = [
        _row(f"{model} on {priced.slice}", priced.tokens / priced.usd, "tokens/USD",
             f"{priced.batch:g} sequences")
        for model in MODELS for chip in CHIPS
        if (priced := _priced(model, chip, 2048.0, 1.0, calibration, stack)) is not None
    ]  # fmt: skip
    above = [row for row in rows if row.value > 1e6]
    best = max(rows, key=lambda row: row.value)
    return Seed(
        name="a million tokens per dollar",
        claim="A dollar buys more than a million tokens.",
        verdict="holds" if len(above) == len(rows) else _verdict([bool(above), False]),
        finding=f"{len(above)} of {len(rows)} pairs of model and chip decode more than a million "
        f"tokens per dollar on demand; the most is {best.value / 1e6:.1f} million, {best.label}. "
        + (f"These are {', '.join(row.label for row in above)}." if above else "None does."),
        method=f"{_DECODED}; smallest slice that holds 64 sequences, the largest batch up to 1024 "
        f"that decodes a token within {SLOWEST_TOKEN_S:g} s; on-demand prices, slice always full",
        rows=rows,
    )


def dollars_per_operation(calibration: Calibration, stack: str | None) -> Seed:
    """Dollars of a bfloat16 FLOP at peak by chip, and of one that a phase makes."""
    peaks = [
        _row(f"{chip.name} at peak", usd / SECONDS_PER_HOUR / chip.peak.bfloat16.value, "USD/FLOP")
        for chip in load_all()
        if (usd := price_of(chip, "on_demand").usd) is not None and chip.peak.bfloat16 is not None
    ]
    thinking = [
        _row(f"llama3-8b thinking on {priced.slice}", priced.usd_per_think_flop, "USD/FLOP",
             f"{priced.batch:g} sequences")
        for chip in ("v5e", "h100")
        if (priced := _priced("llama3-8b", chip, 2048.0, 1.0, calibration, stack)) is not None
    ]  # fmt: skip
    at_peak, decode = ([row.value for row in rows] for rows in (peaks, thinking))
    near = [1e-18 / 3 <= value <= 3e-18 for value in at_peak]
    return Seed(
        name="10^-18 USD per operation",
        claim="An operation costs about 10^-18 dollars.",
        verdict=_verdict([*near, *(value <= 3e-18 for value in decode)]),
        finding=f"At peak, {sum(near)} of {len(near)} chips with a price are within a factor of "
        f"three ({min(at_peak):.1e} to {max(at_peak):.1e} USD); in decoding, an operation of "
        f"llama3-8b costs {', '.join(f'{value:.1e}' for value in decode)} USD.",
        method="on-demand price over peak bfloat16 FLOP/s; thinking: the slice's price over the "
        "FLOPs of its think phase",
        rows=[*peaks, *thinking],
    )


def query_prices(calibration: Calibration, stack: str | None) -> Seed:
    """Dollars of one query by model, thought and attempts, on H100s."""
    rows = [
        _row(f"{model} on {priced.slice}, {think:,.0f} tokens x {attempts:g}", priced.usd,
             "USD/query", f"{priced.batch:g} sequences together")
        for model in ("llama3-8b", "llama3-70b", "deepseek-r1")
        for attempts in PRICED_ATTEMPTS
        for think in PRICED_THOUGHTS
        if (priced := _priced(model, "h100", think, attempts, calibration, stack)) is not None
    ]  # fmt: skip
    single = [row.value for row in rows if row.label.endswith(" x 1")]
    every = [row.value for row in rows]
    inside = [row.label for row in rows if 0.2 <= row.value <= 6.0]
    spans = min(single) <= 0.2 and max(single) >= 6.0
    return Seed(
        name="prices of a query",
        claim="Queries cost 0.20 to 6 dollars, by thinking length and model size.",
        verdict="holds" if spans else "holds in part" if inside else "does not hold",
        finding=f"One attempt costs {min(single):.2g} to {max(single):.2g} USD, a spread of "
        f"{max(single) / min(single):.0f}; with up to 64 attempts up to {max(every):.2g} USD. "
        f"Within 0.20 to 6 USD: {', '.join(inside) or 'none'}.",
        method="smallest slice of H100s that holds one prompt, full at 20 tokens a second an "
        "attempt where it can be; on demand; compute alone, without margin or idle time",
        rows=rows,
    )


def _row(label: str, value: float, unit: str, note: str = "") -> SeedRow:
    return SeedRow(label=label, value=value, unit=unit, note=note)


class _Priced(NamedTuple):
    """A query at the batch that suits its slice."""

    slice: str
    batch: float  # sequences together
    tokens: float  # of one query
    usd: float  # of one query
    usd_per_think_flop: float


def _priced(
    model: str, chip: str, think: float, attempts: float, calibration: Calibration,
    stack: str | None,
) -> _Priced | None:  # fmt: skip
    together = 64.0 if attempts == 1 and think <= 2048 else 1.0
    lengths = Lengths(together, attempts, 512.0, think, 256.0)
    on_slice = _smallest(model, lengths, chip)
    if on_slice is None:
        return None
    request = PredictionRequest(named_shape(model), lengths, stack=stack)
    case = workload_on_slice(model, request, on_slice, calibration)
    rate = case.usd_per_second
    if rate is None:
        return None
    served = _at_best_batch(case, think)
    return _Priced(
        slice=on_slice.name,
        batch=served.batch * attempts / case.waves,
        tokens=attempts * (think + 256.0),
        usd=served.median_s / served.batch * rate,
        usd_per_think_flop=_think_s(served) * rate / _think_flops(served),
    )


def _at_best_batch(case: WorkloadOnSlice, think: float) -> Served:
    """The largest batch up to 1024 sequences that fits and thinks fast enough, else the least."""
    own = float(case.query.lengths.prompts)
    first, *larger = sorted({own, *batch_sizes(case.point, 1024.0 / case.waves)})
    best = Served.at(case, case.point, first)
    for prompts in larger:
        served = Served.at(case, case.point, prompts)
        if not bool(fits(served.point)) or _think_s(served) / think > SLOWEST_TOKEN_S:
            break
        best = served
    return best


def _think_s(served: Served) -> float:
    return float(np.median(served.costs.time_s[1]))


def _think_flops(served: Served) -> float:
    return float(whole_work(served.point, served.costs.work).flops[1])


@cache
def _smallest(model: str, lengths: Lengths, chip: str) -> Slice | None:
    """The smallest slice that holds it; lengths are plain numbers, so that this is remembered."""
    query = smallest_query(PredictionRequest(named_shape(model), lengths), load_chip(chip))
    return None if query is None else query.slice


def _verdict(held: Sequence[bool]) -> Verdict:
    if all(held):
        return "holds"
    return "holds in part" if any(held) else "does not hold"
