"""`rooflink profile --trace` from the outside: a session, a table, and how it does without."""

from pathlib import Path

import jax
import pytest

from rooflink.profiling.record import UNATTRIBUTED, Trace
from rooflink.profiling.store import load_profile
from rooflink.profiling.trace import capture, run
from rooflink.profiling.trace.run import read_trace

SMALL = ("--prompts", "hi", "--attempts", 2, "--think-budget", 6, "--answer-budget", 3,
         "--repeats", 1, "--compile", "none", "--trace", "--out", "run")  # fmt: skip
SESSION = Path("run/plugins/profile/measured")


def trace() -> Trace:
    found = load_profile(Path("run")).trace
    assert found is not None
    return found


def test_a_trace_has_a_session_and_the_scopes_of_each_phase(rooflink, tiny_folder: Path) -> None:
    for _ in range(2):  # the second takes the place of the first
        done = rooflink("profile", "--model", tiny_folder, *SMALL)
        assert done.code == 0, done.err
        (file,) = SESSION.iterdir()
        assert not list(Path("run").glob(".trace*"))
    found = trace()
    assert found.problem is None
    assert found.session == "plugins/profile/measured"
    assert (found.clock, found.scopes) == ("CPU threads", read_trace(file).scopes)
    scopes = {(row.phase, row.scope) for row in found.scopes}
    for phase in ("prefill", "think", "answer"):
        assert {(phase, "mlp"), (phase, "attention/projections"), (phase, "head")} <= scopes
    assert all(row.self_time_s > 0 for row in found.scopes)
    assert found.dispatch_s <= sum(r.self_time_s for r in found.scopes if r.scope == UNATTRIBUTED)
    assert found.traced_s is not None
    assert found.untraced_s is not None
    assert len(found.untraced_s.repeats) == 1
    assert "attention/projections" in done.out
    assert "Where the time goes" in Path("run/report.html").read_text()


def test_costs_alone_cannot_be_traced(rooflink) -> None:
    done = rooflink("profile", "--weights", "none", "--trace", "--out", "run")
    assert done.code == 2
    assert "choose --weights own or random" in done.err
    assert not Path("run").exists()


def test_a_trace_that_is_under_way_costs_the_table_alone(
    rooflink, tiny_folder: Path, tmp_path: Path
) -> None:
    jax.profiler.start_trace(tmp_path / "other")
    try:
        done = rooflink("profile", "--model", tiny_folder, *SMALL)
    finally:
        jax.profiler.stop_trace()
    assert done.code == 0, done.err
    assert "tracing is not available here" in str(trace().problem)
    assert "tracing is not available here" in done.out
    assert trace().scopes == []
    assert not SESSION.exists()


def test_ctrl_c_while_tracing_keeps_what_was_measured(
    rooflink, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advanced = capture.PhaseSteps.advanced

    def pressed(self: capture.PhaseSteps, phase: str, passes: int, active: int) -> None:
        advanced(self, phase, passes, active)
        if phase == "think":
            raise KeyboardInterrupt

    monkeypatch.setattr(capture.PhaseSteps, "advanced", pressed)
    done = rooflink("profile", "--model", tiny_folder, *SMALL)
    assert done.code == 0, done.err
    assert "interrupted" in str(trace().problem)
    assert load_profile(Path("run")).machine is not None
    assert not SESSION.exists()
    monkeypatch.undo()
    jax.profiler.start_trace(Path.cwd() / "next")  # nothing was left running
    jax.profiler.stop_trace()


def test_a_folder_that_is_none_costs_the_table_alone(
    rooflink, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "capture", full)
    done = rooflink("profile", "--model", tiny_folder, *SMALL)
    assert done.code == 0, done.err
    assert "No space left on device" in str(trace().problem)


@pytest.mark.slow
def test_smollm2_is_known_by_phase_and_scope(rooflink) -> None:
    """The promise: at least 85 % of thread time has a phase and a scope."""
    done = rooflink("profile", "--model", "smollm2-135m", "--limit", 2, *SMALL[2:])
    assert done.code == 0, done.err
    assert trace().attributed_share >= 0.85
    assert {row.scope for row in trace().scopes} >= {
        "embedding", "attention/projections", "attention/scores", "attention/softmax",
        "attention/values", "attention/cache", "mlp", "head", "sampling",
    }  # fmt: skip
