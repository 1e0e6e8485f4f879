"""For which part of the model an instruction works: the named scopes in its metadata.

`op_name` is 'jit(think)/think/while/body/layers/while/body/closed_call/attention/scores/dot': the
scopes that the model names (jax.named_scope), between what JAX itself puts there. The first scope
is the phase where it is one of `model.phases`; the rest, without the loop over layers, is
the component. Instructions that the compiler made have none: they take that of their users, of
their operands, or of the loop around them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ....model.phases import PHASES
from ..hlo.module import Computation, Instruction, Module
from .traffic import UNATTRIBUTED

LAYER_LOOP = "layers"
"""The model's scope around its loop over layers: a place, not a component."""

_FROM_JAX = re.compile(
    r"(while|body|cond|scan|closed_call|eval_jaxpr|core_call|checkpoint|remat\d*"
    r"|rematted_computation|custom_jvp_call|custom_vjp_call|custom_vjp_call_jaxpr|branch_\d+_fun"
    r"|pjit|shard_map|\w+\(.*\)|.*->.*)$"
)
"""Parts of an op_name that are JAX's own: loops, calls and transforms such as jit(f)."""

_REACH = 6
"""How many instructions away a neighbour may lend its scope."""


@dataclass(frozen=True)
class Place:
    """Phase and component of an instruction; `inherited` if they are a neighbour's."""

    phase: str
    scope: str
    inherited: bool = False


NOWHERE = Place(UNATTRIBUTED, UNATTRIBUTED, inherited=True)


def place_of(instruction: Instruction, home: Computation, around: Place, only_moves: bool) -> Place:
    """Where `instruction` of computation `home` belongs; `around` is the loop's place.

    What only moves data (`only_moves`) serves those who use it: where its own metadata names
    no component, theirs does.
    """
    own = _named(instruction)
    if own and (own.scope or not only_moves):
        return own if own.scope else Place(own.phase, UNATTRIBUTED)
    lent = _lent(instruction, home)
    place = lent or own or around
    scope = place.scope or around.scope or UNATTRIBUTED
    return Place(place.phase, scope, inherited=own is None or place is not own)


def place_of_module(module: Module) -> Place:
    """The place of what nothing else claims: the module's phase where it has but one."""
    named = (_parse(one.op_name) for one in module.instructions() if one.op_name)
    phases = {place.phase for place in named if place} - {UNATTRIBUTED}
    return Place(phases.pop(), "", inherited=True) if len(phases) == 1 else NOWHERE


def place_around(loop: Instruction, outer: Place) -> Place:
    """The place that a loop lends to what is inside it."""
    own = _named(loop)
    return Place(own.phase, own.scope, inherited=True) if own else outer


def _named(instruction: Instruction) -> Place | None:
    """The place in its own metadata, or in that of what it fuses: of its matmul first, since
    the fusion carries the name of its root, which may be no more than a scale or a maximum."""
    for name in _names(instruction):
        place = _parse(name)
        if place:
            return place
    return None


def _parse(op_name: str) -> Place | None:
    if "/" not in op_name:
        return None  # an argument's name, 'state.cache.stacks.0.keys'
    first = op_name.split(";")[0]
    scopes = [part for part in first.split("/")[:-1] if not _FROM_JAX.match(part)]
    phase = next((scope for scope in scopes if scope in PHASES), UNATTRIBUTED)
    inside = [scope for scope in scopes if scope not in (phase, LAYER_LOOP)]
    return Place(phase, "/".join(inside))


def _lent(instruction: Instruction, home: Computation) -> Place | None:
    """The place of the nearest user, else of the nearest operand, that has a component."""
    best = None
    directions = ((home.users, _HANDS_ON | {"tuple"}), (lambda one: one.operands, _HANDS_ON))
    for neighbours, passing in directions:
        ring, seen = [instruction], {instruction}
        for _ in range(_REACH):
            passed = [one for one in ring if one is instruction or one.opcode in passing]
            near_by = dict.fromkeys(near for one in passed for near in neighbours(one))
            ring = [near for near in near_by if near not in seen]
            seen.update(ring)
            for near in ring:
                place = _named(near)
                if place and place.scope:
                    return Place(place.phase, place.scope, inherited=True)
                best = best or place
    return best and Place(best.phase, best.scope, inherited=True)


_HANDS_ON = frozenset(
    {
        "async-done", "async-start", "async-update", "bitcast", "copy", "copy-done", "copy-start",
        "get-tuple-element",
    }
)  # fmt: skip


_MATMULS = frozenset({"convolution", "dot"})


def _names(instruction: Instruction) -> Iterator[str]:
    if instruction.opcode == "parameter":
        return
    if instruction.opcode == "fusion":
        yield from (inner.op_name for inner in _matmuls(instruction) if inner.op_name)
    if instruction.op_name:
        yield instruction.op_name
    if instruction.opcode == "fusion":
        yield from _names(instruction.called.root)
        for inner in reversed(instruction.called.instructions):
            if inner.op_name and inner.opcode != "parameter":
                yield inner.op_name


def _matmuls(fusion: Instruction) -> Iterator[Instruction]:
    """Matmuls in a fusion: what it is for, whatever is done to their results on the way out."""
    for inner in fusion.called.instructions:
        if inner.opcode in _MATMULS:
            yield inner
        elif inner.opcode == "fusion":
            yield from _matmuls(inner)
