"""Levers: changes of the model and of how it is used, in the currency of the hardware's.

Their evidence is what `rooflink levers` measured of them, and what profiles that were run say of
quality where just one option differs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from ...model.architecture import dtype_bytes
from ..errors import ProfileInputError
from ..predicted.step.hardware import hardware_of, operand_dtype, widths_of
from ..records import Profile
from ..records.base import percent
from ..records.codesign import Changed, Lever, LeverArrow, Quality, RooflinePoint
from ..records.lever_study import LeverStudy
from .costs import QUERY, Logs, logs_of, ratio
from .crossovers import roofline_points
from .design_point import (
    Point,
    Speculation,
    fits,
    summary,
    summary_or_none,
    with_lengths,
    with_shape,
    with_value,
)
from .workload_on_slice import WorkloadOnSlice

NOT_MEASURED = "cost only, quality not measured"
UNCHANGED: Quality = "unchanged by construction"
ComparedOption = Literal["think_budget", "attempts"]


def checked_runs(profiles: Sequence[Profile]) -> list[Profile]:
    """Those of the profiles that were run on a task with an answer to check, attempt by attempt;
    a strategy's accuracy is of answers that it chose, not of attempts."""
    return [
        profile
        for profile in profiles
        if profile.workload.task is not None
        and profile.workload.strategy is None
        and profile.outcome is not None
        and profile.outcome.accuracy is not None
    ]


def measured_effect(runs: Sequence[Profile], option: ComparedOption) -> tuple[Quality, str]:
    """What a change of `think_budget` or `attempts` did between two runs alike in all else."""
    other: ComparedOption = "attempts" if option == "think_budget" else "think_budget"
    for one, two in combinations(sorted(runs, key=lambda r: -getattr(r.workload, option)), 2):
        value_one, value_two = getattr(one.workload, option), getattr(two.workload, option)
        alike = one.model.name == two.model.name and one.workload.task == two.workload.task
        same_other = getattr(one.workload, other) == getattr(two.workload, other)
        if alike and same_other and value_one != value_two:
            words = option.replace("_", " ")
            return "measured", (
                f"measured: {one.workload.task} accuracy of an attempt {_accuracy(one)} at {words} "
                f"{value_one}, {_accuracy(two)} at {value_two} "
                f"(profiles {one.name}, {two.name})"
            )
    return "not measured", NOT_MEASURED


def _accuracy(run: Profile) -> str:
    assert run.outcome is not None
    accuracy = run.outcome.accuracy_interval
    assert accuracy is not None, "of runs that were checked"
    low, high = (f"{100 * end:.0f}" for end in (accuracy.low, accuracy.high))
    return f"{percent(accuracy.median, 0)} ({low} to {high} %)"


DRAFT = Speculation(tokens=4.0, acceptance=0.8, cost=0.05)
"""A draft a twentieth of the target's cost of which four fifths are accepted: about the middle of
what Leviathan et al. 2023, table 2, measured (acceptance 0.5 to 0.9)."""
WINDOW, WINDOWED_SHARE = 1024.0, 0.75
ACTIVE_SHARE, EXPERTS_PER_TOKEN = 1 / 8, 8.0
EXIT_SHARE = 0.75


class Answers(NamedTuple):
    """What a lever was measured to do to the share of right answers."""

    before: float
    after: float
    error: float  # standard error of the paired difference

    @property
    def is_large_loss(self) -> bool:
        """Whether so many answers are lost that what it saves is no reason to ask for it."""
        return self.before - self.after > LARGE_LOSS

    def cost_ratio(self, draws: int) -> np.ndarray:
        """What a right answer costs after over before, of queries that cost the same: [draws], the
        first of which is the measured value. Capped where none was right."""
        noise = np.random.default_rng(EVIDENCE_SEED).standard_normal(draws)
        noise[0] = 0.0
        after = np.clip(self.after + self.error * noise, LEAST_SHARE, 1.0)
        return np.asarray(max(self.before, LEAST_SHARE) / after)


