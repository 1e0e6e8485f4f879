"""`rooflink hlo`: what a compiled program moves, by memory, scope, loop and instruction."""

from collections.abc import Mapping, Sequence

from ...compiled.traffic.traffic import HBM, InstructionTraffic, ModuleTraffic
from .. import units
from ..document import Block, Column, Document, Paragraph, Section, Table

_LARGEST = 12


def hlo_document(traffic: ModuleTraffic) -> Document:
    """Totals by memory space and scope, loops, copies and the largest instructions."""
    warned: list[Block] = [
        Paragraph(f"Warning: loop {loop.name} is counted ONCE, so totals are too small: "
                  f"{loop.reason}", note=False)
        for loop in traffic.unresolved_loops
    ]  # fmt: skip
    warned += [
        Paragraph(f"Warning: custom call {call.name} ({call.target}) has no cost estimate: its "
                  "operands and results are counted once", note=False)
        for call in traffic.unknown_calls
    ]  # fmt: skip
    return Document(
        title=traffic.name,
        headline=f"{units.bytes_(traffic.hbm_bytes())} of HBM traffic on one device, "
        f"{units.count(traffic.kernels)} instructions executed (compiled, loops multiplied out)",
        lead=warned,
        sections=[
            Section("", [_sums("memory space", traffic.bytes_by_space())]),
            Section("", [_sums("scope, HBM", traffic.bytes_by_scope())]),
            Section("Loops", [_loops(traffic)]),
            Section("Largest instructions, HBM", [_instructions(traffic.largest(_LARGEST))]),
            Section("Copies made by the compiler", [_instructions(traffic.copies[:_LARGEST])]),
        ],
    )


def _sums(title: str, sums: Mapping[str, int]) -> Table:
    largest = list(sums.items())[:_LARGEST]
    return Table(
        title,
        [
            Column(title, [name or "(none)" for name, _ in largest]),
            Column("bytes", [size for _, size in largest], units.bytes_),
        ],
    )


def _loops(traffic: ModuleTraffic) -> Table:
    loops = traffic.loops
    trips = [f"{'at most ' if loop.early_exit else ''}{units.count(loop.trips)}" for loop in loops]
    return Table(
        "Loops",
        [
            Column("loop", [loop.name for loop in loops]),
            Column("trips", trips, str),
            Column("entered", [loop.times for loop in loops], units.count),
            Column("known from", [loop.source for loop in loops], str),
        ],
    )


def _instructions(rows: Sequence[InstructionTraffic]) -> Table:
    return Table(
        "Instructions",
        [
            Column("instruction", [row.name for row in rows]),
            Column("scope", [row.scope for row in rows]),
            Column("times", [row.times for row in rows], units.count),
            Column("HBM bytes", [row.bytes(HBM) for row in rows], units.bytes_),
        ],
    )
