"""Which part of its operands and results an instruction touches.

A fusion that uses an operand only through slices reads the slices: one layer of stacked weights,
not all. Fusions inside fusions are asked in turn, from what is used of their result. A
dynamic-update-slice whose result takes over its operand's buffer writes the update and leaves the
rest where it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, get_args

from ..hlo.module import Computation, Instruction
from ..hlo.shape import Shape
from .sources import RENAMING, Path, Value, follow

THROUGH_LAYOUTS = RENAMING | {"copy"}
"""A copy inside a fusion on the way to an update only changes the tiles that are seen: on tpu7x
T(16,128) in memory, T(8,128) in the fusion, and T(16,128) again in the updated buffer."""

SLICING = frozenset({"dynamic-slice", "slice", "gather"})
UPDATING = frozenset({"dynamic-update-slice", "scatter"})

ELEMENT_BY_ELEMENT = frozenset(
    {
        "abs", "add", "and", "atan2", "bitcast-convert", "cbrt", "ceil", "clamp", "compare",
        "convert", "copy", "cosine", "divide", "erf", "exponential", "exponential-minus-one",
        "floor", "is-finite", "log", "log-plus-one", "logistic", "maximum", "minimum", "multiply",
        "negate", "not", "or", "popcnt", "power", "reduce-precision", "remainder", "reshape",
        "reverse", "round-nearest-afz", "round-nearest-even", "rsqrt", "select",
        "shift-left", "shift-right-arithmetic", "shift-right-logical", "sign", "sine", "sqrt",
        "subtract", "tan", "tanh", "transpose", "xor",
    }
)  # fmt: skip
"""Opcodes that need, for a part of their result, the same part of an operand of that size."""


LONG = 50
"""Instructions of a fusion from which on their uses are looked at one by one."""

State = Literal["buffer", "updated", "derived"]
STATES: tuple[State, ...] = get_args(State)
"""What a value in a fusion is: the operand itself, the operand updated in place, or computed."""


@dataclass(frozen=True)
class Span:
    """Bytes of an array that are touched, alone and with the padding of their tiles."""

    logical: int
    padded: int

    @staticmethod
    def of(shape: Shape, share: "Share | None" = None) -> "Span":
        """That share of an array, or all of it, rounded to bytes."""
        share = share or ALL
        return Span(
            round(shape.logical_bytes * share.logical), round(shape.padded_bytes * share.padded)
        )

    def __add__(self, other: "Span") -> "Span":
        return Span(self.logical + other.logical, self.padded + other.padded)


NOTHING = Span(0, 0)


@dataclass(frozen=True)
class Share:
    """Part of an array that is touched, 0 to 1: of its elements, and of its tiles."""

    logical: float
    padded: float

    def __add__(self, other: "Share") -> "Share":
        return Share(min(1.0, self.logical + other.logical), min(1.0, self.padded + other.padded))

    def __mul__(self, other: "Share") -> "Share":
        return Share(self.logical * other.logical, self.padded * other.padded)

    @staticmethod
    def of(part: Span, whole: Shape) -> "Share":
        logical, padded = whole.logical_bytes, whole.padded_bytes
        return Share(
            min(1.0, part.logical / max(1, logical)), min(1.0, part.padded / max(1, padded))
        )


ALL = Share(1.0, 1.0)
NONE = Share(0.0, 0.0)


def part_of(whole: Shape, part: Shape) -> Span:
    """`part` as it lies within `whole`, in the tiles of `whole`."""
    if len(part.dimensions) != len(whole.dimensions):
        return Span(part.logical_bytes, min(part.padded_bytes, whole.padded_bytes))
    return Span(part.logical_bytes, whole.padded_bytes_of(part.dimensions))


def read_of_operand(instruction: Instruction, index: int) -> Share:
    """Share of operand `index` that one execution of `instruction` reads."""
    if instruction.opcode == "fusion":
        parameter = instruction.called.parameters.get(index)
        uses = _uses_in_fusion(instruction.called)
        return NONE if parameter is None else uses.of(parameter)
    return _share_of_one_use(instruction, index, "buffer", _written_result)


def write_of_result(instruction: Instruction) -> list[tuple[Path, Shape, Span]]:
    """Each array of the result with its place and the part of it that is written."""
    return [
        (path, shape, _written(Value(instruction), path, shape))
        for path, shape in instruction.shape.leaves
    ]


def _written(value: Value, path: tuple[int, ...], shape: Shape) -> Span:
    """The updates where the array takes over the buffer that it updates, else all of it."""
    maker, which = _element(value, path)
    total = NOTHING
    while maker is not None and maker.made_by.opcode in UPDATING:
        buffer, update = _updates(maker.made_by, which)
        operands, whole = maker.made_by.operands, maker.made_by.shape
        total += part_of(whole.parts[which] if whole.is_tuple else whole, operands[update].shape)
        maker, which = _element(Value(operands[buffer], maker.frame), (), THROUGH_LAYOUTS)
        if maker is None:
            break
        from_outside = maker.frame is None
        if from_outside and _in_place(instruction=value.made_by, buffer=maker, shape=shape):
            return total
    return Span.of(shape)


def _in_place(instruction: Instruction, buffer: Value, shape: Shape) -> bool:
    """Whether a result may take over the memory of `buffer`, which was there before the fusion."""
    if instruction.opcode != "fusion":
        return True
    return any(array.layout == shape.layout for array in buffer.made_by.shape.arrays())


def _updates(one: Instruction, which: int) -> tuple[int, int]:
    """Operands of an update: what is updated, and by what; a scatter may have several of both."""
    if one.opcode == "dynamic-update-slice":
        return 0, 1
    return which, _arrays(one) + 1 + which


def _arrays(scatter: Instruction) -> int:
    """How many arrays a scatter updates: they come first, then their indices, then the updates."""
    return (len(scatter.operands) - 1) // 2


def _element(
    value: Value, path: Path, through: frozenset[str] = RENAMING
) -> tuple[Value | None, int]:
    """The maker of an array in a value, and which of the maker's results it is."""
    value = follow(value, through)
    for index in path:
        if value.made_by.opcode == "scatter":
            return value, index
        if value.made_by.opcode != "tuple":
            return None, 0
        value = follow(value.operand(index), through)
    if value.made_by.opcode == "get-tuple-element":
        whole = follow(value.operand(0), through)
        if whole.made_by.opcode == "scatter":
            return whole, value.made_by.tuple_index
    return value, 0


