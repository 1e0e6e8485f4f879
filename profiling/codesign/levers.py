"""Moves: changes of a model and of how it is used, before their cost is known.

Levers: changes of the model and of how it is used, in the currency of the hardware's.

Evidence: what profiles that were run say of quality where just one thing differs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from ...model.architecture import dtype_bytes
from ..predicted.hardware import hardware_of, operand_dtype
from ..predicted.step_work import Widths
from ..records import Profile
from ..records.base import Interval
from ..records.codesign import Changed, Lever, LeverArrow, Quality, RooflinePoint
from .costs import QUERY, Logs, logs_of, ratio
from .crossovers import roofline_points
from .design_point import Point, Speculation, fits, with_prompts
from .posterior_draws import summary, summary_or_none
from .workload_on_slice import WorkloadOnSlice

NOT_MEASURED = "cost only, quality not measured"
ComparedOption = Literal["think_budget", "attempts"]


@dataclass(frozen=True)
class Run:
    """A profile whose answers were checked."""

    name: str
    model: str
    task: str
    think_budget: int
    attempts: int
    accuracy: float
    low: float
    high: float
    checked: int


def checked_runs(profiles: Sequence[Profile]) -> list[Run]:
    """Those of the profiles that were run on a task with an answer to check, attempt by attempt."""
    result = []
    for profile in profiles:
        outcome, task = profile.outcome, profile.workload.task
        if outcome is None or task is None or outcome.accuracy is None:
            continue
        if profile.workload.strategy is not None:
            continue  # its accuracy is of answers that it chose, not of attempts
        assert outcome.accuracy_low is not None
        assert outcome.accuracy_high is not None
        result.append(
            Run(
                name=profile.name,
                model=profile.model.name,
                task=task,
                think_budget=profile.workload.think_budget,
                attempts=profile.workload.attempts,
                accuracy=outcome.accuracy,
                low=outcome.accuracy_low,
                high=outcome.accuracy_high,
                checked=outcome.attempts,
            )
        )
    return result


def measured_effect(runs: Sequence[Run], what: ComparedOption) -> tuple[Quality, str]:
    """What a change of `think_budget` or `attempts` did between two runs alike in all else."""
    other: ComparedOption = "attempts" if what == "think_budget" else "think_budget"
    for one, two in combinations(sorted(runs, key=lambda run: -getattr(run, what)), 2):
        alike = one.model == two.model and one.task == two.task
        if alike and getattr(one, other) == getattr(two, other):
            if getattr(one, what) == getattr(two, what):
                continue
            text = (
                f"measured: {one.task} accuracy of an attempt {one.accuracy:.0%} "
                f"[{one.low:.0%}, {one.high:.0%}] at {what.replace('_', ' ')} "
                f"{getattr(one, what)}, {two.accuracy:.0%} [{two.low:.0%}, {two.high:.0%}] at "
                f"{getattr(two, what)} (profiles {one.name}, {two.name})"
            )
            return "measured", text
    return "not measured", NOT_MEASURED


DRAFT = Speculation(tokens=4.0, acceptance=0.8, cost=0.05)
"""A draft a twentieth of the target's cost of which four fifths are accepted: about the middle of
what Leviathan et al. 2023, table 2, measured (acceptance 0.5 to 0.9)."""
WINDOW, WINDOWED_SHARE = 1024.0, 0.75
ACTIVE_SHARE, EXPERTS_PER_TOKEN = 1 / 8, 8.0
EXIT_SHARE = 0.75


@dataclass(frozen=True)
class Move:
    """A lever before its cost is known."""

    name: str
    change: str
    point: Point
    quality: Quality = "not measured"
    evidence: str = NOT_MEASURED
    waves: float = 1.0  # batches for one query, over those before


def moves(case: WorkloadOnSlice, runs: Sequence[Run] = ()) -> Iterator[Move]:
    """Every change that the case allows."""
    yield from _dtypes(case)
    yield from _shapes(case)
    yield from _uses(case, runs)


def with_dtypes(case: WorkloadOnSlice, weight: str, kv: str) -> Point:
    """The case's point with other dtypes; operands follow the weights as the chip allows."""
    operands = operand_dtype(case.slice.chip, weight)
    hardware = hardware_of(case.slice.chip, operands)
    point = case.point
    widths = Widths(*(dtype_bytes(dtype) for dtype in (weight, kv, operands)))
    flops = hardware.matmul_flops
    return replace(point, widths=widths, hardware=replace(point.hardware, matmul_flops=flops))