LARGE_LOSS = 0.05
"""Of all problems."""
LEAST_SHARE = 1e-3
EVIDENCE_SEED = 20_261_201


class ModelChange(NamedTuple):
    """A change of the model or of how it is used: a lever before its cost is known."""

    name: str
    change: str
    point: Point
    quality: Quality = "not measured"
    evidence: str = NOT_MEASURED
    waves: float = 1.0  # batches for one query, over those before
    measured: str = ""  # the lever of `rooflink levers` that is this change
    answers: Answers | None = None  # what it was measured to do to them


def model_changes(
    case: WorkloadOnSlice, runs: Sequence[Profile] = (), evidence: Sequence[LeverStudy] = ()
) -> Iterator[ModelChange]:
    """Every lever that applies, those that were measured with what their evidence says."""
    for change in (*_dtypes(case), *_shapes(case), *_uses(case, runs)):
        yield with_evidence(change, case, evidence)


def with_evidence(
    change: ModelChange, case: WorkloadOnSlice, studies: Sequence[LeverStudy]
) -> ModelChange:
    """The change with what a study measured of it: of the case's own model where there is one, else
    of another, which is said."""
    own = case.query.model.name
    for study in sorted(studies, key=lambda one: one.model != own):
        for lever in study.levers:
            matches = lever.lever == change.measured or (
                change.measured.endswith("=") and lever.lever.startswith(change.measured)
            )
            pair = lever.difference
            if not change.measured or not matches or pair is None:
                continue
            low, value, high = (f"{100 * x:+.1f}" for x in (pair.low, pair.value, pair.high))
            whose = "" if study.model == own else f"; of {study.model}, not of {own}"
            if lever.kind in ("dtype", "drafts", "think"):
                whose += f"; {lever.change}"
            text = (
                f"measured: {_signless(value)} points ({_signless(low)} to {_signless(high)}), "
                f"{study.problems} problems of {study.task}{whose}"
            )
            before = study.base.accuracy.value
            answers = Answers(before, before + pair.value, pair.error)
            return change._replace(quality="measured", evidence=text, answers=answers)
    return change


def evidence_notes(studies: Sequence[LeverStudy], models: Sequence[str]) -> list[str]:
    """How evidence of levers is taken, and of which model it is where that is another."""
    if not studies:
        return []
    others = sorted({study.model for study in studies} - set(models))
    whose = [f"Evidence of {other} is that model's and of no profile here." for other in others]
    return [
        "Levers that were measured are ranked per correct answer, what a query costs over the "
        f"share that is right, with both intervals; one that loses more than {percent(LARGE_LOSS)} "
        "of all answers is not recommended.",
        *whose,
    ]


def require_tasks(profiles: Sequence[Profile], studies: Sequence[LeverStudy]) -> None:
    """Raise ProfileInputError for evidence of a task that no profile ran, where any ran one."""
    tasks = {profile.workload.task for profile in profiles if profile.workload.task}
    for study in studies:
        if tasks and study.task not in tasks:
            raise ProfileInputError(
                f"--evidence {study.name} is of the task {study.task}, which none of the profiles "
                f"ran ({', '.join(sorted(tasks))}): measure levers on the same task"
            )


def _signless(points: str) -> str:
    """'+0.0' as '0.0'."""
    return points if float(points) else points.lstrip("+-")


def with_dtypes(case: WorkloadOnSlice, weight_dtype: str, kv_dtype: str) -> Point:
    """The case's point with other dtypes; operands follow the weights as the chip allows."""
    operands = operand_dtype(case.slice.chip, weight_dtype)
    flops = hardware_of(case.slice.chip, operands).matmul_flops
    widths = widths_of(weight_dtype, kv_dtype, operands)
    return with_value(replace(case.point, widths=widths), "hardware.matmul_flops", flops)


