"""Weights and caches held in few bits: codes, with the scales that make numbers of them.

A value is its code times a scale in bfloat16, symmetric about zero: a scale for each output channel
of a matrix (int8, fp8), for each group of 32, 64 or 128 of its rows (int4), or for each position
and head of a cache. Every product keeps the codes as its operand, so that what is read from memory
is narrow: `layers.contract` comes here for all of them. A library (qwix) was tried and left: it
intercepts modules such as `nnx.Linear`, and the layers here are products of plain parameters.

To quantise values that were quantised so before gives the same codes and scales: the largest code
of each scale is there, and bfloat16 holds the scale.
"""

import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jax.typing import DTypeLike

from .styles import LINEAR, Widths

Held = typing.Any
"""An array, or a Quantised, which stands for one where the types say Array."""

CODES: dict[str, tuple[DTypeLike, float]] = {
    "int8": (jnp.int8, 127.0),
    "int4": (jnp.int4, 7.0),
    "fp8": (jnp.float8_e4m3fn, 448.0),
}
"""Dtype of the codes and the largest of them."""

FEW_ROWS = 128
"""So many rows meet each group of a matrix on their own, whose products stay on the chip; for more
the matrix is made wide first, which is little beside their matmul."""

SCALE_DTYPE = jnp.bfloat16


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Quantised:
    """Codes [..., rows, columns] and their scales: of a matrix [..., groups of rows, columns], of a
    cache without its last axis."""

    codes: Array
    scales: Array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.codes.shape

    @property
    def dtype(self) -> jnp.dtype:
        return self.codes.dtype

    def __getitem__(self, place: Held) -> "Quantised":
        """A part by leading axes, which codes and scales share."""
        return Quantised(self.codes[place], self.scales[place])


def _coded(values: Array, width: str, axis: int) -> Quantised:
    """`values` with one scale along `axis`."""
    dtype, largest = CODES[width]
    wide = values.astype(jnp.float32)
    reach = jnp.max(jnp.abs(wide), axis=axis, keepdims=True)
    # As few rows as hold nothing have a scale of 1. The smallest normal number keeps codes finite.
    scales = jnp.where(reach > 0, reach / largest, 1.0).astype(SCALE_DTYPE)
    scales = jnp.maximum(scales, jnp.finfo(SCALE_DTYPE).tiny)
    codes = wide / scales.astype(jnp.float32)
    if jnp.issubdtype(dtype, jnp.integer):
        codes = jnp.round(codes)
    return Quantised(jnp.clip(codes, -largest, largest).astype(dtype), scales)


