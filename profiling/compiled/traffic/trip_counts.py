"""How often a loop's body runs.

The compiler's own figure where it left one (`known_trip_count`, kept by the CPU backend). TPU
programs have none: there the condition is read. Mostly it compares a counter that grows by a
constant with a bound, which gives the trips at once. Other conditions over integers that no
data enters are followed run by run. Where the bound is a counter of a loop around it, as in causal
blocks, the runs are added up over that loop's. A condition may also be the `and` of such a
comparison and something else, which can only end the loop earlier.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..hlo.module import Instruction, Module
from .integers import (
    COMPARISONS,
    Around,
    Integers,
    State,
    UnknownError,
    VariesError,
    is_integer,
    start_of,
    wrapped,
)
from .sources import Element, Homes, Path, Value, body_and_condition
from .traffic import TripSource

MOST_FOLLOWED = 40_000
"""Integers of carries that are worked out, run by run, in a module: 2 s at most."""

_MIRRORED = {"LT": "GT", "GT": "LT", "LE": "GE", "GE": "LE"}
_NEGATED = {"LT": "GE", "GE": "LT", "GT": "LE", "LE": "GT", "EQ": "NE", "NE": "EQ"}


@dataclass(frozen=True)
class Trips:
    """Runs of a loop's body over all its entries; once an entry, with the reason, where they are
    unknown."""

    runs: int
    source: TripSource
    early_exit: bool = False
    reason: str = ""


Count = tuple[int, bool]
"""Trips of one entry, and whether something may end them earlier."""


class LoopReader:
    """Trips of the loops of one module. `given` overrides them by the loop's name."""

    def __init__(self, module: Module, given: Mapping[str, float]):
        self._homes = Homes(module)
        self._integers = Integers(self._homes)
        self._given = given
        self._followed = 0

    def trips(self, loop: Instruction, entered: int, around: Around) -> Trips:
        """How often the body of the `while` instruction `loop` runs, entered so often inside the
        loops `around`."""
        if loop.name in self._given:
            return Trips(round(entered * self._given[loop.name]), "given")
        if (stated := _stated(loop)) is not None:
            return Trips(entered * stated, "compiler")
        try:
            try:
                count, early_exit = self._count(loop, around, {})
                return Trips(entered * count, "derived", early_exit)
            except VariesError as varies:
                return self._summed(loop, entered, around, {varies.loop})
        except UnknownError as problem:
            return Trips(entered, "unknown", reason=str(problem))

    def branch_runs(
        self, conditional: Instruction, entered: int, around: Around
    ) -> tuple[int, ...] | None:
        """Runs of each branch of a conditional that runs so often inside the loops `around`; None
        where only a run knows."""
        varying: set[Instruction] = set()
        while True:
            runs = [0] * len(conditional.calls)
            try:
                for state, weight in self._states(around, varying):
                    index = self._integers.value(
                        Element(Value(conditional.operands[0])), around, state
                    )
                    if conditional.operands[0].shape.element_type == "pred":
                        index = 0 if index else 1  # the branch for true comes first
                    last = len(runs) - 1
                    runs[index if 0 <= index <= last else last] += weight
            except VariesError as varies:
                if varies.loop in varying:
                    return None
                varying = varying | {varies.loop}
                continue
            except UnknownError:
                return None
            return tuple(runs) if sum(runs) == entered else None

    def _summed(
        self, loop: Instruction, entered: int, around: Around, varying: set[Instruction]
    ) -> Trips:
        """The runs added up over those of the loops on whose carry they depend."""
        while True:
            runs, entries, early = 0, 0, False
            try:
                for state, weight in self._states(around, varying):
                    count, early_exit = self._count(loop, around, state)
                    runs, entries = runs + weight * count, entries + weight
                    early = early or early_exit
                if entries != entered:  # inside a branch that is not always taken
                    runs, early = max(runs, entered), True
                return Trips(runs, "derived", early)
            except VariesError as varies:
                if varies.loop in varying:
                    raise UnknownError("its bound depends on what only a run knows") from None
                varying = varying | {varies.loop}

    def _states(self, around: Around, varying: set[Instruction]) -> Iterator[tuple[State, int]]:
        """The carries of the loops that vary, in each of their runs, and how often each comes."""
        if not around:
            yield {}, 1
            return
        *outer, inner = around
        outside = tuple(outer)
        for state, weight in self._states(outside, varying):
            try:
                count, _ = self._count(inner, outside, state)
            except VariesError:
                raise
            except UnknownError:
                count = 1  # as it is counted
            if inner in varying:
                for run in self._runs(inner, outside, state, count):
                    yield {**state, **run}, weight
            else:
                yield state, weight * count

    def _count(self, loop: Instruction, around: Around, state: State) -> Count:
        """Trips of one entry, while the loops around it are in `state`."""
        if loop.name in self._given:
            return round(self._given[loop.name]), False
        if (stated := _stated(loop)) is not None:
            return stated, False
        condition = Element(Value(body_and_condition(loop)[1].root))
        try:
            return self._bounded(condition, loop, around, state)
        except VariesError as varies:
            if varies.loop is not loop:
                raise
            reason = "no counter that grows by a constant was found in its condition"
        except UnknownError as problem:
            reason = str(problem)
        try:
            return self._follow(condition, loop, around, state)
        except VariesError as varies:
            if varies.loop is not loop:
                raise
        except UnknownError:
            pass
        raise UnknownError(reason)

    def _bounded(
        self, condition: Element, loop: Instruction, around: Around, state: State
    ) -> Count:
        """Trips that the condition allows, by counters and their bounds."""
        parts = self._conjuncts(condition)
        counts, problem = [], UnknownError("its condition is empty")
        for part, negated in parts:
            try:
                counts.append(self._counted(part, negated, loop, around, state))
            except VariesError as varies:
                if varies.loop is not loop and all(varies.loop is not at for at, _ in state):
                    raise  # once that loop's carry is there, it is data
                problem = varies
            except UnknownError as error:
                problem = error
        if not counts:
            raise problem
        return min(counts), len(counts) < len(parts)

    def _conjuncts(self, condition: Element) -> list[tuple[Element, bool]]:
        """What must hold for the condition to hold, each negated or not."""
        found, left = {}, [(condition, False)]
        while left:
            element, negated = left.pop()
            part = (self._homes.source(element), negated)
            if part in found:
                continue
            opcode = part[0].maker.opcode
            found[part] = opcode not in ("not", "or" if negated else "and")
            if opcode == "not":
                left.append((part[0].operand(0), not negated))
            elif not found[part]:
                left += [(part[0].operand(side), negated) for side in (1, 0)]
        return [part for part, is_last in found.items() if is_last]

    def _counted(
        self, part: Element, negated: bool, loop: Instruction, around: Around, state: State
    ) -> int:
        if part.maker.opcode != "compare":
            raise UnknownError(
                f"its condition is a {part.maker.opcode}, not a comparison with a bound"
            )
        sense = part.maker.comparison_direction
        sense = _NEGATED.get(sense, "") if negated else sense
        sides = [self._homes.source(part.operand(side)) for side in (0, 1)]
        mirrored = _MIRRORED.get(sense, sense)
        for side, seen in ((0, sense), (1, mirrored)):
            counter, bound = sides[side], sides[1 - side]
            if self._homes.carried_by(counter, [loop]) is None:
                continue
            shape = dict(loop.shape.leaves).get(counter.path)
            if shape is None or not is_integer(shape):
                raise UnknownError(f"its counter is {shape}: only integers are followed")
            step = self._step(loop, counter.path, around, state)
            if step is None:
                continue
            start = self._integers.value(start_of(loop, counter.path), around, state)
            end = self._integers.value(bound, (*around, loop), state)
            return _trips_between(start, end, step, seen)
        raise UnknownError("no counter that grows by a constant was found in its condition")

    def _step(self, loop: Instruction, path: Path, around: Around, state: State) -> int | None:
        """What the body adds to its carry at `path`; None if it does something else."""
        new = self._homes.result(loop, path)
        if (
            new.path
            or new.maker.opcode not in ("add", "subtract")
            or not is_integer(new.maker.shape)
        ):
            return None
        sign = 1 if new.maker.opcode == "add" else -1
        sides = [self._homes.source(new.operand(side)) for side in (0, 1)]
        for old, change in (sides, sides[::-1])[: 2 if sign == 1 else 1]:
            if old.path == path and self._homes.carried_by(old, [loop]) is loop:
                try:
                    by = self._integers.value(change, (*around, loop), state)
                except UnknownError:
                    return None
                return _nearest(sign * by, new.maker)
        return None

    def _follow(self, condition: Element, loop: Instruction, around: Around, state: State) -> Count:
        """Trips by running the integers of the carry until the condition fails."""
        early = False
        for count, run in enumerate(self._runs(loop, around, state, MOST_FOLLOWED)):
            goes_on, ends_early = self._goes_on(condition, (*around, loop), {**state, **run})
            early = early or ends_early
            if not goes_on:
                return count, early
        raise UnknownError("its counter does not reach its bound")

    def _goes_on(self, condition: Element, around: Around, state: State) -> tuple[bool, bool]:
        """Whether the condition holds, and whether data may say otherwise."""
        holds, problem = [], UnknownError("its condition is empty")
        parts = self._conjuncts(condition)
        for part, negated in parts:
            try:
                holds.append(bool(self._integers.value(part, around, state)) is not negated)
            except UnknownError as error:
                problem = error
        if not holds:
            raise problem
        return all(holds), len(holds) < len(parts)

    def _runs(
        self, loop: Instruction, around: Around, state: State, most: int
    ) -> Iterator[dict[tuple[Instruction, Path], int]]:
        """The integers in a loop's carry, at the start of each of its runs."""
        now = {}
        for path in _integer_paths(loop):
            try:
                now[loop, path] = self._integers.value(start_of(loop, path), around, state)
            except UnknownError:  # it depends on data, or varies with what is not needed
                continue
        for _ in range(most):
            self._followed += 1 + len(now)
            if self._followed > MOST_FOLLOWED:
                raise UnknownError("its runs are too many to be followed one by one")
            yield now
            inside, later = {**state, **now}, {}
            for key in now:
                try:
                    later[key] = wrapped(
                        self._integers.value(
                            Element(Value(body_and_condition(loop)[0].root), key[1]),
                            (*around, loop), inside,
                        ), loop, key[1],
                    )  # fmt: skip
                except UnknownError:
                    continue
            now = later


