"""What-if: stated changes applied to a case, and compared with what is there.

Changes: what a what-if asks for, 'hbm_bandwidth=2x,kv_dtype=int8', read.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np

from ...model.architecture import DTYPE_BITS
from ..errors import ProfileInputError
from ..records.codesign import WhatIf
from .costs import QUERY, costs_of, logs_of, phase_bounds, ratio
from .design_point import Draws, Point, fits, summary
from .levers import DRAFT, changed_of, with_dtypes, with_kv_heads, with_mlp
from .parameters import NAMES, ON_CHIP, TILE, modelled, on_chip_bytes, present_value, scaled
from .workload_on_slice import WorkloadOnSlice

ALIASES = {
    "flops": "matrix_flops",
    "matmul_flops": "matrix_flops",
    "memory_bandwidth": "hbm_bandwidth",
    "memory_bytes": "hbm_capacity",
    "on_chip_bytes": ON_CHIP,
    "tile": TILE,
}
NUMBERS = (
    "layers", "kv_heads", "mlp", "window", "prompt", "think", "answer", "attempts", "batch",
    "early_exit", "experts_active", "draft_tokens", "acceptance", "draft_cost",
)  # fmt: skip
DTYPES = ("weight_dtype", "kv_dtype")


@dataclass(frozen=True)
class Change:
    """One change as it was stated: a factor, a figure, or a word."""

    name: str
    text: str
    factor: float | None = None  # of what is there
    number: float | None = None  # instead of what is there
    word: str | None = None


@dataclass(frozen=True)
class StatedChanges:
    """All changes of one what-if, and their text."""

    text: str
    changes: tuple[Change, ...]


def parse_what_if(text: str) -> StatedChanges:
    """The changes in `text`: NAME=2x a factor, NAME=4 a figure, DTYPE NAME=int8.

    Raises ProfileInputError for an unknown name (near ones are given), one named twice, and a
    value that is none.
    """
    changes: list[Change] = []
    for part in (part.strip() for part in text.split(",")):
        name, equals, value = (piece.strip().lower() for piece in part.partition("="))
        name = ALIASES.get(name.replace("-", "_"), name.replace("-", "_"))
        if not equals or not value:
            raise ProfileInputError(
                f"--what-if has {part!r}, expected changes such as hbm_bandwidth=2x,kv_dtype=int8"
            )
        if any(name == change.name for change in changes):
            raise ProfileInputError(f"--what-if changes {name} twice: give it once")
        changes.append(_change(name, value))
    return StatedChanges(text, tuple(changes))


def _change(name: str, value: str) -> Change:
    text = f"{name}={value}"
    if name in DTYPES:
        if value not in DTYPE_BITS:
            near = ", ".join(get_close_matches(value, DTYPE_BITS, n=3) or DTYPE_BITS)
            raise ProfileInputError(f"--what-if has {text!r}: expected a dtype such as {near}")
        return Change(name, text, word=value)
    if name not in (*NAMES, *NUMBERS):
        every = (*NAMES, *ALIASES, *NUMBERS, *DTYPES)
        near = ", ".join(get_close_matches(name, every, n=3, cutoff=0.5) or every)
        raise ProfileInputError(f"--what-if changes an unknown {name!r}: expected {near}")
    try:
        number = float(value.removesuffix("x"))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ProfileInputError(
            f"--what-if has {text!r}: expected a factor such as 2x, or a figure above zero"
        )
    return Change(name, text, factor=number) if value.endswith("x") else Change(
        name, text, number=number
    )  # fmt: skip


def what_if(case: WorkloadOnSlice, stated: StatedChanges) -> WhatIf:
    """The stated changes on a case, before and after with intervals.

    Raises ProfileInputError for what does not apply to this chip and model.
    """
    after, text = changed(case, stated.changes)
    draws = case.draws
    result = ratio(logs_of(after, draws), logs_of(case.point, draws))
    whole = changed_of(case, result)
    before_s = summary(np.asarray(costs_of(case.point, draws).query_s) * case.per_query)
    after_s = _per_query_s(after, draws, case)
    return WhatIf(
        text=stated.text,
        changes=text,
        before_s=before_s,
        after_s=summary(after_s),
        by_phase={phase: summary(result["time"][i]) for i, phase in enumerate(case.phases)},
        whole=whole,
        bound_before=phase_bounds(case.point, draws, case.phases),  # type: ignore[arg-type]
        bound_after=phase_bounds(after, draws, case.phases),  # type: ignore[arg-type]
        fits=bool(fits(after)),
        sentence=_sentence(case, text, result["time"][QUERY], bool(fits(after))),
    )


def changed(case: WorkloadOnSlice, changes: Sequence[Change]) -> tuple[Point, list[str]]:
    """The case's point with every change, and each change in words."""
    point, sentences = case.point, []
    for change in (one for one in changes if one.name in DTYPES):
        weight, kv = case.query.weight_dtype, case.query.kv_dtype
        words = {one.name: one.word for one in changes if one.name in DTYPES}
        point = with_dtypes(case, words.get("weight_dtype") or weight, words.get("kv_dtype") or kv)
        before = weight if change.name == "weight_dtype" else kv
        sentences.append(f"{change.name} {before} -> {change.word}")
    for change in (one for one in changes if one.name in NUMBERS):
        point, words_of = _apply_number(point, change, case.waves)
        sentences.append(words_of)
    factors = {one.name: _factor(case, one, sentences) for one in changes if one.name in NAMES}
    return scaled(point, factors, on_chip_bytes(case.slice), case.costs), sentences


