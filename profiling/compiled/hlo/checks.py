"""What an instruction must be for the rest to rely on it: operands, calls and shapes by opcode.

A damaged file, or one of a compiler that changed an opcode's form, is refused here in one sentence
instead of somewhere in the middle of the reading.
"""

from collections.abc import Callable

from .module import Computation, Instruction
from .shape import Shape

UNARY = frozenset(
    {
        "abs", "add-dependency", "all-gather-done", "all-reduce-done", "async-done", "bitcast",
        "bitcast-convert", "broadcast", "collective-permute-done", "convert", "copy", "copy-done",
        "copy-start", "get-dimension-size", "negate", "not", "opt-barrier", "recv-done", "reshape",
        "reverse", "send-done", "slice", "transpose",
    }
)  # fmt: skip
"""Opcodes with an operand, of which the first matters here."""

BINARY = frozenset(
    {
        "add", "and", "compare", "convolution", "divide", "dot", "dynamic-update-slice", "gather",
        "maximum", "minimum", "multiply", "or", "pad", "power", "remainder", "send", "shift-left",
        "shift-right-arithmetic", "shift-right-logical", "subtract", "xor",
    }
)  # fmt: skip

_LEAST = {
    **dict.fromkeys(UNARY, 1),
    **dict.fromkeys(BINARY, 2),
    "async-update": 1, "clamp": 3, "conditional": 1, "dynamic-slice": 1, "get-tuple-element": 1,
    "reduce": 2, "reduce-window": 2, "scatter": 3, "select": 3, "while": 1,
}  # fmt: skip


def problem_of(one: Instruction) -> str:
    """What is wrong with an instruction, as the rest of a sentence; '' where nothing is."""
    if len(one.operands) < _LEAST.get(one.opcode, 0):
        return f"has {len(one.operands)} operands"
    check = _CHECKS.get(one.opcode)
    return (check(one) if check else "") or _aliases(one)


def _element(one: Instruction) -> str:
    whole = one.operands[0].shape
    if not 0 <= one.tuple_index < len(whole.parts):
        return f"takes element {one.tuple_index} of {len(whole.parts)}"
    return _as(one.shape, whole.parts[one.tuple_index])


def _tuple(one: Instruction) -> str:
    return _as(one.shape, Shape("tuple", parts=tuple(part.shape for part in one.operands)))


def _same(one: Instruction) -> str:
    """For opcodes whose result is their first operand under another name."""
    return _as(one.shape, one.operands[0].shape)


def _called(one: Instruction) -> str:
    """For opcodes that hand their operands to one computation."""
    if len(one.calls) != 1:
        return f"calls {len(one.calls)} computations, expected one"
    return _given(one.called, tuple(part.shape for part in one.operands))


def _call(one: Instruction) -> str:
    return _called(one) or _as(one.shape, one.called.root.shape)


def _async_start(one: Instruction) -> str:
    if len(one.calls) != 1 or len(one.shape.parts) < 2:
        return "calls no computation"
    return ""


def _async_done(one: Instruction) -> str:
    start = one.operands[0]
    if start.opcode not in ("async-start", "async-update"):
        return f"waits for {start.opcode} %{start.name}"
    return ""


def _while(one: Instruction) -> str:
    if len(one.calls) != 2:
        return f"calls {len(one.calls)} computations, expected a body and a condition"
    carry = (one.operands[0].shape,)
    roots = [called.root.shape for called in one.calls]
    if sum(root.element_type == "pred" and not root.dimensions for root in roots) < 1:
        return "has no condition"
    problems = (_as(one.shape, carry[0]), *(_given(called, carry) for called in one.calls))
    return next(filter(None, problems), "") or (
        "" if any(root.like(one.shape) for root in roots) else "has a body of another result"
    )


def _conditional(one: Instruction) -> str:
    branches = one.calls
    if not branches or len(one.operands) != len(branches) + 1:
        return f"has {len(one.operands)} operands for {len(branches)} branches"
    for branch, operand in zip(branches, one.operands[1:], strict=True):
        if problem := _given(branch, (operand.shape,)) or _as(one.shape, branch.root.shape):
            return problem
    return ""


