"""Shapes with layouts: logical sizes, and sizes with the padding that tiles bring."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Tile = tuple[int, ...]

COMBINED = -(2**63)
"""A tile dimension that merges its axis with the next more minor one (XLA's kCombineDimension)."""

HOST_SPACE = 5
MEMORY_SPACES = {0: "HBM", 1: "VMEM", 2: "semaphores", 3: "CMEM", HOST_SPACE: "host", 6: "SMEM"}
"""Names of the memory spaces of TPU layouts, seen in compiled programs; XLA documents none. On a
GPU every space but the host's is a pool of HBM, and is 0 here."""

OPAQUE = frozenset({14, 17})
"""PrimitiveTypes without elements: opaque and token."""

ELEMENT_TYPES: dict[int, tuple[str, int]] = {
    1: ("pred", 8), 2: ("s8", 8), 3: ("s16", 16), 4: ("s32", 32), 5: ("s64", 64),
    6: ("u8", 8), 7: ("u16", 16), 8: ("u32", 32), 9: ("u64", 64),
    10: ("f16", 16), 11: ("f32", 32), 12: ("f64", 64), 15: ("c64", 64), 16: ("bf16", 16),
    18: ("c128", 128), 19: ("f8e5m2", 8), 20: ("f8e4m3fn", 8), 21: ("s4", 4), 22: ("u4", 4),
    23: ("f8e4m3b11fnuz", 8), 24: ("f8e5m2fnuz", 8), 25: ("f8e4m3fnuz", 8), 26: ("s2", 2),
    27: ("u2", 2), 28: ("f8e4m3", 8), 29: ("f8e3m4", 8), 30: ("s1", 1), 31: ("u1", 1),
    32: ("f4e2m1fn", 4), 33: ("f8e8m0fnu", 8),
}  # fmt: skip
"""PrimitiveType of xla_data.proto -> name and bits an element takes in memory."""


def memory_space_name(space: int) -> str:
    """'HBM', 'VMEM' ... or 'space N' for one that has no name here."""
    return MEMORY_SPACES.get(space, f"space {space}")


@dataclass(frozen=True)
class Layout:
    """Order of the axes in memory, the tiles they are cut into, and the memory they lie in."""

    minor_to_major: tuple[int, ...]
    tiles: tuple[Tile, ...] = ()
    memory_space: int = 0


@dataclass(frozen=True)
class Shape:
    """An array, a tuple of shapes (`parts`), or neither (a token)."""

    element_type: str
    dimensions: tuple[int, ...] = ()
    bits: int = 0
    layout: Layout | None = None
    parts: tuple["Shape", ...] = ()
    dynamic: bool = False  # its dimensions are bounds: a run may need less

    @property
    def is_tuple(self) -> bool:
        return self.element_type == "tuple"

    @property
    def memory_space(self) -> int:
        """Number of the memory space that an array lies in; 0, HBM, where none is given."""
        return self.layout.memory_space if self.layout else 0

    @property
    def elements(self) -> int:
        return math.prod(self.dimensions) if self.bits else 0

    @cached_property
    def logical_bytes(self) -> int:
        """Bytes of the elements alone, tuples added up."""
        return sum(_bytes(leaf.elements, leaf.bits) for leaf in self.arrays())

    @cached_property
    def padded_bytes(self) -> int:
        """Bytes taken in memory: every axis rounded up to its tiles, tuples added up."""
        return sum(_bytes(leaf._padded_elements(), leaf.bits) for leaf in self.arrays())

    def arrays(self) -> Iterator["Shape"]:
        return (leaf for _, leaf in self.leaves)

    def padded_bytes_of(self, dimensions: tuple[int, ...]) -> int:
        """Bytes that a part of these `dimensions` takes as it lies within this array."""
        part = Shape(self.element_type, dimensions, self.bits, self.layout)
        return part.padded_bytes

    def _padded_elements(self) -> int:
        if not self.layout or not self.layout.tiles:
            return self.elements
        order = reversed(self.layout.minor_to_major)
        sizes = [self.dimensions[axis] for axis in order]
        for tile in self.layout.tiles:
            sizes = _tiled(sizes, tile)
        return math.prod(sizes)

    @cached_property
    def leaves(self) -> tuple[tuple[tuple[int, ...], "Shape"], ...]:
        """The arrays in it with the tuple indices that lead to each."""
        if not self.is_tuple:
            return (((), self),) if self.bits else ()
        return tuple(
            ((index, *path), leaf)
            for index, part in enumerate(self.parts)
            for path, leaf in part.leaves
        )

    def like(self, other: "Shape") -> bool:
        """Whether both have arrays of the same sizes in the same places."""
        if self is other:
            return True
        if self.is_tuple or other.is_tuple:
            same = self.is_tuple == other.is_tuple and len(self.parts) == len(other.parts)
            return same and all(map(Shape.like, self.parts, other.parts))
        return self.dimensions == other.dimensions and self.bits == other.bits

    def __str__(self) -> str:
        if self.is_tuple:
            return f"({', '.join(map(str, self.parts))})"
        return f"{self.element_type}[{','.join(map(str, self.dimensions))}]"


def _tiled(sizes: list[int], tile: Tile) -> list[int]:
    """Sizes, major to minor, after one tiling: [.., 100, 200] by (8, 128) is [.., 13, 2, 8, 128].

    The rule is XLA's (openxla.org/xla/tiled_layout): a further tile cuts the tiles of the one
    before it.
    """
    missing = len(tile) - len(sizes)
    sizes = [1] * missing + sizes
    outer, inner = sizes[: len(sizes) - len(tile)], sizes[len(sizes) - len(tile) :]
    counts: list[int] = []
    widths: list[int] = []
    merged = 1
    for size, width in zip(inner, tile, strict=True):
        if width == COMBINED:
            merged *= size
            continue
        counts.append(-(-size * merged // width))
        widths.append(width)
        merged = 1
    return outer + counts + widths


def _bytes(elements: int, bits: int) -> int:
    return -(-elements * bits // 8)