def _dtypes(case: WorkloadOnSlice) -> Iterator[Move]:
    query = case.query
    for dtype in ("bfloat16", "int8", "fp8", "int4"):
        if dtype_bytes(dtype) >= dtype_bytes(query.weight_dtype):
            continue
        if dtype == "fp8" and operand_dtype(case.slice.chip, dtype) == "bfloat16":
            continue
        point = with_dtypes(case, dtype, query.kv_dtype)
        yield Move("weight_dtype", f"weights {query.weight_dtype} -> {dtype}", point)
    for dtype in ("bfloat16", "int8", "int4"):
        if dtype_bytes(dtype) < dtype_bytes(query.kv_dtype):
            widths = replace(case.point.widths, kv_bytes=dtype_bytes(dtype))
            point = replace(case.point, widths=widths)
            yield Move("kv_dtype", f"KV cache {query.kv_dtype} -> {dtype}", point)


def _shapes(case: WorkloadOnSlice) -> Iterator[Move]:
    point, shape = case.point, case.point.shape
    heads = float(shape.kv_heads)
    for part in (2, 4):
        if heads >= part and heads % part == 0:
            fewer = with_kv_heads(point, heads / part)
            yield Move("kv_heads", f"KV heads {heads:g} -> {heads / part:g}", fewer)
    layers = float(shape.layers)
    yield Move(
        "layers",
        f"layers {layers:g} -> {layers * 0.75:g}",
        replace(point, shape=replace(shape, layers=shape.layers * 0.75)),
    )
    yield Move("mlp_ratio", "MLP width -25 %", with_mlp(point, 0.75))
    if float(case.query.lengths.longest_context) > WINDOW and float(shape.windowed_share) == 0:
        windowed = replace(shape, window=WINDOW, windowed_share=WINDOWED_SHARE)
        yield Move(
            "window",
            f"window of {WINDOW:.0f} positions in {WINDOWED_SHARE:.0%} of layers",
            replace(point, shape=windowed),
        )
    if float(shape.active_mlp_parameters) == float(shape.mlp_parameters):
        mixed = replace(
            shape,
            active_mlp_parameters=shape.mlp_parameters * ACTIVE_SHARE,
            experts_per_token=EXPERTS_PER_TOKEN,
        )
        yield Move(
            "experts",
            "mixture of experts: an eighth of the MLP's parameters active, as many in all",
            replace(point, shape=mixed),
        )


def _uses(case: WorkloadOnSlice, runs: Sequence[Run]) -> Iterator[Move]:
    point, lengths = case.point, case.query.lengths
    think, attempts, prompts = (
        float(x) for x in (lengths.think_tokens, lengths.attempts, lengths.prompts)
    )
    if think >= 2:
        shorter = replace(point, lengths=replace(point.lengths, think_tokens=think / 2))
        quality, evidence = measured_effect(runs, "think_budget")
        yield Move("think", f"thoughts {think:.0f} -> {think / 2:.0f} tokens", shorter, quality,
                   evidence)  # fmt: skip
    all_attempts = attempts * case.waves
    if all_attempts >= 2:
        quality, evidence = measured_effect(runs, "attempts")
        change = f"attempts {all_attempts:g} -> {all_attempts / 2:g}"
        if case.waves > 1:
            yield Move("attempts", change, point, quality, evidence, waves=0.5)
        else:
            fewer = replace(point, lengths=replace(point.lengths, attempts=attempts / 2))
            yield Move("attempts", change, fewer, quality, evidence)
    doubled = with_prompts(point, prompts * 2)
    if bool(fits(doubled)):
        yield Move("batch", f"{prompts:g} -> {2 * prompts:g} prompts together", doubled,
                   "unchanged by construction", "every prompt is decoded as before; each waits "
                   "for the larger batch")  # fmt: skip
    if attempts > 1:
        apart = replace(
            point,
            lengths=replace(point.lengths, prompts=prompts * attempts, attempts=1.0),
        )
        # The same batch serves as many queries: amounts are per prompt of the point.
        yield Move("shared_prompt", "prompt's KV held and prefilled by each attempt", apart,
                   "unchanged by construction", "the same keys and values, held repeatedly",
                   waves=attempts)  # fmt: skip
    drafting = replace(point, speculation=DRAFT)
    yield Move("drafting", f"speculative drafting of {DRAFT.tokens:g} tokens, acceptance "
               f"{DRAFT.acceptance:g}, draft cost {DRAFT.cost:g}", drafting,
               "unchanged by construction", "rejection sampling keeps the target's distribution "
               "(Leviathan et al. 2023); the acceptance is an assumption")  # fmt: skip
    exiting = replace(point, layers_run=EXIT_SHARE)
    yield Move("early_exit", f"decoded tokens leave after {EXIT_SHARE:.0%} of the layers, all of a "
               "step together", exiting)  # fmt: skip


