"""Predicted: a workload on slices that nobody here has, and `predict_on`, which asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ProfileInputError
from ..measured.machine import slice_named
from ..predicted.economics import DEFAULT_REGION, Terms, parse_price
from ..predicted.mesh import parse_parallelism
from ..predicted.model_shape import named_shape
from ..predicted.phases import Lengths
from ..predicted.slices import Asked, forecast
from ..records import Prediction
from ..reports.renderers.notebook import cell, frame
from ..reports.sections.predicted import (
    LABEL,
    prediction_document,
    predictions_document,
    slices_table,
)
from ..reports.units import seconds


@dataclass(frozen=True)
class Predicted:
    """One workload on each of some slices."""

    records: Sequence[Prediction]

    def __repr__(self) -> str:
        times = ", ".join(f"{p.slice} {seconds(p.time_s.median)}" for p in self.records)
        return f"{self.records[0].model}, {LABEL}: {times}"

    def _repr_html_(self) -> str:
        alone = len(self.records) == 1
        made = prediction_document(self.records[0]) if alone else predictions_document(self.records)
        return cell(made)

    @property
    def table(self) -> Any:
        """A row for each slice, as a DataFrame where pandas is installed, else a list of dicts."""
        return frame(slices_table(self.records))


def predict_on(
    model: str,
    *slices: str,
    prompts: int = 1,
    attempts: int = 1,
    prompt: int = 512,
    think: float = 1024,
    answer: float = 64,
    lengths_spread: float = 0.0,
    dtype: str = "bfloat16",
    kv_dtype: str | None = None,
    mesh: str | None = None,
    stack: str | None = None,
    ideal: bool = False,
    price: str = "on_demand",
    region: str = DEFAULT_REGION,
) -> Predicted:
    """Time, energy, money and carbon of `prompts` x `attempts` chains of thought on each slice.

    `rooflink predict` as a function: `model` is a preset or a described model such as
    'deepseek-r1', a file or a hub id; slices are 'v5e-8', 'h100', 'mychip.toml:4'. `prompt`,
    `think` and `answer` are tokens; `lengths_spread` is the thoughts' deviation over their mean.

    Raises ModelInputError, ChipInputError or ProfileInputError for what the caller can mend.
    """
    if not slices:
        raise ProfileInputError("predict_on needs a slice: predict_on('llama3-8b', 'v5e-8')")
    asked = Asked(
        model=named_shape(model),
        lengths=Lengths(float(prompts), float(attempts), float(prompt), float(think),
                        float(answer)),
        think_variation=lengths_spread,
        weight_dtype=dtype,
        kv_dtype=kv_dtype,
        split=parse_parallelism(mesh) if mesh else None,
        stack=stack,
        ideal=ideal,
        terms=Terms(price=parse_price(price), region=region),
    )  # fmt: skip
    return Predicted([forecast(asked, slice_named(text)) for text in slices])