def _stated(loop: Instruction) -> int | None:
    stated = loop.config.get("known_trip_count")
    text = str(stated.get("n", "")) if isinstance(stated, dict) else ""
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _integer_paths(loop: Instruction) -> list[Path]:
    return [path for path, shape in loop.shape.leaves if is_integer(shape)]


def _nearest(step: int, maker: Instruction) -> int:
    """A step as one of both signs: adding 2^32 - 1 to a u32 takes 1 away."""
    bits = maker.shape.bits
    step &= (1 << bits) - 1
    return step - (1 << bits) if step >> (bits - 1) else step


def _trips_between(start: int, bound: int, step: int, sense: str) -> int:
    """Trips of `while counter <sense> bound`, counter = start, start + step, ..."""
    if sense in ("LE", "GE"):
        bound += 1 if sense == "LE" else -1
        sense = "LT" if sense == "LE" else "GT"
    if sense in COMPARISONS and not COMPARISONS[sense](start, bound):
        return 0
    if sense == "NE" and step and (bound - start) % step == 0 and (bound - start) // step >= 0:
        return (bound - start) // step
    if (sense == "LT" and step > 0) or (sense == "GT" and step < 0):
        return -(-(bound - start) // step)
    raise UnknownError(f"its counter moves by {step}, away from a bound that it must be {sense}")
