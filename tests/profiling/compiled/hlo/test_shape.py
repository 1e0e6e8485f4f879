"""Sizes of tiled arrays against figures worked by hand."""

import pytest

from rooflink.profiling.compiled.hlo.shape import COMBINED, Layout, Shape, memory_space_name


def bf16(*dimensions: int, tiles: tuple[tuple[int, ...], ...] = ((8, 128), (2, 1))) -> Shape:
    order = tuple(reversed(range(len(dimensions))))
    return Shape("bf16", dimensions, 16, Layout(order, tiles))


@pytest.mark.parametrize(
    ("shape", "padded"),
    [
        (bf16(8, 128), 8 * 128 * 2),
        (bf16(1, 4096), 8 * 4096 * 2),  # one row takes a tile of eight
        (bf16(2114, 128), 2120 * 128 * 2),
        (bf16(4096, 100), 4096 * 128 * 2),
        (bf16(3, tiles=((1024,), (128,), (2, 1))), 1024 * 2),  # tiles of tiles
        (bf16(tiles=((128,),)), 128 * 2),  # a scalar
        (bf16(3, 100, tiles=()), 300 * 2),
        (bf16(1, 128, tiles=((1, 128), (2, 1))), 2 * 128 * 2),  # rows packed in pairs
        (bf16(3, 5, 128, tiles=((COMBINED, 8, 128),)), 2 * 8 * 128 * 2),  # 15 rows as one axis
    ],
)
def test_padding(shape: Shape, padded: int) -> None:
    assert shape.padded_bytes == padded


def test_a_part_lies_in_the_tiles_of_the_whole() -> None:
    """One layer of stacked weights is 1/32; one row of a [32, 4096] table is a row of tiles."""
    assert bf16(32, 512, 256).padded_bytes_of((1, 512, 256)) == 512 * 256 * 2
    assert bf16(32, 4096).padded_bytes_of((1, 4096)) == 8 * 4096 * 2


def test_axis_order_decides_which_axes_are_tiled() -> None:
    row_major = Shape("f32", (8, 100), 32, Layout((1, 0), ((8, 128),)))
    column_major = Shape("f32", (8, 100), 32, Layout((0, 1), ((8, 128),)))
    assert row_major.padded_bytes == 8 * 128 * 4
    assert column_major.padded_bytes == 104 * 128 * 4


def test_four_bit_elements_share_bytes() -> None:
    assert Shape("s4", (3,), 4, Layout((0,))).logical_bytes == 2


def test_tuples_add_up() -> None:
    pair = Shape("tuple", parts=(bf16(8, 128), Shape("tuple", parts=(bf16(8, 128),))))
    assert pair.logical_bytes == 2 * 8 * 128 * 2


def test_names_of_memory_spaces() -> None:
    assert [memory_space_name(space) for space in (0, 1, 6, 8)] == [
        "HBM", "VMEM", "SMEM", "space 8",
    ]  # fmt: skip
