"""Grid: the values of each axis of an exploration, from a TOML file or from options."""

import itertools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from ...tpu_configs.figure import Table, Words
from ...tpu_configs.reading import sentence
from ..codesign.mix_work import SEQUENCES
from ..errors import ProfileInputError
from ..predict.load import DTYPE_WIDTH_BYTES

Tokens = Annotated[float, Field(ge=1, le=1e7, allow_inf_nan=False)]
Thought = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=1 / 64, le=64, allow_inf_nan=False)]
DESIGNS = ("matrix_flops", "hbm_bandwidth", "hbm_capacity", "on_chip_capacity", "link_bandwidth")
BLOCK = 32768
"""Designs of one part, so that a part stays within some hundred megabytes of memory."""


class Grid(Table):
    """The axes; all combinations are explored. Factors are of the slice's own chip."""

    models: list[Words] = Field(min_length=1)
    slices: list[Words] = Field(min_length=1)
    weight_dtypes: list[Words] = Field(default=["bfloat16"], min_length=1)
    kv_dtypes: list[Words] = Field(default=["bfloat16"], min_length=1)
    prompt: list[Tokens] = Field(default=[512.0], min_length=1)
    think: list[Thought] = Field(default=[2048.0], min_length=1)
    answer: list[Tokens] = Field(default=[256.0], min_length=1)
    attempts: list[Tokens] = Field(default=[1.0], min_length=1)
    sequences: list[float] = Field(
        default=list(SEQUENCES), min_length=1, description="attempts that run together"
    )
    matrix_flops: list[Factor] = Field(default=[1.0], min_length=1)
    hbm_bandwidth: list[Factor] = Field(default=[1.0], min_length=1)
    hbm_capacity: list[Factor] = Field(default=[1.0], min_length=1)
    on_chip_capacity: list[Factor] = Field(default=[1.0], min_length=1)
    link_bandwidth: list[Factor] = Field(default=[1.0], min_length=1)

    @field_validator("*", mode="before")
    @classmethod
    def _floats(cls, values: object) -> object:
        """TOML's 2048 is an integer; a strict float takes it only as one."""
        if not isinstance(values, list):
            return values
        return [
            float(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for value in values
        ]

    @field_validator("weight_dtypes", "kv_dtypes")
    @classmethod
    def _known_dtypes(cls, values: list[str]) -> list[str]:
        for value in values:
            if value not in DTYPE_WIDTH_BYTES:
                raise ValueError(f"{value!r} is no dtype: {', '.join(DTYPE_WIDTH_BYTES)}")
        return values

    @field_validator("sequences")
    @classmethod
    def _known_sequences(cls, values: list[float]) -> list[float]:
        for value in values:
            if value not in SEQUENCES:
                raise ValueError(f"{value:g} is no power of two from 1 to {SEQUENCES[-1]:.0f}")
        return values

    @property
    def designs(self) -> int:
        """Chips that each slice's chip is varied to."""
        return prod(len(getattr(self, name)) for name in DESIGNS)

    @property
    def points(self) -> int:
        """Rows of the whole dataset, where every model fits every slice."""
        return sum(part.designs for part in parts_of(self)) * len(self.sequences)


@dataclass(frozen=True)
class Part:
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


def parts_of(grid: Grid) -> Iterator[Part]:
    """Every part, in the order of its number."""
    axes = (
        grid.models, grid.slices, grid.weight_dtypes, grid.kv_dtypes, grid.prompt, grid.think,
        grid.answer, grid.attempts,
    )  # fmt: skip
    for values in itertools.product(*axes):
        for first in range(0, grid.designs, BLOCK):
            yield Part(*values, first, min(BLOCK, grid.designs - first))


def load_grid(path: Path | None, options: Mapping[str, list[str] | list[float]]) -> Grid:
    """The grid in a file, an option's values in place of an axis.

    Raises ProfileInputError for a file that cannot be read, an axis that is not known or has no
    values, and values that cannot be.
    """
    named = str(path) if path else "the grid"
    try:
        text = path.read_text(encoding="utf-8") if path else ""
        return Grid.model_validate(tomllib.loads(text) | dict(options))
    except FileNotFoundError:
        raise ProfileInputError(f"no grid at {path}: check the path") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileInputError(f"{path} is not a readable grid: {error}") from None
    except ValidationError as error:
        raise ProfileInputError(f"{named}: {sentence(error.errors()[0])}") from None
