"""Self times of sessions made by hand: every nanosecond is known."""

from pathlib import Path

import pytest
from sample_programs import two_phases
from traced_sessions import EXECUTE, RECORD, START, STOP, WAIT, phase, session, thunk

from rooflink.profiling.compiled.xprof import write_session
from rooflink.profiling.compiled.xprof.xplane import XSpace
from rooflink.profiling.measured.trace_capture import read_trace
from rooflink.profiling.records import Trace
from rooflink.tpu_configs.catalog import load_chip


def nanoseconds(trace: Trace) -> dict[tuple[str, str], int]:
    return {(row.phase, row.scope): round(row.self_time_s * 1e9) for row in trace.scopes}


def test_self_time_is_what_children_leave(tmp_path: Path) -> None:
    """A loop of 100 ns holds an executor of 90, which holds matmuls of 50 and 20."""
    found = read_trace(session(tmp_path, [[
        phase("think", 0, 1000), thunk("while.1", 10, 100), (EXECUTE, 15, 90, {}),
        thunk("dot.1", 20, 50), thunk("scores.1", 75, 20), ("end: scores.1", 95, 2, {}),
    ]]))  # fmt: skip
    assert nanoseconds(found) == {
        ("think", "mlp"): 50,
        ("think", "attention/scores"): 20,
        ("think", "unattributed"): 30,
    }
    assert round(found.dispatch_s * 1e9) == 30
    assert (found.clock, found.lines, found.problem) == ("CPU threads", 1, None)
    assert found.attributed_share == pytest.approx(70 / 100)


def test_what_a_thunk_hands_to_its_pool_is_its_own_work(tmp_path: Path) -> None:
    """dot.1 hands a task to a second thread, and that one another to a third."""
    found = read_trace(session(tmp_path, [
        [phase("think", 0, 1000), thunk("dot.1", 0, 100), (RECORD, 10, 0, {"_p": 1})],
        [(START, 20, 0, {"_c": 1}), (RECORD, 25, 0, {"_p": 2}), (STOP, 60, 0, {})],
        [(START, 30, 0, {"_c": 2}), (STOP, 90, 0, {})],
    ]))  # fmt: skip
    assert nanoseconds(found) == {("think", "mlp"): 100 + 40 + 60}
    assert found.lines == 3


def test_a_task_of_the_executor_is_nobodys_but_for_the_thunks_in_it(tmp_path: Path) -> None:
    found = read_trace(session(tmp_path, [
        [phase("think", 0, 1000), (EXECUTE, 0, 100, {}), (RECORD, 50, 0, {"_p": 1})],
        [(START, 60, 0, {"_c": 1}), thunk("dot.1", 70, 20), (STOP, 100, 0, {})],
        [(START, 60, 0, {"_c": 99}), (STOP, 65, 0, {})],
    ]))  # fmt: skip
    assert nanoseconds(found) == {("think", "unattributed"): 100 + 20 + 5, ("think", "mlp"): 20}


def test_waits_are_not_counted(tmp_path: Path) -> None:
    """One thread waits for the other all the time; the other waits inside its matmul."""
    found = read_trace(session(tmp_path, [
        [phase("think", 0, 1000), (START, 0, 0, {"_c": 5}), (WAIT, 0, 500, {}), (STOP, 500, 0, {})],
        [thunk("dot.1", 0, 400), ("SlinkyThreadPool::Await", 100, 150, {})],
    ]))  # fmt: skip
    assert nanoseconds(found) == {("think", "mlp"): 250}
    assert found.lines == 1


def test_the_phase_is_that_of_the_annotation_around_it(tmp_path: Path) -> None:
    """The same program runs while revising; between phases its own scopes say which it is."""
    found = read_trace(session(tmp_path, [[
        phase("prefill", 0, 100), thunk("dot.1", 10, 10), phase("revise", 200, 100),
        thunk("dot.1", 210, 20), thunk("dot.1", 400, 40), thunk("dot.1", 500, 3, program=8),
    ]]))  # fmt: skip
    assert nanoseconds(found) == {
        ("prefill", "mlp"): 10,
        ("revise", "mlp"): 20,
        ("think", "mlp"): 40,
        ("unattributed", "unattributed"): 3,
    }
    assert found.dispatch_s == 0
    assert found.attributed_share == pytest.approx(70 / 73)


def test_tasks_that_point_at_each_other_end(tmp_path: Path) -> None:
    found = read_trace(session(tmp_path, [
        [(START, 0, 0, {"_c": 1}), (RECORD, 5, 0, {"_p": 2}), (STOP, 10, 0, {})],
        [(START, 0, 0, {"_c": 2}), (RECORD, 5, 0, {"_p": 1}), (STOP, 10, 0, {})],
    ]))  # fmt: skip
    assert nanoseconds(found) == {("unattributed", "unattributed"): 20}


def test_a_tpus_cores_are_read_instead_of_the_host(tmp_path: Path) -> None:
    """The session that `compile --xprof` writes has a TPU's plane, with known durations."""
    phases = two_phases()
    path = write_session(phases, load_chip("v5e"), tmp_path, "tiny")
    space = XSpace.FromString(path.read_bytes())
    (line,) = (line for line in space.planes[0].lines if line.name == "XLA Ops")
    kinds = {entry.key: entry.value.display_name for entry in space.planes[0].event_metadata}
    lengths = [(kinds[event.metadata_id], event.duration_ps) for event in line.events]
    found = read_trace(path)
    assert (found.clock, found.lines) == ("TPU cores", 1)
    times = {(row.phase, row.scope): row.self_time_s * 1e12 for row in found.scopes}
    dots = [length for name, length in lengths if name == "dot.1"]
    assert times["prefill", "mlp"] == pytest.approx(dots[0])
    assert times["think", "mlp"] == pytest.approx(dots[1])
    whole = sum(length for _, length in lengths)
    assert found.thread_s * 1e12 == pytest.approx(whole)


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"\x0a\xff", "vm.xplane.pb is damaged"), (b"", "no instruction of a compiled program")],
)
def test_a_file_without_work_is_a_sentence(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(data)
    found = read_trace(path)
    assert found.scopes == []
    assert problem in str(found.problem)
    assert "no trace at" in str(read_trace(tmp_path / "missing").problem)
