"""A profiler's sessions of any content."""

import tempfile
from pathlib import Path
from random import Random

from fuzz_messages import mutated_message
from fuzzing import (
    Reader,
    assert_one_sentence,
    assert_reads_or_refuses,
    file_reader,
    mutated_bytes,
    seeded,
)
from hypothesis import given
from sample_programs import two_phases
from traced_sessions import EXECUTE, RECORD, START, STOP, WAIT, phase, session, thunk

from rooflink.profiling.compiled.xprof import write_session
from rooflink.profiling.compiled.xprof.xplane import XSpace
from rooflink.profiling.measured.trace_capture import read_trace
from rooflink.profiling.records import Trace
from rooflink.tpu_configs.catalog import load_chip


def sessions() -> list[bytes]:
    """One of a CPU's threads, and one of a TPU's core."""
    with tempfile.TemporaryDirectory() as folder:
        host = session(Path(folder), [
            [phase("think", 0, 1000), thunk("while.1", 10, 100), (EXECUTE, 15, 90, {}),
             thunk("dot.1", 20, 50), (RECORD, 30, 0, {"_p": 1})],
            [(START, 40, 0, {"_c": 1}), (WAIT, 45, 5, {}), (STOP, 60, 0, {})],
        ])  # fmt: skip
        core = write_session(two_phases(), load_chip("v5e"), Path(folder), "tiny")
        return [host.read_bytes(), core.read_bytes()]


VALID = sessions()
NAMES = (EXECUTE, RECORD, START, STOP, WAIT, "", "/host:CPU", "/device:TPU:0", "XLA Ops", "phase",
         "hlo_op", "program_id", "jit_think(7)", f"jit_think({'9' * 5000})", "\x1b[31m",
         "x" * 9999)  # fmt: skip
READERS: dict[str, Reader] = {"xspace": file_reader(read_trace, "vm.xplane.pb")}


def says_why(result: object) -> None:
    assert isinstance(result, Trace)
    if result.problem is not None:
        assert_one_sentence(result.problem)


@seeded
def mutated_sessions(by: Random) -> bytes:
    space = XSpace.FromString(by.choice(VALID))
    mutated_message(by, space, NAMES)
    return space.SerializeToString()


def test_valid_sessions_are_read() -> None:
    for data in VALID:
        trace = assert_reads_or_refuses(READERS["xspace"], data, says_why)
        assert isinstance(trace, Trace)
        assert trace.scopes


@given(mutated_sessions())
def test_a_changed_session_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["xspace"], data, says_why)


@given(mutated_bytes(VALID))
def test_a_damaged_session_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["xspace"], data, says_why)