def _dtypes(case: WorkloadOnSlice) -> Iterator[ModelChange]:
    query = case.query
    for dtype in ("bfloat16", "int8", "fp8", "int4"):
        useless = dtype == "fp8" and operand_dtype(case.slice.chip, dtype) == "bfloat16"
        if dtype_bytes(dtype) < dtype_bytes(query.weight_dtype) and not useless:
            point = with_dtypes(case, dtype, query.kv_dtype)
            lever = f"{'dtype' if dtype == 'bfloat16' else 'weights'}={dtype}"
            change = f"weights {query.weight_dtype} -> {dtype}"
            yield ModelChange("weight_dtype", change, point, measured=lever)
    for dtype in ("bfloat16", "int8", "int4"):
        if dtype_bytes(dtype) < dtype_bytes(query.kv_dtype):
            point = with_value(case.point, "widths.kv_bytes", dtype_bytes(dtype))
            lever = f"{'dtype' if dtype == 'bfloat16' else 'kv'}={dtype}"
            change = f"KV cache {query.kv_dtype} -> {dtype}"
            yield ModelChange("kv_dtype", change, point, measured=lever)


def _shapes(case: WorkloadOnSlice) -> Iterator[ModelChange]:
    point, shape = case.point, case.point.shape
    heads, layers = float(shape.kv_heads), float(shape.layers)
    for part in (2, 4):
        if heads >= part and heads % part == 0:
            fewer = replace(point, shape=shape.with_kv_heads(heads / part))
            change, lever = f"KV heads {heads:g} -> {heads / part:g}", f"kv-heads={1 / part:g}"
            yield ModelChange("kv_heads", change, fewer, measured=lever)
    left = max(round(layers * 0.75), 1)
    fewer = with_shape(point, layers=shape.layers * (left / layers))
    yield ModelChange("layers", f"layers {layers:g} -> {left}", fewer, measured="layers=0.25")
    narrower = replace(point, shape=shape.with_mlp(0.75))
    yield ModelChange("mlp_ratio", "MLP width -25 %", narrower, measured="mlp=0.25")
    if float(case.query.lengths.longest_context) > WINDOW and float(shape.windowed_share) == 0:
        change = f"window of {WINDOW:.0f} positions in {100 * WINDOWED_SHARE:.0f} % of layers"
        windowed = replace(point, shape=shape.with_window(WINDOW, WINDOWED_SHARE))
        yield ModelChange("window", change, windowed)
    if float(shape.active_mlp_parameters) == float(shape.mlp_parameters):
        change = "mixture of experts: an eighth of the MLP's parameters active, as many in all"
        active = shape.mlp_parameters * ACTIVE_SHARE
        mixed = with_shape(point, active_mlp_parameters=active, experts_per_token=EXPERTS_PER_TOKEN)
        yield ModelChange("experts", change, mixed)


def _uses(case: WorkloadOnSlice, runs: Sequence[Profile]) -> Iterator[ModelChange]:
    yield from _shorter_or_fewer(case, runs)
    yield from _batches(case)
    yield ModelChange(
        "drafting",
        f"speculative decoding of {DRAFT.tokens:g} draft tokens, acceptance {DRAFT.acceptance:g}, "
        f"draft cost {DRAFT.cost:g}",
        replace(case.point, speculation=DRAFT),
        UNCHANGED,
        "rejection sampling keeps the target's distribution (Leviathan et al. 2023); the "
        "acceptance is an assumption",
        measured="drafts=",
    )
    change = f"early exit of all decoded tokens after {100 * EXIT_SHARE:.0f} % of the layers"
    shorter = replace(case.point, layers_run=EXIT_SHARE)
    yield ModelChange("early_exit", change, shorter, measured=f"exit={EXIT_SHARE:g}")


