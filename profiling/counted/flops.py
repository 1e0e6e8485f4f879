"""Operations of a traced program: the jaxpr walked with the lengths of its loops.

Convention: a multiply-add is 2 FLOP; an elementwise operation, transcendental or not, and each
element that goes into a reduction are 1. Moving data (slices, transposes, gathers) and comparing
or selecting are 0.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from ..errors import ProfileInputError


@dataclass(frozen=True)
class Operations:
    """Work of a program: matrix-unit FLOPs and vector-unit operations."""

    matmul_flops: int = 0
    vector_flops: int = 0

    def __add__(self, other: "Operations") -> "Operations":
        return Operations(
            self.matmul_flops + other.matmul_flops, self.vector_flops + other.vector_flops
        )

    def __sub__(self, other: "Operations") -> "Operations":
        return self + other * -1

    def __mul__(self, times: int) -> "Operations":
        return Operations(self.matmul_flops * times, self.vector_flops * times)


ELEMENTWISE = frozenset(
    {
        "abs", "add", "add_any", "atan2", "cbrt", "ceil", "cos", "div", "erf", "erf_inv", "erfc",
        "exp", "exp2", "expm1", "floor", "integer_pow", "log", "log1p", "logistic", "max", "min",
        "mul", "neg", "pow", "rem", "round", "rsqrt", "sign", "sin", "sqrt", "square", "sub",
        "tan", "tanh",
    }
)  # fmt: skip

REDUCTIONS = frozenset(
    {
        "argmax", "argmin", "cummax", "cumprod", "cumsum", "reduce_max", "reduce_min",
        "reduce_prod", "reduce_sum",
    }
)  # fmt: skip

LOOP_OF_UNKNOWN_LENGTH = "while"


def count(program: ClosedJaxpr | Jaxpr) -> Operations:
    """Operations of one run of `program`; a scan's body counts once an iteration. Raises
    ProfileInputError for a `while` loop, whose length the program does not say: count its body and
    multiply by the passes that were made. So too for a Pallas kernel without an estimate."""
    total = Operations()
    for equation in (program.jaxpr if isinstance(program, ClosedJaxpr) else program).eqns:
        total = total + _operations_of(equation)
    return total


def _operations_of(equation: JaxprEqn) -> Operations:
    name = equation.primitive.name
    if name == "dot_general":
        return Operations(matmul_flops=_dot_flops(equation))
    if name in ELEMENTWISE:
        return Operations(vector_flops=math.prod(_shape(equation.outvars[0])))
    if name in REDUCTIONS:
        return Operations(vector_flops=math.prod(_shape(equation.invars[0])))
    if name == LOOP_OF_UNKNOWN_LENGTH:
        raise ProfileInputError(
            "the traced program has a while loop, whose length only its run knows: count the "
            "loop's body and multiply by the passes made"
        )
    if name == "cond":
        branches = [count(branch) for branch in equation.params["branches"]]
        return max(branches, key=lambda work: work.matmul_flops + work.vector_flops)
    if name == "pallas_call":
        return Operations(matmul_flops=_flops_by_estimate(equation))
    times = equation.params["length"] if name == "scan" else 1
    return sum((count(body) for body in _bodies(equation)), Operations()) * times


def _bodies(equation: JaxprEqn) -> Iterator[ClosedJaxpr | Jaxpr]:
    """Programs that an equation calls, e.g. of jit, scan, remat or a custom derivative."""
    for value in equation.params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, ClosedJaxpr | Jaxpr):
                yield item


def _flops_by_estimate(kernel: JaxprEqn) -> int:
    """FLOPs that a Pallas kernel says it makes: its program shows one block of its grid."""
    estimate = kernel.params["cost_estimate"]
    if estimate is None:
        raise ProfileInputError(
            "the traced program has a Pallas kernel without a cost estimate: give pallas_call one"
        )
    flops: int = estimate.flops
    return flops


def _dot_flops(equation: JaxprEqn) -> int:
    """2 FLOP for each element of the result and each term of its sum."""
    (left_summed, _), _ = equation.params["dimension_numbers"]
    left = _shape(equation.invars[0])
    terms = math.prod(left[axis] for axis in left_summed)
    return 2 * math.prod(_shape(equation.outvars[0])) * terms


def _shape(variable: Var | Literal) -> tuple[int, ...]:
    assert isinstance(variable.aval, ShapedArray)
    return variable.aval.shape
