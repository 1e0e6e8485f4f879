"""Sweep: a grid of models, slices, workloads and designs, and the rows of each part of it.

A grid is a TOML file or options; a part's designs and numbers of sequences are one compiled call.

On disk one Parquet file for each part, and a manifest of the grid. The manifest's name begins with
an underscore and a part under way with a dot, which readers of datasets pass over:
`pandas.read_parquet(folder)` reads whatever is there.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from pydantic import AfterValidator, Field, model_validator

from ...model.input_files import MiB, json_value, read_text
from ...tpu_configs.figure import Table, Words
from ...tpu_configs.slice import Slice
from ...tpu_configs.toml_files import parse_toml
from ..errors import ProfileInputError, Watcher
from ..names import dtype_named, slice_named
from ..predicted.arrays import mapped
from ..predicted.calibration import Calibration
from ..predicted.economics import JOULES_PER_KWH
from ..predicted.model_shape import NamedShape, named_shape
from ..predicted.phase_lengths import Lengths
from ..predicted.query import PredictionRequest
from ..records.files import write_text
from .chip_cost_model import PARTS, area_mm2, build_usd, full_watts
from .chip_search import SearchProblem, parts_with, search_problem
from .design_point import Draws
from .exploration_files import FITS, NAMES, WORDS, Columns, left_out, parquet, part_path, write_part
from .workload_mix import SEQUENCES, Factors, MixedWorkload, Thought, Tokens, mix_joules, mix_work
from .workload_on_slice import WorkloadOnSlice, workload_on_slice

Factor = Annotated[float, Field(ge=1 / 64, le=64, allow_inf_nan=False)]
MOST_PARTS = 100_000
"""Files of a dataset: days of work."""
BLOCK = 32768
"""Designs of one part, so that a part stays within some hundred megabytes of memory."""


def _power_of_two(value: float) -> float:
    if value not in SEQUENCES:
        raise ValueError(f"{value:g} is no power of two from 1 to {SEQUENCES[-1]:.0f}")
    return value


Dtype = Annotated[Words, AfterValidator(dtype_named)]
Together = Annotated[float, AfterValidator(_power_of_two)]


class Grid(Table):
    """The axes; all combinations are explored. Factors are of the slice's own chip."""

    models: list[Words] = Field(min_length=1)
    slices: list[Words] = Field(min_length=1)
    weight_dtypes: list[Dtype] = Field(default=["bfloat16"], min_length=1)
    kv_dtypes: list[Dtype] = Field(default=["bfloat16"], min_length=1)
    prompt: list[Tokens] = Field(default=[512.0], min_length=1)
    think: list[Thought] = Field(default=[2048.0], min_length=1)
    answer: list[Tokens] = Field(default=[256.0], min_length=1)
    attempts: list[Tokens] = Field(default=[1.0], min_length=1)
    sequences: list[Together] = Field(
        default=list(SEQUENCES), min_length=1, description="attempts that run together"
    )
    matrix_flops: list[Factor] = Field(default=[1.0], min_length=1)
    hbm_bandwidth: list[Factor] = Field(default=[1.0], min_length=1)
    hbm_capacity: list[Factor] = Field(default=[1.0], min_length=1)
    on_chip_capacity: list[Factor] = Field(default=[1.0], min_length=1)
    link_bandwidth: list[Factor] = Field(default=[1.0], min_length=1)

    @property
    def designs(self) -> int:
        """Chips that each slice's chip is varied to."""
        return prod(len(getattr(self, name)) for name in PARTS)

    @property
    def points(self) -> int:
        """Rows of the whole dataset, where every model fits every slice."""
        return prod(len(axis) for axis in self.axes) * self.designs * len(self.sequences)

    @property
    def parts(self) -> int:
        """Files of the whole dataset."""
        return prod(len(axis) for axis in self.axes) * -(-self.designs // BLOCK)

    @property
    def axes(self) -> tuple[list, ...]:
        """What tells parts apart, besides blocks of designs."""
        return (self.models, self.slices, self.weight_dtypes, self.kv_dtypes, self.prompt,
                self.think, self.answer, self.attempts)  # fmt: skip

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.parts > MOST_PARTS:
            raise ValueError(
                f"has axes of {self.points:.3g} points in {self.parts:.3g} files, expected at most "
                f"{MOST_PARTS} files: shorten an axis"
            )
        return self


class Part(NamedTuple):
    """What is computed at once: one model and workload on one slice, a block of designs."""

    model: str
    slice: str
    weight_dtype: str
    kv_dtype: str
    prompt: float
    think: float
    answer: float
    attempts: float
    first_design: int
    designs: int


class Named(NamedTuple):
    """The models and slices of a grid by their names, each looked up once."""

    models: Mapping[str, NamedShape]
    slices: Mapping[str, Slice]


def named_in(grid: Grid) -> Named:
    """Raises ModelInputError and ChipInputError for names that are not known."""
    return Named(
        {name: named_shape(name) for name in grid.models},
        {name: slice_named(name) for name in grid.slices},
    )


def parts_of(grid: Grid) -> Iterator[Part]:
    for values in itertools.product(*grid.axes):
        for first in range(0, grid.designs, BLOCK):
            yield Part(*(*values, first, min(BLOCK, grid.designs - first)))


def load_grid(path: Path | None, options: Mapping[str, list[str] | list[float]]) -> Grid:
    """The grid in a file, an option's values in place of an axis.

    Raises ProfileInputError for a file that cannot be read, an axis that is not known or has no
    values, and values that cannot be.
    """

    def build(table: dict) -> Grid:
        return Grid.model_validate(table | dict(options))

    text = read_text(path, "grid", ProfileInputError, MiB) if path else ""
    return parse_toml(text, str(path or "the grid"), build, ProfileInputError)


def case_of(part: Part, named: Named, calibration: Calibration) -> WorkloadOnSlice:
    """The part's workload on its slice. Raises ProfileInputError where it cannot be."""
    request = PredictionRequest(
        model=named.models[part.model],
        lengths=Lengths(1.0, part.attempts, part.prompt, part.think, part.answer),
        weight_dtype=part.weight_dtype,
        kv_dtype=part.kv_dtype,
    )
    return workload_on_slice(part.model, request, named.slices[part.slice], calibration)


def rows_of(grid: Grid, part: Part, named: Named, calibration: Calibration) -> Columns | str:
    """The part's columns by NAMES, sequences changing fastest; or why there are none."""
    try:
        case = case_of(part, named, calibration)
    except ProfileInputError as error:
        return str(error)
    workload = MixedWorkload(
        share=1.0, prompt=part.prompt, think=part.think, answer=part.answer, attempts=part.attempts
    )
    problem = search_problem(case, mix_work(case.point, [workload]))
    factors, mode = designs_of(grid, part), mapped(lambda draws: draws[0], case.draws)
    result = jax.device_get(_priced(problem, factors, mode))
    return _columns(grid, part, case, factors, result)


def designs_of(grid: Grid, part: Part) -> dict[str, np.ndarray]:
    """The factors of the part's block of designs, the last of PARTS changing fastest."""
    lengths = [len(getattr(grid, name)) for name in PARTS]
    index = np.arange(part.first_design, part.first_design + part.designs)
    places = np.unravel_index(index, lengths)
    return {
        name: np.asarray(getattr(grid, name))[place]
        for name, place in zip(PARTS, places, strict=True)
    }


_COSTS = {"area_mm2": area_mm2, "full_power_w": full_watts, "build_usd": build_usd}


@jax.jit
def _priced(problem: SearchProblem, factors: dict[str, Array], mode: Draws) -> dict[str, Array]:
    designs = Factors(
        *(jnp.asarray(factors[name], jnp.float32) for name in Factors.__dataclass_fields__)
    )
    time_s, token_s = problem.times(designs)
    capacity = problem.reference.hbm_capacity * jnp.asarray(factors["hbm_capacity"], jnp.float32)
    bandwidth = problem.reference.hbm_bandwidth * designs.hbm_bandwidth
    parts = parts_with(problem, designs, bandwidth, capacity)
    drawn = full_watts(parts, problem.rates) / full_watts(problem.reference, problem.rates)
    rest = (problem.mixed, problem.hardware, problem.on_chip, mode, designs)
    return {
        "energy_j": mix_joules(*rest, mode.watts * drawn),
        "time_per_query_s": time_s,
        "token_s": token_s,
        **{
            name: jnp.broadcast_to(cost(parts, problem.rates), capacity.shape)
            for name, cost in _COSTS.items()
        },
        "dearer": build_usd(parts, problem.rates) / build_usd(problem.reference, problem.rates),
        "needed_bytes": problem.mixed.needed_bytes,
        "capacity": capacity,
    }


def _columns(
    grid: Grid, part: Part, case: WorkloadOnSlice, factors: dict[str, np.ndarray], metrics: Columns
) -> Columns:
    kept = [SEQUENCES.index(n) for n in grid.sequences]
    designs, count = part.designs, len(kept)
    rows = designs * count

    def by_design(values: np.ndarray) -> np.ndarray:
        return np.repeat(np.asarray(values, np.float64), count)

    def by_both(values: np.ndarray) -> np.ndarray:
        return np.asarray(values, np.float64)[:, kept].reshape(rows)

    rent = case.usd_per_second
    time_s, needed = by_both(metrics["time_per_query_s"]), metrics["needed_bytes"][kept]
    wall_j = by_both(metrics["energy_j"]) * case.terms.host_factor * case.terms.pue
    numbers = {
        **{name: np.full(rows, getattr(part, name)) for name in
           ("prompt", "think", "answer", "attempts")},
        "sequences": np.tile(np.asarray(grid.sequences), designs),
        **{name: by_design(values) for name, values in factors.items()},
        "time_per_query_s": time_s,
        "token_s": by_both(metrics["token_s"]),
        "usd_per_query": time_s * by_design(metrics["dearer"]) * (np.nan if rent is None else rent),
        "wall_j_per_query": wall_j,
        "gco2e_per_query": wall_j * case.terms.grid_g_per_kwh / JOULES_PER_KWH,
        "needed_bytes": np.tile(np.asarray(needed, np.float64), designs),
        **{name: by_design(metrics[name]) for name in _COSTS},
    }  # fmt: skip
    words = {name: np.full(rows, getattr(part, name)) for name in WORDS}
    fits = (np.asarray(needed)[None, :] <= np.asarray(metrics["capacity"])[:, None]).reshape(rows)
    columns = words | numbers | {FITS: fits}
    return {name: columns[name] for name in NAMES}


SCHEMA = "rooflink.exploration/2"
MANIFEST = "_exploration.json"
LENS = (
    "predicted, at the calibration's mode, each phase by its summed work, on the mesh that "
    "suits one prompt; chips' area, power and cost by the cost model"
)


def manifest_of(grid: Grid, calibration: Calibration) -> dict[str, object]:
    """What an exploration is of."""
    return {"schema": SCHEMA, "lens": LENS, "calibration": _digest(calibration),
            "grid": grid.model_dump(mode="json")}  # fmt: skip


def require_same(path: Path, wanted: Mapping[str, object], grid: Grid) -> None:
    """Raise ProfileInputError where the manifest at `path` is of another exploration than `wanted`,
    naming what differs, or damaged."""
    folder = path.parent
    text = read_text(path, "exploration", ProfileInputError)
    damaged = f"{path} is damaged (choose another --out): it"
    there = json_value(text, damaged, ProfileInputError)
    axes = there.get("grid") if isinstance(there, dict) else None
    if not isinstance(there, dict) or not isinstance(axes, dict):
        raise ProfileInputError(f"{damaged} has no grid")
    differing = [key for key in ("schema", "calibration") if there.get(key) != wanted[key]]
    differing += [axis for axis, values in grid.model_dump(mode="json").items()
                  if axes.get(axis) != values]  # fmt: skip
    if differing:
        raise ProfileInputError(
            f"{folder} holds another exploration (it differs in {', '.join(differing)}): choose "
            "another folder with --out, or ask for the same to go on with it"
        )


def _digest(calibration: Calibration) -> str:
    """Tells one calibration from another: its means and draws, hashed."""
    result = hashlib.sha256()
    for name, kinds in sorted(calibration.means.items()):
        for kind, values in sorted(kinds.items()):
            result.update(f"{name}/{kind}".encode())
            result.update(np.asarray(values, np.float64).round(12).tobytes())
    return result.hexdigest()[:16]


class Explored(NamedTuple):
    parts: int
    there_before: int  # parts that an earlier call wrote
    reasons: list[str]  # for the parts without rows, each once


def explore(grid: Grid, folder: Path, calibration: Calibration, watcher: Watcher) -> Explored:
    """Compute and write every part that `folder` lacks; it must exist.

    Raises ProfileInputError where the folder holds another exploration or a damaged part, or cannot
    be written, or pyarrow is missing; and ModelInputError or ChipInputError for names that are not
    known, before anything is computed.
    """
    parquet()
    named, reasons, before = named_in(grid), dict[str, None](), 0
    manifest, path = manifest_of(grid, calibration), folder / MANIFEST
    if path.exists():
        require_same(path, manifest, grid)
    watcher.stage("Exploring", grid.points, "points")
    for number, part in enumerate(parts_of(grid)):
        if part_path(folder, number).exists():
            before += 1
        else:
            rows = rows_of(grid, part, named, calibration)
            try:
                if not path.exists():
                    write_text(path, json.dumps(manifest, indent=1) + "\n")
                write_part(folder, number, rows)
            except OSError as error:
                raise ProfileInputError(
                    f"cannot write to {folder}: {error.strerror or error}; the parts there stay, "
                    "so make room and give the same command again"
                ) from None
        if reason := left_out(folder, number):
            reasons[reason] = None
        watcher.advance(part.designs * len(grid.sequences))
    return Explored(grid.parts, before, list(reasons))