def _written_result(state: State, index: int | None = None) -> Share:
    """What is read of a value that is handed on whole: nothing where it only stays in place."""
    return NONE if state == "updated" else ALL


@dataclass
class _Uses:
    """What is used of the values in a fused computation.

    `outside` says what is used of its result, or of element `index` of it.
    """

    computation: Computation
    outside: Callable[[State, int | None], Share]
    sums: dict[tuple[Instruction, State], Share] = field(default_factory=dict)

    def of(self, value: Instruction, state: State = "buffer") -> Share:
        key = (value, state)
        if key not in self.sums:
            self._use_the_last_first(value)
            self.sums[key] = self._sum(value, state)
        return self.sums[key]

    def _use_the_last_first(self, value: Instruction) -> None:
        """Ask what comes behind `value` from the end on: a long chain is no deep recursion then."""
        instructions = self.computation.instructions
        if not self.sums and len(instructions) > LONG:
            for one in reversed(instructions[instructions.index(value) + 1 :]):
                for state in STATES:
                    self.sums[one, state] = self._sum(one, state)

    def _sum(self, value: Instruction, state: State) -> Share:
        share = self.outside(state, None) if value is self.computation.root else NONE
        for user in self.computation.users(value):
            for index, operand in enumerate(user.operands):
                if operand is value and share != ALL:
                    share += self._by(user, index, state)
        return share

    def _by(self, user: Instruction, index: int, state: State) -> Share:
        """Share of its operand `index` that `user` needs."""
        if user.opcode == "tuple":
            handed_on = user is self.computation.root
            return self.outside(state, index) if handed_on else self._element(user, index, state)
        if user.opcode in RENAMING or user.opcode == "get-tuple-element":
            return self.of(user, state)
        if user.opcode == "fusion":
            inner = _Uses(user.called, lambda state, index: self._result(user, state, index))
            parameter = user.called.parameters.get(index)
            return NONE if parameter is None else inner.of(parameter, state)
        return _share_of_one_use(user, index, state, lambda state: self.of(user, state))

    def _result(self, fusion: Instruction, state: State, index: int | None) -> Share:
        """What is used of the result of a fusion in this one, or of element `index` of it."""
        if index is None:
            return self.of(fusion, state)
        handed_on = fusion is self.computation.root
        share = self.outside(state, index) if handed_on else NONE
        return share + self._element(fusion, index, state)

    def _element(self, whole: Instruction, index: int, state: State) -> Share:
        share = NONE
        for user in self.computation.users(whole):
            if user.opcode == "get-tuple-element" and user.tuple_index == index:
                share += self.of(user, state)
        return share


@lru_cache(maxsize=1)  # operands of one fusion are asked for one after another
def _uses_in_fusion(computation: Computation) -> _Uses:
    return _Uses(computation, _written_result)


def _share_of_one_use(
    user: Instruction, index: int, state: State, used: Callable[[State], Share]
) -> Share:
    """Share of operand `index` that `user` needs, of whose result `used` is needed."""
    operand = user.operands[index].shape
    if user.opcode in SLICING and index == 0:
        return Share.of(part_of(operand, user.shape), operand) * used("derived")
    if user.opcode == "pad" and index == 0:
        return used("derived")  # a windowed einsum slices its chunks out of a padded weight
    if user.opcode in UPDATING and index < (_arrays(user) if user.opcode == "scatter" else 1):
        return used("derived" if state == "derived" else "updated")
    if user.opcode == "copy":
        return used("derived" if state == "updated" else state)
    if user.opcode in ELEMENT_BY_ELEMENT and operand.elements == user.shape.elements:
        return used("derived")
    return ALL
