"""Arithmetic on plain numbers, NumPy arrays or JAX arrays: one set of formulas for all of them.

A single prediction is a few thousand operations: with NumPy, in double precision, it takes
milliseconds, and JAX is not even imported. Sweeps and descents pass JAX's arrays (or tracers)
through the same functions, which then take JAX's operations.

Complex numbers are a real value and, as imaginary part, its change: derivatives by a complex step
(Squire & Trapp 1998). Comparisons and roundings are of the value.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from types import ModuleType
from typing import TypeVar

import numpy as np

from ...model.architecture import ModelShape, Number

Numbers = TypeVar("Numbers")
"""A frozen dataclass whose fields are numbers, None, or such records."""

Record = TypeVar("Record")
_records: list[type] = [ModelShape]


def of_numbers(record: type[Record]) -> type[Record]:
    """Marks a dataclass whose every field is a number, an array, None or such a record."""
    _records.append(record)
    return record


def as_pytrees() -> None:
    """Make pytrees of the records of numbers, so that JAX compiles, vectorises and differentiates
    functions of them. Whoever passes JAX's arrays calls it once its records are imported."""
    import jax

    while _records:
        jax.tree_util.register_dataclass(_records.pop())


_PLAIN = (bool, int, float, complex, np.ndarray, np.generic)


def library(*numbers: Number) -> ModuleType:
    """JAX's numpy where any of `numbers` is a JAX array, else NumPy."""
    for number in numbers:
        if type(number) not in _NUMBERS and not isinstance(number, _PLAIN):
            namespace: ModuleType = number.__array_namespace__()
            return namespace
    return np


def mapped(function: Callable[..., Number], record: Numbers, *others: Numbers) -> Numbers:
    """`function` of every number of a record, and of the same of `others`, as such a record."""
    kind: type = type(record)
    leaves = _leaves(kind)
    if leaves is None:
        return record if record is None else function(record, *others)
    parts = [
        function(*each) if type(each[0]) in _NUMBERS else mapped(function, *each)
        for each in zip(*map(leaves, (record, *others)), strict=True)
    ]
    result: Numbers = kind(*parts)
    return result


_NUMBERS = frozenset((float, np.float64, np.ndarray))
"""Most leaves: told from records at a glance, for a prediction maps thousands."""


@cache
def _leaves(kind: type) -> Callable[[object], tuple[Number, ...]] | None:
    """What reads the fields of a record; None where it is no record but a number."""
    if not is_dataclass(kind):
        return None
    names = [field.name for field in fields(kind)]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)  # of one, or of none


def as_columns(records: Sequence[Numbers]) -> Numbers:
    """Records of plain numbers as one of arrays [records, 1]."""
    return mapped(lambda *each: np.array(each, np.float64)[:, None], *records)


def with_last_axis(number: Number, axes: int = 1) -> Number:
    """[...] as [..., 1], or with as many last axes; what has no axes meets any as it is."""
    shape = getattr(number, "shape", ())
    return number.reshape(shape + (1,) * axes) if shape else number


def _function(name: str) -> Callable[..., Number]:
    """The function of that name of whichever library the numbers are of."""
    plain = getattr(np, name)

    def function(*numbers: Number) -> Number:
        namespace = library(*numbers)
        return (plain if namespace is np else getattr(namespace, name))(*numbers)

    return function


maximum, minimum, where = map(_function, ("maximum", "minimum", "where"))
exp, expm1, log, log1p, log2 = map(_function, ("exp", "expm1", "log", "log1p", "log2"))
sqrt, isinf, ones_like = map(_function, ("sqrt", "isinf", "ones_like"))


def broadcast(number: Number, shape: tuple[int, ...]) -> Number:
    return library(number).broadcast_to(number, shape)


def ceil(number: Number) -> Number:
    return library(number).ceil(number.real)


def floor(number: Number) -> Number:
    return library(number).floor(number.real)


def power(base: Number, exponent: Number) -> Number:
    """`base` from 0 up; complex powers of nothing are nothing too."""
    if not np.iscomplexobj(exponent):
        return base**exponent
    some = np.where(base > 0, base, 1.0)
    return np.where(base > 0, some**exponent, 0.0)


def stacked(numbers: list[Number]) -> Number:
    """Arrays of one shape as one with a first axis."""
    return library(*numbers).stack(numbers)


def joined(numbers: list[Number]) -> Number:
    """Arrays one after another along their first axis."""
    return library(*numbers).concatenate(numbers)


def sigmoid(number: Number) -> Number:
    """1 / (1 + exp(-x))."""
    if library(number) is np:
        return 1 / (1 + np.exp(-np.asarray(number)))
    from jax.nn import sigmoid as jax_sigmoid

    return jax_sigmoid(number)


def normal_tail(number: Number) -> Number:
    """The standard normal's chance to be above: a survival function."""
    if library(number) is np:
        from scipy.special import ndtr
    else:
        from jax.scipy.special import ndtr
    return ndtr(-number)