def _parts(least: int) -> Callable[[Instruction], str]:
    """A check of a result that is a tuple of at least so many parts."""

    def check(one: Instruction) -> str:
        few = len(one.shape.parts) < least
        return f"has a result of {len(one.shape.parts)} parts" if few else ""

    return check


def _done(one: Instruction) -> str:
    """For what waits for a start whose result is (operands, results, ...)."""
    started = one.operands[0].shape.parts
    return _as(one.shape, started[1]) if len(started) > 1 else "waits for nothing"


def _copy_done(one: Instruction) -> str:
    started = one.operands[0].shape.parts
    return _as(one.shape, started[0]) if started else "waits for nothing"


def _dot(one: Instruction) -> str:
    rank = len(one.operands[0].shape.dimensions)
    outside = [axis for axis in one.summed_axes if not 0 <= axis < rank]
    return f"sums over axis {outside[0]} of {rank}" if outside else ""


def _convolution(one: Instruction) -> str:
    axes = one.convolution
    assert axes is not None
    left, kernel = (len(part.shape.dimensions) for part in one.operands[:2])
    result = len(one.shape.dimensions)
    places = [(axes.kernel_feature, kernel), (axes.result_batch, result),
              (axes.result_feature, result)]  # fmt: skip
    places += [(window.operand_axis, left) for window in axes.windows]
    places += [(window.result_axis, result) for window in axes.windows]
    if any(not 0 <= axis < rank for axis, rank in places):
        return "names an axis that its operands lack"
    steps = [step for w in axes.windows for step in (w.stride, w.dilation, w.base_dilation)]
    if min([axes.batch_groups, *steps]) < 1 or any(w.size < 0 for w in axes.windows):
        return "has a window that does not move forward"
    if sum(window.size for window in axes.windows) > MOST_WINDOW:
        return f"has a window of more than {MOST_WINDOW:,} elements along an axis"
    return ""


MOST_WINDOW = 1 << 16


def _scatter(one: Instruction) -> str:
    """Arrays, their indices, and as many updates."""
    arrays, left = divmod(len(one.operands) - 1, 2)
    results = len(one.shape.parts) if one.shape.is_tuple else 1
    return "" if not left and arrays == results else f"has {len(one.operands)} operands"


def _aliases(one: Instruction) -> str:
    for alias in one.output_aliases:
        if not 0 <= alias.operand < len(one.operands):
            return f"shares memory with operand {alias.operand} of {len(one.operands)}"
        operand = _at(one.operands[alias.operand].shape, alias.operand_index)
        if operand is None or _at(one.shape, alias.output_index) is None:
            return "shares a part of memory that it does not have"
    return ""


def _at(shape: Shape, path: tuple[int, ...]) -> Shape | None:
    for index in path:
        if not 0 <= index < len(shape.parts):
            return None
        shape = shape.parts[index]
    return shape


def _given(called: Computation, operands: tuple[Shape, ...]) -> str:
    """Whether a computation takes operands of these shapes."""
    parameters = [called.parameters[number].shape for number in range(len(called.parameters))]
    if len(parameters) == len(operands) and all(map(Shape.like, parameters, operands)):
        return ""
    return f"calls {called.name} with other operands than it takes"


def _as(shape: Shape, other: Shape) -> str:
    return "" if shape.like(other) else "has another shape than what it is made of"


_CHECKS: dict[str, Callable[[Instruction], str]] = {
    "all-gather-done": _done,
    "all-gather-start": _parts(2),
    "async-done": _async_done,
    "async-start": _async_start,
    "async-update": _async_done,
    "call": _call,
    "collective-permute-done": _done,
    "collective-permute-start": _parts(2),
    "conditional": _conditional,
    "convolution": _convolution,
    "copy-done": _copy_done,
    "copy-start": _parts(2),
    "dot": _dot,
    "fusion": _call,
    "get-tuple-element": _element,
    "opt-barrier": _same,
    "recv": _parts(1),
    "scatter": _scatter,
    "send": _parts(1),
    "tuple": _tuple,
    "while": _while,
}