def with_kv_heads(point: Point, heads: float) -> Point:
    """The same with another number of KV heads; keys' and values' projections shrink with them."""
    shape = point.shape
    saved = 2 * shape.embed_dim * shape.head_dim * (shape.kv_heads - heads)
    return replace(
        point,
        shape=replace(
            shape,
            kv_heads=heads,
            attention_parameters=shape.attention_parameters - saved,
        ),
    )


def with_mlp(point: Point, factor: float) -> Point:
    """The same with the MLP's width multiplied."""
    shape = point.shape
    return replace(
        point,
        shape=replace(
            shape,
            mlp_parameters=shape.mlp_parameters * factor,
            active_mlp_parameters=shape.active_mlp_parameters * factor,
        ),
    )


def levers(case: WorkloadOnSlice, runs: Sequence[Run] = ()) -> list[Lever]:
    """Every lever that applies to the case, with what it does to a query."""
    before, starts = logs_of(case.point, case.draws), roofline_points(case, case.point)
    return [_lever_of(case, move, before, starts) for move in moves(case, runs)]


def _lever_of(
    case: WorkloadOnSlice, move: Move, before: Logs, starts: Sequence[RooflinePoint]
) -> Lever:
    """One lever's cost, from the logs and the roofline of the case's own point."""
    result = ratio_of(case, move, before)
    return Lever(
        name=move.name,
        change=move.change,
        by_phase={phase: summary(result["time"][i]) for i, phase in case.worked},
        whole=changed_of(case, result),
        quality=move.quality,
        evidence=move.evidence,
        fits=bool(fits(move.point)),
        arrows=_arrows(starts, roofline_points(case, move.point)),
    )  # fmt: skip


def ratio_of(case: WorkloadOnSlice, move: Move, before: Logs) -> dict[str, np.ndarray]:
    """After over before for one query: quantity -> [phases and query, draws]."""
    result = ratio(logs_of(move.point, case.draws), before)
    return {name: values * move.waves for name, values in result.items()}


def changed_of(case: WorkloadOnSlice, ratios: dict[str, np.ndarray]) -> Changed:
    """The whole query's part of a ratio, in a record."""
    usd: Interval | None = None
    if case.usd_per_second is not None:
        usd = summary(ratios["usd"][QUERY])
    return Changed(
        time=summary(ratios["time"][QUERY]),
        energy=summary_or_none(ratios["energy"][QUERY]),
        usd=usd,
    )


def _arrows(starts: Sequence[RooflinePoint], ends: Sequence[RooflinePoint]) -> list[LeverArrow]:
    """How far each phase moves, those that hardly do left out."""
    return [
        LeverArrow(phase=start.phase, start=start, end=end)
        for start, end in zip(starts, ends, strict=True)
        if abs(np.log(end.intensity / start.intensity)) > 0.02
        or abs(np.log(end.flops_per_s / start.flops_per_s)) > 0.02
    ]
