"""For which phase and scope the instructions of traced programs work, from the programs' HLO.

A trace carries the optimized HLO of every program that ran in it, each under its own number, so
that places are those of the very program whose instructions were timed. They are read as the
compiled lens reads them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..compiled.hlo.reading import parse_module
from ..compiled.traffic.walk import module_traffic
from ..errors import ProfileInputError
from ..record import UNATTRIBUTED
from .space import Plane
from .work import Op

PLANE = "/host:metadata"
_STAT = "Hlo Proto"
_NUMBER = re.compile(r"\((\d+)\)$")  # 'jit_think(32)'

CONTAINERS = frozenset({"while", "call", "conditional"})
"""Opcodes whose own time, without what is inside them, is XLA's and no scope's."""


@dataclass(frozen=True)
class OpPlace:
    """Phase and scope of an instruction; `container` if it only runs others."""

    phase: str = UNATTRIBUTED
    scope: str = UNATTRIBUTED
    container: bool = False


NOWHERE = OpPlace()
_CONTAINER = OpPlace(container=True)


@dataclass(frozen=True)
class Places:
    """Places of the instructions of all programs in a trace."""

    _by_op: dict[Op, OpPlace] = field(default_factory=dict)

    def of(self, op: Op) -> OpPlace:
        """Where it works; `NOWHERE` for an instruction or program that the trace does not hold."""
        return self._by_op.get(op, NOWHERE)


def read_places(planes: Iterable[Plane], wanted: set[int]) -> Places:
    """Places in the programs with the numbers `wanted`; what cannot be read is left out."""
    found: dict[Op, OpPlace] = {}
    for plane in planes:
        if plane.name != PLANE:
            continue
        for title, stats in plane.kinds():
            number = _NUMBER.search(title)
            if number and int(number[1]) in wanted and isinstance(stats.get(_STAT), bytes):
                found.update(_of_program(int(number[1]), title, stats[_STAT]))
    return Places(found)


def _of_program(number: int, title: str, hlo_proto: bytes) -> dict[Op, OpPlace]:
    try:
        module = parse_module(hlo_proto, title)
    except ProfileInputError:
        return {}
    found = {
        Op(number, one.name): _CONTAINER
        for one in module.instructions()
        if one.opcode in CONTAINERS
    }
    for row in module_traffic(module).rows:
        found[Op(number, row.name)] = OpPlace(row.phase, row.scope, row.opcode in CONTAINERS)
    return found
