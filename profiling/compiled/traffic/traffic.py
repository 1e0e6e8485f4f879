"""The traffic of a compiled program: data, and the sums over it.

Bytes are those of one device over one run of the program. `padded` counts whole tiles, as they
lie in memory and are moved; `logical` the elements alone. 1 GB is 10^9 bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["read", "write"]
TripSource = Literal["compiler", "derived", "given", "unknown"]

WEIGHTS = "weights"
KV = "kv"
ACTIVATIONS = "activations"
COLLECTIVE_DATA = "collectives"
PARAMETERS = "parameters"
OTHER = "other"
UNATTRIBUTED = "unattributed"
HBM = "HBM"

COPY_OF = "copy of "
"""Prefix of the kind of data that the compiler wrote to HBM once more: 'copy of kv'."""


@dataclass(frozen=True)
class Access:
    """Bytes that one execution of an instruction reads or writes in one memory space."""

    direction: Direction
    space: str
    kind: str
    logical: int
    padded: int


@dataclass(frozen=True)
class InstructionTraffic:
    """One instruction at one place of the program, and how often it runs there."""

    name: str
    opcode: str
    phase: str
    scope: str
    inherited: bool  # phase and scope are a neighbour's or the loop's: the compiler made it
    times: int
    accesses: tuple[Access, ...]
    cycles: int  # the compiler's estimate for one execution; 0 where it gives none
    loops: tuple[str, ...]  # names of the loops around it, outermost first
    arguments: tuple[str, ...]  # the program's arguments whose data it touches, by their names

    def bytes(
        self,
        space: str | None = HBM,
        kind: str | None = None,
        direction: Direction | None = None,
        padded: bool = True,
    ) -> int:
        return self.times * sum(
            access.padded if padded else access.logical
            for access in self.accesses
            if space in (None, access.space)
            and kind in (None, access.kind)
            and direction in (None, access.direction)
        )


@dataclass(frozen=True)
class Loop:
    """A loop and how often its body runs each time it is entered."""

    name: str
    trips: float  # on average, where a loop around it sets them
    source: TripSource
    early_exit: bool  # the bound is reached only if no data-dependent condition ends it before
    reason: str  # why the trips are unknown; empty where they are known
    times: int  # how often it is entered
    scope: str

    @property
    def runs(self) -> int:
        """Of its body, over all entries."""
        return round(self.trips * self.times)


@dataclass(frozen=True)
class Branch:
    """One way that a conditional can go."""

    name: str  # of its computation
    runs: int  # as counted
    hbm_bytes: int  # over these runs; of one that is not counted, had it always been taken


@dataclass(frozen=True)
class Conditional:
    """A choice. Where only a run knows it, it counts as the branch that moves most HBM bytes."""

    name: str
    times: int
    branches: tuple[Branch, ...]
    exact: bool  # the runs of each branch follow from the program

    @property
    def at_most(self) -> bool:
        """Whether a run may move less than is counted."""
        return not self.exact and len({branch.hbm_bytes for branch in self.branches}) > 1


@dataclass(frozen=True)
class Collective:
    """One exchange between devices. Bytes are those of one device and one execution."""

    name: str
    opcode: str
    operand_bytes: int
    result_bytes: int
    groups: int  # 0 where all devices take part together
    group_size: int
    channel: int
    times: int
    phase: str
    scope: str


@dataclass(frozen=True)
class UnknownCall:
    """A custom call without a cost estimate: operands and results counted once, which may be wrong
    either way."""

    name: str
    target: str
    times: int
    counted_bytes: int  # of one execution, in HBM


@dataclass(frozen=True)
class ModuleTraffic:
    name: str
    rows: tuple[InstructionTraffic, ...]
    loops: tuple[Loop, ...]
    collectives: tuple[Collective, ...]
    unknown_calls: tuple[UnknownCall, ...]
    conditionals: tuple[Conditional, ...] = ()
    dynamic: tuple[str, ...] = ()  # instructions with sizes that are bounds

    @property
    def upper_bounds(self) -> tuple[str, ...]:
        """Why a run may move fewer bytes; loops that may end early apart."""
        texts = []
        for one in self.conditionals:
            if one.at_most:
                taken = max(one.branches, key=lambda branch: branch.runs).name
                texts.append(
                    f"conditional {one.name} counts as if all of its {one.times} runs took "
                    f"{taken}, the branch that moves most"
                )
        if self.dynamic:
            more = f" and {len(self.dynamic) - 1} more" if len(self.dynamic) > 1 else ""
            texts.append(f"{self.dynamic[0]}{more} of dynamic size counts at its bound")
        return tuple(texts)

    @property
    def unresolved_loops(self) -> tuple[Loop, ...]:
        """Loops whose trips could not be found: counted once each, so totals are too small."""
        return tuple(loop for loop in self.loops if loop.source == "unknown")

    @property
    def stated_bytes(self) -> int:
        """HBM bytes that kernels (Pallas) state of themselves: no HLO shows what they move."""
        unknown = {call.name for call in self.unknown_calls}
        kernels = [row for row in self.rows if row.opcode == "custom-call"]
        return sum(row.bytes(HBM) for row in kernels if row.name not in unknown)

    @property
    def kernels(self) -> int:
        """Instructions executed, loops multiplied out; those that only name data left out."""
        return sum(row.times for row in self.rows)

    @property
    def estimated_cycles(self) -> int:
        """Sum of the compiler's own cycle estimates; copies and custom calls often have none."""
        return sum(row.cycles * row.times for row in self.rows)

    def hbm_bytes(
        self, kind: str | None = None, direction: Direction | None = None, padded: bool = True
    ) -> int:
        """HBM bytes of that kind and direction, or of any."""
        return sum(row.bytes(HBM, kind, direction, padded) for row in self.rows)

    def bytes_by_space(self, direction: Direction | None = None) -> dict[str, int]:
        return self._sums(lambda row, access: access.space, direction)

    def bytes_by_kind(self) -> dict[str, int]:
        return self._sums(lambda row, access: access.kind)

    def bytes_by_scope(self) -> dict[str, int]:
        return self._sums(lambda row, access: row.scope)

    @property
    def copies(self) -> tuple[InstructionTraffic, ...]:
        """Rows in which the compiler writes data to HBM once more, the largest first."""
        rows = [row for row in self.rows if any(a.kind.startswith(COPY_OF) for a in row.accesses)]
        return tuple(sorted(rows, key=InstructionTraffic.bytes, reverse=True))

    def largest(self, count: int) -> tuple[InstructionTraffic, ...]:
        return tuple(sorted(self.rows, key=InstructionTraffic.bytes, reverse=True)[:count])

    def _sums(
        self,
        key: Callable[[InstructionTraffic, Access], str],
        direction: Direction | None = None,
    ) -> dict[str, int]:
        """Padded bytes by `key`; of HBM alone unless the key is the memory space itself."""
        sums: dict[str, int] = {}
        for row in self.rows:
            for access in row.accesses:
                name = key(row, access)
                counted = access.space in (HBM, name) and direction in (None, access.direction)
                if counted:
                    sums[name] = sums.get(name, 0) + access.padded * row.times
        return dict(sorted(sums.items(), key=lambda item: -item[1]))
