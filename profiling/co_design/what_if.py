"""What-if: stated changes applied to a case, and compared with what is there.

Changes: what a what-if asks for, 'hbm_bandwidth=2x,kv_dtype=int8', read.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np

from ...model.architecture import ModelShape
from ..errors import ProfileInputError
from ..names import dtype_named
from ..records import base
from ..records.codesign import WhatIf
from .costs import QUERY, costs_of, logs_of, phase_bounds, ratio
from .design_point import (
    ON_CHIP,
    PARAMETERS,
    TILE,
    Point,
    fits,
    modelled,
    scaled,
    summary,
    value_at,
    with_value,
)
from .levers import DRAFT, changed_of, with_dtypes
from .workload_on_slice import WorkloadOnSlice

ALIASES = {
    "flops": "matrix_flops",
    "matmul_flops": "matrix_flops",
    "memory_bandwidth": "hbm_bandwidth",
    "memory_bytes": "hbm_capacity",
    "on_chip_bytes": ON_CHIP,
    "tile": TILE,
}
DTYPES = ("weight_dtype", "kv_dtype")
MOST_FACTOR = 1e4
"""Of a hardware parameter; farther from the calibration the model says nothing."""


class Knob(NamedTuple):
    """A number of the model or of its use: its path in a point, and bounds."""

    path: str
    least: float = 1e-6
    most: float = 1e9
    reshape: Callable[[ModelShape, float], ModelShape] | None = None  # where more than it changes


def _with_active_share(shape: ModelShape, share: float) -> ModelShape:
    return replace(shape, active_mlp_parameters=shape.mlp_parameters * share)


KNOBS: Mapping[str, Knob] = {
    "layers": Knob("shape.layers", 1.0),
    "kv_heads": Knob("shape.kv_heads", 1.0, reshape=ModelShape.with_kv_heads),
    "mlp": Knob("shape.mlp_width", reshape=ModelShape.with_mlp_width),
    "window": Knob("shape.window", 1.0, reshape=ModelShape.with_window),
    "prompt": Knob("lengths.prompt_tokens", 1.0),
    "think": Knob("lengths.think_tokens"),
    "answer": Knob("lengths.answer_tokens", 1.0),
    "attempts": Knob("lengths.attempts", 1.0),
    "batch": Knob("lengths.prompts", 1.0),
    "early_exit": Knob("layers_run", most=1.0),
    "experts_active": Knob("shape.active_share", most=1.0, reshape=_with_active_share),
    "draft_tokens": Knob("speculation.tokens"),
    "acceptance": Knob("speculation.acceptance", most=1.0),
    "draft_cost": Knob("speculation.cost"),
}


class Change(NamedTuple):
    """One change as it was stated: a factor, a figure, or a word."""

    name: str
    text: str
    factor: float | None = None  # of what is there
    number: float | None = None  # instead of what is there
    word: str | None = None


class StatedChanges(NamedTuple):
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
        try:
            return Change(name, text, word=dtype_named(value))
        except ProfileInputError as error:
            raise ProfileInputError(f"--what-if has {text!r}: {error}") from None
    if name not in (*PARAMETERS, *KNOBS):
        every = (*PARAMETERS, *ALIASES, *KNOBS, *DTYPES)
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
    if value.endswith("x"):
        return Change(name, text, factor=number)
    return Change(name, text, number=number)


def what_if(case: WorkloadOnSlice, stated: StatedChanges) -> WhatIf:
    """The stated changes on a case, before and after with intervals.

    Raises ProfileInputError for what does not apply to this chip and model.
    """
    after, text = changed(case, stated.changes)
    draws, per_query = case.draws, case.waves / float(after.lengths.prompts)
    result = ratio(logs_of(after, draws), logs_of(case.point, draws))
    return WhatIf(
        text=stated.text,
        changes=text,
        before_s=summary(costs_of(case.point, draws).query_s * case.per_query),
        after_s=summary(costs_of(after, draws).query_s * per_query),
        by_phase={phase: summary(result["time"][i]) for i, phase in enumerate(case.phases)},
        whole=changed_of(case, result),
        bound_before=phase_bounds(case.point, draws, case.phases),  # type: ignore[arg-type]
        bound_after=phase_bounds(after, draws, case.phases),  # type: ignore[arg-type]
        fits=bool(fits(after)),
        sentence=_sentence(case, text, result["time"][QUERY], bool(fits(after))),
    )


def changed(case: WorkloadOnSlice, changes: Sequence[Change]) -> tuple[Point, list[str]]:
    """The case's point with every change, and each change in words."""
    present = {name: getattr(case.query, name) for name in DTYPES}
    dtypes = {one.name: one.word for one in changes if one.word is not None}
    point = with_dtypes(case, **(present | dtypes)) if dtypes else case.point
    sentences = [f"{name} {present[name]} -> {word}" for name, word in dtypes.items()]
    for change in (one for one in changes if one.name in KNOBS):
        point, words_of = _turned(point, change, case.waves)
        sentences.append(words_of)
    factors = {one.name: _factor(case, one, sentences) for one in changes if one.name in PARAMETERS}
    return scaled(point, factors, case.costs), sentences


