"""Capturing a generation: what is kept, what is left of one that fails, and what is said then."""

from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from rooflink.model.generation.engine import Observer
from rooflink.profiling.errors import Silent
from rooflink.profiling.measured import trace_capture as run
from rooflink.profiling.measured.run import PhaseClock
from rooflink.profiling.measured.trace_capture import PhaseSteps, capture
from rooflink.profiling.measured.trace_events import read_planes
from rooflink.profiling.measured.trace_scopes import read_windows


def generation(observer: Observer) -> None:
    """Two phases of next to nothing."""
    for phase in ("think", "odd:name"):
        observer.begins(phase)
        jnp.arange(8).sum().block_until_ready()
        observer.advanced(phase, 1, 1)
        observer.ends(phase)


def interrupted(observer: Observer) -> None:
    observer.begins("think")
    raise KeyboardInterrupt


def test_phases_are_steps_in_a_session_that_takes_the_place_of_the_last(tmp_path: Path) -> None:
    session = tmp_path / "plugins/profile/measured"
    session.mkdir(parents=True)
    (session / "ALL_HOSTS.op_stats_v2.pb").write_bytes(b"of the last")
    steps = PhaseSteps()
    file = capture(generation, steps, tmp_path)
    assert list(session.iterdir()) == [file]
    assert [path.name for path in tmp_path.iterdir()] == ["plugins"]
    (host,) = (plane for plane in read_planes(file) if plane.name == "/host:CPU")
    stretches = read_windows(host).stretches
    assert [phase for _, _, phase in stretches] == ["think", "odd_name"]
    assert stretches[0][1] <= stretches[1][0]
    assert steps.time_s.keys() == {"think", "odd:name"}


def test_an_interrupted_trace_leaves_nothing_and_ends(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        capture(interrupted, PhaseSteps(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert capture(generation, PhaseSteps(), tmp_path).exists()


def test_a_trace_that_is_under_way_is_an_error(tmp_path: Path) -> None:
    jax.profiler.start_trace(tmp_path / "other")
    try:
        with pytest.raises(RuntimeError, match="profile"):
            capture(generation, PhaseSteps(), tmp_path)
    finally:
        jax.profiler.stop_trace()
    assert not (tmp_path / "plugins").exists()


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (KeyboardInterrupt(), "the traced generation was interrupted"),
        (OSError(28, "No space left on device"), "written to {}: No space left on device"),
        (RuntimeError("only one\nat a time"), "tracing is not available here: only one"),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, problem: str
) -> None:
    def fails(*_: object) -> Path:
        raise error

    monkeypatch.setattr(run, "capture", fails)
    runs = SimpleNamespace(interrupted=False, clocks=[[PhaseClock()]])
    found = run.trace_generation(generation, runs, tmp_path, Silent())  # type: ignore[arg-type]
    assert str(found.problem).endswith(problem.format(tmp_path))
    assert (found.scopes, found.session, found.overhead) == ([], None, None)


def test_an_interrupted_run_is_not_traced(tmp_path: Path) -> None:
    runs = SimpleNamespace(interrupted=True)
    found = run.trace_generation(generation, runs, tmp_path, Silent())  # type: ignore[arg-type]
    assert "interrupted before" in str(found.problem)