def _per_query_s(after: Point, draws: Draws, case: WorkloadOnSlice) -> np.ndarray:
    result = np.asarray(costs_of(after, draws).query_s)
    return result * case.waves / float(after.lengths.prompts)


def _factor(case: WorkloadOnSlice, change: Change, sentences: list[str]) -> float:
    """The factor of a hardware change, which must be one that the model knows of here."""
    if change.name not in modelled(case.slice) and change.name != TILE:
        raise ProfileInputError(
            f"--what-if changes {change.name}, but that of {case.slice.chip.name} is not public: "
            "leave it out, or give a chip file that has it"
        )
    present = present_value(case.point, case.slice, change.name)
    factor = change.factor if change.factor is not None else (change.number or 1.0) / present
    sentences.append(f"{change.name} {present:.4g} -> {present * factor:.4g} ({factor:.3g}x)")
    return factor


def _apply_number(point: Point, change: Change, waves: int) -> tuple[Point, str]:
    present, apply = _number(point, change.name, waves)
    value = change.number if change.number is not None else present * (change.factor or 1.0)
    _require_within(change, value)
    return apply(value), f"{change.name} {present:.4g} -> {value:.4g}"


def _require_within(change: Change, value: float) -> None:
    at_most_one = ("early_exit", "experts_active", "acceptance")
    if change.name in at_most_one and value > 1:
        raise ProfileInputError(f"--what-if has {change.text!r}: expected a share, at most 1")
    if change.name in ("attempts", "batch", "kv_heads", "layers", "prompt", "answer") and value < 1:
        raise ProfileInputError(f"--what-if has {change.text!r}: expected 1 or more")


def _number(point: Point, name: str, waves: int) -> tuple[float, Callable[[float], Point]]:
    """What is there, and how to put something else there; waves split a prompt's attempts."""
    shape, lengths = point.shape, point.lengths
    drafting = point.speculation or DRAFT
    in_lengths = {"prompt": "prompt_tokens", "think": "think_tokens", "answer": "answer_tokens",
                  "batch": "prompts"}  # fmt: skip
    in_draft = {"draft_tokens": "tokens", "acceptance": "acceptance", "draft_cost": "cost"}
    if name == "attempts":
        return float(lengths.attempts * waves), lambda value: replace(
            point, lengths=replace(lengths, attempts=value / waves)
        )
    if name in in_lengths:
        field = in_lengths[name]
        return float(getattr(lengths, field)), lambda value: replace(
            point, lengths=replace(lengths, **{field: value})
        )
    if name in in_draft:
        field = in_draft[name]
        return float(getattr(drafting, field)), lambda value: replace(
            point, speculation=replace(drafting, **{field: value})
        )
    if name == "layers":
        return float(shape.layers), lambda value: replace(point, shape=replace(shape, layers=value))
    if name == "kv_heads":
        return float(shape.kv_heads), lambda value: with_kv_heads(point, value)
    if name == "mlp":
        width = float(shape.mlp_parameters / (3 * shape.embed_dim))
        return width, lambda value: with_mlp(point, value / width)
    if name == "window":
        return float(shape.window), lambda value: replace(
            point,
            shape=replace(shape, window=value, windowed_share=1.0),
        )
    if name == "early_exit":
        return float(point.layers_run), lambda value: replace(point, layers_run=value)
    share = float(shape.active_mlp_parameters / shape.mlp_parameters)
    return share, lambda value: replace(
        point, shape=replace(shape, active_mlp_parameters=shape.mlp_parameters * value)
    )


def _sentence(case: WorkloadOnSlice, sentences: Sequence[str], time: np.ndarray, held: bool) -> str:
    result = summary(time)
    verb = "takes" if held else "would take (it does not fit in memory)"
    return (
        f"With {', '.join(sentences)} a query {verb} {result.median:.2f} of the time "
        f"[{result.low:.2f}, {result.high:.2f}] on {case.slice.name}."
    )
