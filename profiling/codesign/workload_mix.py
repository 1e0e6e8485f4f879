"""Workload mix: what share of queries think how long, from a TOML file of [[workload]] tables."""

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from ...tpu_configs.figure import Table, Words
from ...tpu_configs.reading import sentence
from ..errors import ProfileInputError
from ..predict.phases import Lengths
from ..predict.query import Query


class MixedWorkload(Table):
    """One kind of query and its share of all queries."""

    name: Words | None = None
    share: float = Field(gt=0, allow_inf_nan=False, description="of queries; all are scaled to 1")
    prompt: float = Field(ge=1, allow_inf_nan=False)
    think: float = Field(ge=0, allow_inf_nan=False)
    answer: float = Field(ge=1, allow_inf_nan=False)
    attempts: float = Field(default=1, ge=1, allow_inf_nan=False)
    batch: float | None = Field(
        default=None, ge=1, allow_inf_nan=False, description="prompts; None: what suits each chip"
    )

    @field_validator("share", "prompt", "think", "answer", "attempts", "batch", mode="before")
    @classmethod
    def _whole_or_not(cls, value: object) -> object:
        """TOML's 2048 is an integer; a strict float takes it only as one."""
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return float(value) if is_number else value  # type: ignore[arg-type]

    def lengths(self, prompts: float = 1.0) -> Lengths:
        """As prediction takes them."""
        return Lengths(self.batch or prompts, self.attempts, self.prompt, self.think, self.answer)

    @property
    def words(self) -> str:
        """'60 %: 512 + 2048 + 256 tokens x 64 attempts'."""
        many = f" x {self.attempts:g} attempts" if self.attempts > 1 else ""
        lengths = f"{self.prompt:g} + {self.think:g} + {self.answer:g} tokens"
        return f"{f'{self.name}, ' if self.name else ''}{self.share:.0%}: {lengths}{many}"


class _Mix(Table):
    workload: list[MixedWorkload]


PREFILL_HEAVY = [
    MixedWorkload(name="prefill", share=1.0, prompt=4096.0, think=0.0, answer=1.0, batch=16.0)
]
"""Stands for training too: forward passes over long texts, where compute is what counts."""


def load_mix(path: Path) -> list[MixedWorkload]:
    """The workloads of a file, shares scaled to sum to one.

    Raises ProfileInputError for a file that is missing, not TOML, empty or has a wrong value.
    """
    try:
        return parse_mix(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ProfileInputError(f"no workload file at {path}: check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileInputError(f"{path} is not a readable workload file: {error}") from None


def parse_mix(text: str, file: str) -> list[MixedWorkload]:
    """The workloads in the TOML `text` of `file` (named in errors)."""
    try:
        found = _Mix.model_validate(tomllib.loads(text)).workload
    except tomllib.TOMLDecodeError as error:
        raise ProfileInputError(f"{file} is not TOML: {error}") from None
    except ValidationError as error:
        raise ProfileInputError(f"{file}: {sentence(error.errors()[0])}") from None
    if not found:
        raise ProfileInputError(
            f"{file} has no [[workload]]: give one table for each kind of query"
        )
    whole = sum(each.share for each in found)
    return [each.model_copy(update={"share": each.share / whole}) for each in found]


def mix_of(query: Query) -> list[MixedWorkload]:
    """A query's own workload as a mix of one."""
    lengths = query.lengths
    return [
        MixedWorkload(
            name="this workload",
            share=1.0,
            prompt=float(lengths.prompt_tokens),
            think=float(lengths.think_tokens),
            answer=float(lengths.answer_tokens),
            attempts=float(lengths.attempts),
        )
    ]
