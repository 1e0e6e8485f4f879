"""Whose data a buffer holds: weights, KV cache, or neither.

The caller names the kinds of the program's parameters. Everything that only renames,
copies, converts, slices or updates such a buffer holds the same kind of data, in and out of loops,
fusions and calls; what is computed from it does not.
"""

from collections.abc import Mapping

from ...predicted.step.collectives import COLLECTIVES, starts_with_tuple
from ..hlo.module import Instruction, Module
from .sources import Path, body_and_condition
from .spans import UPDATING
from .traffic import ACTIVATIONS, OTHER, PARAMETERS

Buffer = tuple[Instruction, Path]

CARRYING = frozenset(
    {
        "add-dependency", "all-reduce-done", "bitcast", "convert", "copy", "domain", "opt-barrier",
        "reduce-precision", "reshape", "transpose",
        *(one.name for one in COLLECTIVES.values() if one.copies),
    }
) | UPDATING  # fmt: skip
"""Opcodes whose result holds the data of their first operand, whole."""

CUTTING = frozenset({"dynamic-slice", "slice"})
"""Opcodes whose result is a part of their first operand."""


class Origins:
    """Kinds of the buffers of one module.

    `parameters` maps a parameter number of the entry computation to a kind. Without it, what comes
    from a parameter is 'parameters' and all else 'other'.
    """

    def __init__(self, module: Module, parameters: Mapping[int, str] | None):
        nothing_named = parameters is None
        self._fallback = OTHER if nothing_named else ACTIVATIONS
        self._above: dict[Buffer, Buffer] = {}
        self._cuts: list[tuple[Buffer, Buffer]] = []
        self._computed: list[Buffer] = []
        self._read: set[tuple[Instruction, int | None]] = set()  # None: all of it
        for computation in module.computations:
            for instruction in computation.instructions:
                self._link(instruction)
                if instruction is computation.root or computation.users(instruction):
                    element = instruction.opcode == "get-tuple-element"
                    index = instruction.tuple_index if element else None
                    self._read.update((operand, index) for operand in instruction.operands)
            self._read.add((computation.root, None))
        self._kinds: dict[Buffer, str] = {}
        self._arguments: dict[Buffer, str] = {}
        self._sources: dict[Buffer, set[Buffer]] = {}
        computed = {self._top(buffer) for buffer in self._computed}
        for number, parameter in module.entry.parameters.items():
            given = PARAMETERS if nothing_named else (parameters or {}).get(number)
            for path, _ in parameter.shape.leaves:
                top = self._top((parameter, path))
                self._arguments.setdefault(top, parameter.op_name or parameter.name)
                if given is not None and not (nothing_named and top in computed):
                    self._kinds[top] = given
        self._pass_to_cuts(computed)

    def _pass_to_cuts(self, computed: set[Buffer]) -> None:
        """A part of a named buffer is of its kind, unless it goes on as something computed.

        So the embedding's row that starts the residual stream is no weight once layers add to it.
        """
        pairs = [(self._top(part), self._top(whole)) for part, whole in self._cuts]
        changed = True
        while changed:
            changed = False
            for part, whole in pairs:
                if part in computed or part == whole or whole not in self._kinds:
                    continue
                self._sources.setdefault(part, set()).add(whole)
                if part not in self._kinds:
                    self._kinds[part] = self._kinds[whole]
                    if whole in self._arguments:
                        self._arguments.setdefault(part, self._arguments[whole])
                    changed = True

    def argument(self, instruction: Instruction, path: Path = ()) -> str:
        """The program's argument whose data the array holds, as 'state.token'; '' if none."""
        return self._arguments.get(self._top((instruction, path)), "")

    def kind(self, instruction: Instruction, path: Path = ()) -> str:
        """Kind of the data in one array of an instruction's result."""
        return self._kinds.get(self._top((instruction, path)), self._fallback)

    def is_read(self, instruction: Instruction, index: int) -> bool:
        """Whether anything takes that part of an instruction's result."""
        return not self._read.isdisjoint([(instruction, index), (instruction, None)])

    def is_named(self, instruction: Instruction, path: Path = ()) -> bool:
        """Whether the array's kind comes from a parameter or result that the caller named."""
        return self._top((instruction, path)) in self._kinds

    def same(self, one: Instruction, path: Path, other: Instruction, other_path: Path) -> bool:
        """Whether the first array holds the data of the second, or a part of it."""
        part, whole = self._top((one, path)), self._top((other, other_path))
        return part == whole or whole in self._sources.get(part, ())

    def _top(self, buffer: Buffer) -> Buffer:
        top = buffer
        while (above := self._above.get(top, top)) != top:
            top = above
        while buffer != top:
            self._above[buffer], buffer = top, self._above[buffer]
        return top

    def _join(self, one: Instruction, path: Path, other: Instruction, other_path: Path) -> None:
        first, second = self._top((one, path)), self._top((other, other_path))
        if first != second:
            self._above[first] = second

    def _join_all(
        self, one: Instruction, prefix: Path, other: Instruction, other_prefix: Path = ()
    ) -> None:
        """Join every array of `other` below `other_prefix` with that of `one` below `prefix`."""
        for path, _ in other.shape.leaves:
            if path[: len(other_prefix)] == other_prefix:
                self._join(one, prefix + path[len(other_prefix) :], other, path)

    def _link(self, instruction: Instruction) -> None:
        opcode, operands = instruction.opcode, instruction.operands
        if opcode == "scatter" and instruction.shape.is_tuple:
            for index, array in enumerate(operands[: len(instruction.shape.parts)]):
                self._join_all(instruction, (index,), array)
        elif starts_with_tuple(opcode):
            for index, operand in enumerate(operands):
                inside = (index,) if len(operands) > 1 else ()
                self._join_all(instruction, (0, *inside), operand)
                if COLLECTIVES[opcode.removesuffix("-start")].copies:
                    self._join_all(instruction, (1, *inside), operand)
        elif opcode in ("all-gather-done", "collective-permute-done"):
            self._join_all(instruction, (), operands[0], (1,))
        elif opcode in CARRYING and operands:
            self._join_all(instruction, (), operands[0])
        elif opcode in CUTTING:
            self._cuts.append(((instruction, ()), (operands[0], ())))
        elif opcode == "tuple":
            for index, operand in enumerate(operands):
                self._join_all(instruction, (index,), operand)
        elif opcode == "get-tuple-element":
            self._join_all(instruction, (), operands[0], (instruction.tuple_index,))
        elif opcode == "copy-start":
            self._join_all(instruction, (0,), operands[0])
            self._join_all(instruction, (1,), operands[0])
        elif opcode == "copy-done":
            self._join_all(instruction, (), operands[0], (0,))
        elif opcode == "while":
            self._link_loop(instruction)
        elif opcode == "conditional":
            for branch, operand in zip(instruction.calls, operands[1:], strict=True):
                self._join_all(branch.parameters[0], (), operand)
                self._join_all(instruction, (), branch.root)
        elif opcode in ("fusion", "call"):
            self._link_call(instruction, instruction, operands)
        elif opcode == "custom-call":
            self._link_custom_call(instruction)
        elif opcode == "async-done":
            start, passed = async_start(instruction)
            self._link_call(instruction, start, passed)
        elif opcode != "parameter":
            self._computed.extend((instruction, path) for path, _ in instruction.shape.leaves)

    def _link_loop(self, loop: Instruction) -> None:
        body, condition = body_and_condition(loop)
        for other in (loop.operands[0], body.parameters[0], body.root, condition.parameters[0]):
            self._join_all(loop, (), other)

    def _link_call(
        self, result: Instruction, caller: Instruction, operands: tuple[Instruction, ...]
    ) -> None:
        self._join_all(result, (), caller.called.root)
        for number, parameter in caller.called.parameters.items():
            if number < len(operands):
                self._join_all(parameter, (), operands[number])

    def _link_custom_call(self, call: Instruction) -> None:
        if runs_what_it_calls(call):
            self._link_call(call, call, call.operands)
        elif call.custom_call_target == "ConcatBitcast":  # pieces that were fetched one by one
            for piece in call.operands:
                self._join_all(call, (), piece)
        else:
            self._computed.extend((call, path) for path, _ in call.shape.leaves)
        for alias in call.output_aliases:
            operand = call.operands[alias.operand]
            self._join(call, alias.output_index, operand, alias.operand_index)


def async_start(done: Instruction) -> tuple[Instruction, tuple[Instruction, ...]]:
    """The start that an async-done waits for, and the operands given to it on the way.

    Updates may pass operands on (libtpu 0.0.52 does so for copies on tpu7x's SparseCores).
    """
    late: tuple[Instruction, ...] = ()
    one = done.operands[0]
    while one.opcode == "async-update":
        late = one.operands[1:] + late
        one = one.operands[0]
    return one, one.operands + late


def runs_what_it_calls(call: Instruction) -> bool:
    """Whether a custom call is but a wrapper of the computation that it calls.

    So run layout copies on tpu7x's SparseCores; a comparator of a sort has another result.
    """
    if len(call.calls) != 1:
        return False
    inner = [shape.dimensions for shape in call.called.root.shape.arrays()]
    return inner == [shape.dimensions for shape in call.shape.arrays()]