@partial(jax.jit, static_argnames=("width", "group"))
def quantised(matrix: Array, width: str, group: int | None = None) -> Quantised:
    """`matrix` [..., rows, columns] with a scale for each column, of each `group` of rows."""
    *lead, rows, columns = matrix.shape
    split = matrix.reshape(*lead, rows // (group or rows), group or rows, columns)
    coded = _coded(split, width, -2)
    return Quantised(coded.codes.reshape(matrix.shape), coded.scales[..., 0, :])


def quantised_rows(rows: Array, dtype: DTypeLike) -> Held:
    """`rows` [..., H], Quantised with a scale for each, in codes of `dtype`."""
    width = next(name for name, (codes, _) in CODES.items() if jnp.dtype(codes) == dtype)
    coded = _coded(rows, width, -1)
    return Quantised(coded.codes, coded.scales[..., 0])


def empty_rows(shape: tuple[int, ...], width: str) -> Held:
    """A Quantised cache of that shape."""
    return Quantised(jnp.zeros(shape, CODES[width][0]), jnp.zeros(shape[:-1], SCALE_DTYPE))


def dequantised(held: Quantised, dtype: DTypeLike) -> Array:
    """The values of a matrix, in `dtype`."""
    *lead, rows, columns = held.codes.shape
    groups = held.scales.shape[-2]
    codes = held.codes.astype(dtype).reshape(*lead, groups, rows // groups, columns)
    return (codes * held.scales.astype(dtype)[..., None, :]).reshape(held.codes.shape)


Contract = Callable[[str, Array, Array, DTypeLike | None], Array]


def contract_quantised(
    equation: str, x: Held, y: Held, result: DTypeLike | None, contract: Contract
) -> Array:
    """`contract` where one operand is Quantised.

    A scale that does not vary along a summed axis multiplies the product, one that varies along it
    as the other operand does multiplies that; of groups of rows each code is multiplied.
    """
    inputs, out = equation.split("->")
    left, right = inputs.split(",")
    is_left = isinstance(x, Quantised)
    held, dense, own, other = (x, y, left, right) if is_left else (y, x, right, left)
    varying = [axis for axis, size in zip(own, held.scales.shape, strict=False) if size > 1]
    summed = [axis for axis in varying if axis not in out]

    def product(codes: Array, dense: Array) -> Array:
        return contract(equation, *((codes, dense) if is_left else (dense, codes)), result)

    if not summed:
        made = product(held.codes.astype(dense.dtype), dense)
        return (made * _spread(held.scales, varying, out)).astype(made.dtype)
    if set(varying) <= set(other) and held.scales.ndim < held.codes.ndim:
        scaled = (dense * _spread(held.scales, varying, other)).astype(dense.dtype)
        return product(held.codes.astype(dense.dtype), scaled)
    rows = prod(dense.shape) // held.codes.shape[-2]
    if rows > FEW_ROWS or held.codes.ndim != 2 or is_left:
        return product(dequantised(held, dense.dtype), dense)
    return _by_groups(equation, dense, held, contract).astype(result or dense.dtype)


def _by_groups(equation: str, x: Array, held: Quantised, contract: Contract) -> Array:
    """The product of `x` [..., rows] and a matrix, float32: the sum of those of groups of rows."""
    inputs, out = equation.split("->")
    left, right = inputs.split(",")
    groups, rows = held.scales.shape[0], held.codes.shape[0]
    parts = x.reshape(*x.shape[:-1], groups, rows // groups)
    codes = held.codes.reshape(groups, rows // groups, -1).astype(x.dtype)
    by_group = f"{left[:-1]}Z{left[-1]},Z{right}->Z{out}"
    made = contract(by_group, parts, codes, jnp.float32)
    scales = held.scales.astype(jnp.float32)
    return (made * scales.reshape(groups, *[1] * (len(out) - 1), -1)).sum(axis=0)


def _spread(scales: Array, varying: list[str], axes: str) -> Array:
    """float32 `scales`, that vary along some of `axes`, to multiply what has all of them."""
    sizes = dict(zip(varying, (size for size in scales.shape if size > 1), strict=True))
    order = [axis for axis in axes if axis in sizes]
    turned = scales.reshape([*sizes.values()]).transpose([varying.index(axis) for axis in order])
    return turned.astype(jnp.float32).reshape([sizes.get(axis, 1) for axis in axes])


def held_in(name: str, given: Held, widths: Widths, dtype: DTypeLike) -> Held:
    """A parameter as a model of `widths` that computes in `dtype` holds it, by its dotted name."""
    if isinstance(given, Quantised):
        return given
    if widths.weights is None or name.rpartition(".")[2] not in LINEAR:
        return jnp.asarray(given, dtype)
    return quantised(jnp.asarray(given), widths.weights, widths.group)


def hold_all(model: Held) -> Held:
    """`model` with its matrices as its configuration says that they are held."""
    graph, state = nnx.split(model)
    flat = []
    for path, one in nnx.to_flat_state(state):
        name, whole = ".".join(map(str, path)), one[...]
        flat.append((path, one.replace(held_in(name, whole, model.config.widths, whole.dtype))))
    return nnx.merge(graph, nnx.from_flat_state(flat))
