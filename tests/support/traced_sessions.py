"""Profiler sessions made by hand."""

from collections.abc import Sequence
from pathlib import Path

from hlo_text import proto_of_text
from sample_programs import THINK

from rooflink.profiling.compiled.xprof.xplane import PlaneWriter, XSpace

PROGRAM = 7
EXECUTE, WAIT = "ThunkExecutor::Execute", "ThunkExecutor::Execute (wait for completion)"
RECORD, START, STOP = (f"ThreadpoolListener::{what}" for what in
                       ("Record", "StartRegion", "StopRegion"))  # fmt: skip

HostEvent = tuple[str, int, int, dict[str, int | str]]  # name, start and length in ns, stats


def thunk(name: str, start_ns: int, length_ns: int, program: int = PROGRAM) -> HostEvent:
    return name, start_ns, length_ns, {"hlo_op": name, "program_id": program}


def phase(name: str, start_ns: int, length_ns: int) -> HostEvent:
    return name, start_ns, length_ns, {"phase": name, "step_num": 0}


def session(folder: Path, threads: Sequence[Sequence[HostEvent]]) -> Path:
    """A file with these threads, and the program of `THINK` as number 7."""
    space = XSpace()
    host = PlaneWriter(space.planes.add(), 1, "/host:CPU")
    for number, events in enumerate(threads):
        line = host.add_line(f"tf_XLAEigen/{number}")
        for name, start_ns, length_ns, stats in events:
            host.add_event(line, host.add_kind(name), start_ns * 1000, length_ns * 1000, stats)
    bare = proto_of_text(THINK)
    whole = b"\x0a" + bytes((len(bare) & 0x7F | 0x80, len(bare) >> 7)) + bare
    programs = PlaneWriter(space.planes.add(), 2, "/host:metadata")
    programs.add_kind(f"jit_think({PROGRAM})", {"Hlo Proto": whole})
    path = folder / "vm.xplane.pb"
    path.write_bytes(space.SerializeToString())
    return path
