"""Exact arithmetic on written expressions: whole numbers, + - * / and brackets, nothing else."""

import ast
import operator
import re
from collections.abc import Callable
from fractions import Fraction

_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_EXPRESSION = re.compile(r"[\d(][\d\s()+*/-]*")
_LONGEST = 200
"""Characters: beyond any expression asked for, and short enough for Python's own parser."""


def find_expression(text: str) -> str | None:
    """The first arithmetic expression in `text`, without blanks, or None.

    An expression followed by '= 24' or by words ends there.
    """
    found = _EXPRESSION.search(text.replace("×", "*").replace("÷", "/").replace("−", "-"))  # noqa: RUF001
    expression = "" if found is None else "".join(found.group().split())
    return expression if parsed(expression) is not None else None


def parsed(expression: str) -> tuple[Fraction, tuple[int, ...]] | None:
    """The exact value of `expression` and the numbers in it; None where it has no value."""
    if not 0 < len(expression) <= _LONGEST:
        return None
    try:
        numbers: list[int] = []
        value = _value(ast.parse(expression, mode="eval").body, numbers)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None
    return value, tuple(numbers)


def _value(node: ast.expr, numbers: list[int]) -> Fraction:
    """The value of `node`, its numbers added to `numbers`; ValueError for anything else."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        numbers.append(node.value)
        return Fraction(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        left, right = _value(node.left, numbers), _value(node.right, numbers)
        return _OPERATIONS[type(node.op)](left, right)
    raise ValueError("not arithmetic")