def _shorter_or_fewer(case: WorkloadOnSlice, runs: Sequence[Profile]) -> Iterator[ModelChange]:
    point, lengths = case.point, case.query.lengths
    think, attempts = float(lengths.think_tokens), float(lengths.attempts)
    if think >= 2:
        shorter = with_lengths(point, think_tokens=think / 2)
        change = f"thoughts {think:.0f} -> {think / 2:.0f} tokens"
        effect = measured_effect(runs, "think_budget")
        yield ModelChange("think", change, shorter, *effect, measured="think=0.5")
    whole, waves = attempts * case.waves, case.waves
    if whole >= 2:
        change = f"attempts {whole:g} -> {whole / 2:g}"
        fewer = point if waves > 1 else with_lengths(point, attempts=attempts / 2)
        effect = measured_effect(runs, "attempts")
        yield ModelChange("attempts", change, fewer, *effect, waves=0.5 if waves > 1 else 1.0)


def _batches(case: WorkloadOnSlice) -> Iterator[ModelChange]:
    """Twice the prompts together; and, to show what sharing saves, a prompt held per attempt."""
    point, lengths = case.point, case.query.lengths
    prompts, attempts = float(lengths.prompts), float(lengths.attempts)
    doubled = with_lengths(point, prompts=prompts * 2)
    if bool(fits(doubled)):
        yield ModelChange(
            "batch",
            f"prompts per batch {prompts:g} -> {2 * prompts:g}",
            doubled,
            UNCHANGED,
            "every prompt is decoded as before; each waits for the larger batch",
        )
    if attempts > 1:
        # The same batch serves as many queries: amounts are per prompt of the point.
        yield ModelChange(
            "shared_prompt",
            "the prompt's KV cache computed and held once per attempt",
            with_lengths(point, prompts=prompts * attempts, attempts=1.0),
            UNCHANGED,
            "the same keys and values, held repeatedly",
            waves=attempts,
        )


def levers(
    case: WorkloadOnSlice, runs: Sequence[Profile] = (), evidence: Sequence[LeverStudy] = ()
) -> list[Lever]:
    """Every lever that applies to the case, with what it does to a query."""
    before, starts = logs_of(case.point, case.draws), roofline_points(case, case.point)
    return [
        _lever_of(case, change, before, starts) for change in model_changes(case, runs, evidence)
    ]


def _lever_of(
    case: WorkloadOnSlice, change: ModelChange, before: Logs, starts: Sequence[RooflinePoint]
) -> Lever:
    result = ratio_of(case, change, before)
    return Lever(
        name=change.name,
        change=change.change,
        by_phase={phase: summary(result["time"][i]) for i, phase in case.worked},
        whole=changed_of(case, result),
        quality=change.quality,
        evidence=change.evidence,
        fits=bool(fits(change.point)),
        arrows=_arrows(starts, roofline_points(case, change.point)),
    )  # fmt: skip


def ratio_of(case: WorkloadOnSlice, change: ModelChange, before: Logs) -> dict[str, np.ndarray]:
    """After over before for one query: quantity -> [phases and query, draws]."""
    result = ratio(logs_of(change.point, case.draws), before)
    return {name: values * change.waves for name, values in result.items()}


def changed_of(case: WorkloadOnSlice, ratios: dict[str, np.ndarray]) -> Changed:
    """The whole query's part of a ratio, in a record."""
    return Changed(
        time=summary(ratios["time"][QUERY]),
        energy=summary_or_none(ratios["energy"][QUERY]),
        usd=None if case.usd_per_second is None else summary(ratios["usd"][QUERY]),
    )


def _arrows(starts: Sequence[RooflinePoint], ends: Sequence[RooflinePoint]) -> list[LeverArrow]:
    """How far each phase moves, those that hardly do left out."""
    return [
        LeverArrow(phase=start.phase, start=start, end=end)
        for start, end in zip(starts, ends, strict=True)
        if abs(np.log(end.intensity / start.intensity)) > 0.02
        or abs(np.log(end.flops_per_s / start.flops_per_s)) > 0.02
    ]
