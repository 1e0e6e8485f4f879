"""The smallest slice of a chip that holds a workload."""

from collections.abc import Callable, Iterator

from ...tpu_configs.chip import Chip
from ...tpu_configs.shapes import largest, shape_of_chips
from ...tpu_configs.slice import Slice

MOST_DOMAINS = 8
"""Domains of links that are joined over the network before the search is given up."""


def smallest_slice(chip: Chip, at_least: int, holds: Callable[[Slice], bool]) -> Slice | None:
    """The slice with the fewest chips, `at_least` so many, that `holds`; None where none does."""
    return next(filter(holds, _slices(chip, at_least)), None)


def _slices(chip: Chip, at_least: int) -> Iterator[Slice]:
    joined = largest(chip)
    counts = [*range(1, joined + 1), *(joined * n for n in range(2, MOST_DOMAINS + 1))]
    for chips in counts:
        shape = shape_of_chips(chip, chips) if chips >= at_least else None
        if shape is not None:
            yield Slice(chip, shape)