def _factor(case: WorkloadOnSlice, change: Change, sentences: list[str]) -> float:
    """The factor of a hardware change, which must be one that the model knows of here."""
    if change.name not in modelled(case.slice) and change.name != TILE:
        raise ProfileInputError(
            f"--what-if changes {change.name}, but that of {case.slice.chip.name} is not public: "
            "leave it out, or give a chip file that has it"
        )
    present = float(PARAMETERS[change.name].value(case.point))
    factor = change.factor if change.factor is not None else (change.number or 1.0) / present
    if not 1 / MOST_FACTOR <= factor <= MOST_FACTOR:
        raise ProfileInputError(
            f"--what-if has {change.text!r}, {factor:.3g} times what is there: expected at most "
            f"{MOST_FACTOR:g} times as much, or as little"
        )
    sentences.append(
        f"{change.name} {present:.4g} -> {present * factor:.4g} ({base.ratio(factor)})"
    )
    return factor


def _turned(point: Point, change: Change, waves: int) -> tuple[Point, str]:
    """The point with one knob as the change says; `waves` split a prompt's attempts."""
    knob, split = KNOBS[change.name], waves if change.name == "attempts" else 1
    if change.name == "kv_heads" and float(point.shape.latent_dim) > 0:
        raise ProfileInputError(
            f"--what-if has {change.text!r}, but this model caches one compressed vector for all "
            "its heads: leave it out"
        )
    if knob.path.startswith("speculation"):
        point = replace(point, speculation=point.speculation or DRAFT)
    present = float(value_at(point, knob.path)) * split
    value = change.number if change.number is not None else present * (change.factor or 1.0)
    if not knob.least <= value <= knob.most:
        what = (
            "a share, at most 1" if value > knob.most == 1 else f"{knob.least:g} to {knob.most:g}"
        )
        raise ProfileInputError(
            f"--what-if has {change.text!r}, which makes it {value:.4g}: expected {what}"
        )
    words = f"{change.name} {present:.4g} -> {value:.4g}"
    if knob.reshape is not None:
        return replace(point, shape=knob.reshape(point.shape, value)), words
    return with_value(point, knob.path, value / split), words


def _sentence(case: WorkloadOnSlice, sentences: Sequence[str], time: np.ndarray, held: bool) -> str:
    result = summary(time)
    verb = "takes" if held else "would take (it does not fit in memory)"
    return (
        f"With {', '.join(sentences)} a query {verb} {base.ratio(result.median)} the time "
        f"({base.ratio(result.low)} to {base.ratio(result.high)}) on {case.slice.name}."
    )
