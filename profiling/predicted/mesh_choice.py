"""Mesh: how a model is spread over a slice, as stated or as suits it; and a chip's slices."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...model.architecture import ModelShape
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice, largest, shape_of_chips
from ..errors import ProfileInputError
from ..names import mesh_axes
from .collectives import Parallelism

AXES = ("data", "tensor", "expert", "pipeline")


@dataclass(frozen=True)
class Chosen:
    """A parallelism, and why it is that one."""

    split: Parallelism
    reason: str


def parse_parallelism(text: str) -> Parallelism:
    """The parallelism that `text` asks for, 'data=2,tensor=8'; axes left out have one chip.

    Raises ProfileInputError for anything else.
    """
    return Parallelism(**mesh_axes(text, AXES))


def require_used(split: Parallelism, prompts: float) -> None:
    """Raise ProfileInputError where copies of the weights would have no prompt to work on."""
    if split.data > max(prompts, 1):
        raise ProfileInputError(
            f"the mesh has data={split.data} for a batch of {prompts:g}: a copy of the weights "
            "needs a prompt at least, so take more prompts or fewer copies"
        )


def choose_parallelism(
    shape: ModelShape, on_slice: Slice, prompts: float, fits: Callable[[Parallelism], bool]
) -> Chosen:
    """The first that `fits` of those that suit, else the first: the most tensor shards that divide
    the query heads within one domain of links, then the most copies, then a pipeline.

    Raises ProfileInputError where none divides the model.
    """
    suiting = list(_suiting(shape, on_slice, prompts))
    if not suiting:
        raise ProfileInputError(
            f"no mesh of the {on_slice.chips} chips of {on_slice.name} divides "
            f"{int(shape.query_heads)} query heads, {int(shape.layers)} layers "
            f"and {prompts:g} prompts: take another number of chips, or say --mesh"
        )
    split = next(filter(fits, suiting), suiting[0])
    return Chosen(split, _reason(split, suiting[0], shape, on_slice))


def _suiting(shape: ModelShape, on_slice: Slice, prompts: float) -> Iterator[Parallelism]:
    """Every parallelism that fills the slice and divides the model, the best first."""
    chips, heads, layers = on_slice.chips, int(shape.query_heads), int(shape.layers)
    for tensor in _divisors(chips, min(heads, _domain(on_slice))):
        for data in _divisors(chips // tensor, max(int(prompts), 1)):
            pipeline = chips // tensor // data
            if heads % tensor == 0 and layers % pipeline == 0:
                yield Parallelism(tensor=tensor, data=data, pipeline=pipeline)


def _divisors(number: int, most: int) -> list[int]:
    """Divisors of `number` up to `most`, the largest first."""
    return [n for n in range(min(number, most), 0, -1) if number % n == 0]


def _domain(on_slice: Slice) -> int:
    """Chips that the links join, without the data center network."""
    return min(on_slice.chips, largest(on_slice.chip))


def _reason(split: Parallelism, first: Parallelism, shape: ModelShape, on_slice: Slice) -> str:
    if on_slice.chips == 1:
        return "a single chip"
    heads, domain = int(shape.query_heads), _domain(on_slice)
    within = f" in a domain of {domain}" if domain < on_slice.chips else ""
    also = " and leaves room for the batch" if split != first else ""
    sentences = [
        f"tensor={split.tensor} is the most{within} that divides {heads} query heads{also}"
    ]
    if split.data > 1:
        sentences.append(f"data={split.data} copies of the model share the prompts")
    if split.pipeline > 1:
        sentences.append(f"pipeline={split.pipeline} splits the layers over the remaining chips")
    return "; ".join(sentences)


MOST_DOMAINS = 8
"""Domains of links that are joined over the network before the search is given up."""


def slices_of(chip: Chip) -> Iterator[Slice]:
    """Every slice of `chip`, the smallest first."""
    joined = largest(chip)
    for chips in [*range(1, joined + 1), *(joined * n for n in range(2, MOST_DOMAINS + 1))]:
        shape = shape_of_chips(chip, chips)
        if shape is not None:
            yield Slice(chip, shape)
