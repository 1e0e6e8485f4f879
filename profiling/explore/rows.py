"""Rows: one part of an exploration, every design and number of sequences in one compiled call."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..codesign.cost_model import ChipParts, area_mm2, build_usd, full_watts
from ..codesign.mix_work import SEQUENCES, Factors, mix_times, mix_work
from ..codesign.search import Ground, ground_of, parts_with
from ..codesign.setting import Setting, setting
from ..codesign.workload_mix import MixedWorkload
from ..errors import ProfileInputError
from ..forecast import Asked
from ..measured.machine import slice_named
from ..predict.calibration import Calibration
from ..predict.described import named_shape
from ..predict.phases import Lengths
from ..predict.shape import Number
from .grid import DESIGNS, Grid, Part

Columns = dict[str, np.ndarray]
NUMBERS = (
    "prompt", "think", "answer", "attempts", "sequences", *DESIGNS, "time_per_query_s", "token_s",
    "usd_per_query", "needed_bytes", "area_mm2", "full_power_w", "build_usd",
)  # fmt: skip
WORDS = ("model", "slice", "weight_dtype", "kv_dtype")
FITS = "fits"
NAMES = (*WORDS, *NUMBERS, FITS)
"""Of every row. Times and dollars are predicted, at the calibration's mode: of the slice for one
query with all attempts, and of one decoded token of each sequence; dollars are NaN where no price
is known and follow the cost to build. Bytes are what one chip must hold. A phase is priced by its
summed work, as the search does: up to a few percent less where its bound flips along the thought.
"""


@dataclass(frozen=True)
class LeftOut:
    """Why a part has no rows."""

    reason: str


def rows_of(grid: Grid, part: Part, calibration: Calibration) -> Columns | LeftOut:
    """The part's columns by NAMES, sequences changing fastest; or why there are none.

    Raises ModelInputError and ChipInputError for names that are not known.
    """
    asked = Asked(
        model=named_shape(part.model),
        lengths=Lengths(1.0, part.attempts, part.prompt, part.think, part.answer),
        weight_dtype=part.weight_dtype,
        kv_dtype=part.kv_dtype,
    )
    over = slice_named(part.slice)
    try:
        known = setting(part.model, asked, over, calibration)
    except ProfileInputError as error:
        return LeftOut(str(error))
    workload = MixedWorkload(
        share=1.0, prompt=part.prompt, think=part.think, answer=part.answer, attempts=part.attempts
    )
    ground = ground_of(known, mix_work(known.point, [workload]))
    factors = designs_of(grid, part)
    found = jax.device_get(_priced(ground, factors))
    return _columns(grid, part, known, factors, found)


def designs_of(grid: Grid, part: Part) -> dict[str, np.ndarray]:
    """The factors of the part's block of designs, the last of DESIGNS changing fastest."""
    lengths = [len(getattr(grid, name)) for name in DESIGNS]
    index = np.arange(part.first_design, part.first_design + part.designs)
    places = np.unravel_index(index, lengths)
    return {
        name: np.asarray(getattr(grid, name))[place]
        for name, place in zip(DESIGNS, places, strict=True)
    }


@jax.jit
def _priced(ground: Ground, factors: dict[str, Array]) -> dict[str, Array]:
    """Times [designs, sequences] and costs [designs]."""
    designs = Factors(
        *(jnp.asarray(factors[name], jnp.float32) for name in Factors.__dataclass_fields__)
    )
    time_s, token_s = mix_times(
        ground.mixed, ground.hardware, ground.on_chip, ground.efficiency, designs
    )
    capacity = ground.reference.hbm_capacity * jnp.asarray(factors["hbm_capacity"], jnp.float32)
    parts = parts_with(ground, designs, capacity)
    return {
        "time_per_query_s": time_s,
        "token_s": token_s,
        "area_mm2": _each(area_mm2(parts, ground.rates), capacity),
        "full_power_w": _each(full_watts(parts, ground.rates), capacity),
        "build_usd": _each(build_usd(parts, ground.rates), capacity),
        "dearer": _dearer(ground, parts),
        "needed_bytes": ground.mixed.needed_bytes,
        "capacity": capacity,
    }


def _each(cost: Number, like: Array) -> Array:
    return jnp.broadcast_to(cost, like.shape)


def _dearer(ground: Ground, parts: ChipParts) -> Array:
    """A design's cost to build over the chip's own."""
    return build_usd(parts, ground.rates) / build_usd(ground.reference, ground.rates)


def _columns(
    grid: Grid, part: Part, known: Setting, factors: dict[str, np.ndarray], found: Columns
) -> Columns:
    """Flat columns from what was priced."""
    kept = [SEQUENCES.index(n) for n in grid.sequences]
    designs, count = part.designs, len(kept)
    rows = designs * count

    def by_design(values: np.ndarray) -> np.ndarray:
        return np.repeat(np.asarray(values, np.float64), count)

    def by_both(values: np.ndarray) -> np.ndarray:
        return np.asarray(values, np.float64)[:, kept].reshape(rows)

    rent = known.usd_per_second
    time_s, needed = by_both(found["time_per_query_s"]), found["needed_bytes"][kept]
    numbers = {
        **{name: np.full(rows, getattr(part, name)) for name in
           ("prompt", "think", "answer", "attempts")},
        "sequences": np.tile(np.asarray(grid.sequences), designs),
        **{name: by_design(values) for name, values in factors.items()},
        "time_per_query_s": time_s,
        "token_s": by_both(found["token_s"]),
        "usd_per_query": time_s * by_design(found["dearer"]) * (np.nan if rent is None else rent),
        "needed_bytes": np.tile(np.asarray(needed, np.float64), designs),
        **{name: by_design(found[name]) for name in ("area_mm2", "full_power_w", "build_usd")},
    }  # fmt: skip
    words = {name: np.full(rows, getattr(part, name)) for name in WORDS}
    fits = (np.asarray(needed)[None, :] <= np.asarray(found["capacity"])[:, None]).reshape(rows)
    columns = words | numbers | {FITS: fits}
    return {name: columns[name] for name in NAMES}
