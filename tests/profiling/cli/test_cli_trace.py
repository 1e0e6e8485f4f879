"""`rooflink profile --trace` from the outside: a session, and a table of scopes by phase."""

from html import escape
from pathlib import Path

import pytest

from rooflink.profiling.measured.trace_capture import read_trace
from rooflink.profiling.records import UNATTRIBUTED, Trace
from rooflink.profiling.records.files import load_profile

SMALL = ("--attempts", 2, "--think-budget", 6, "--answer-budget", 3, "--repeats", 1,
         "--compile", "none", "--trace", "--out", "run")  # fmt: skip


def trace() -> Trace:
    found = load_profile(Path("run")).trace
    assert found is not None
    return found


def test_a_trace_has_a_session_and_the_scopes_of_each_phase(rooflink, tiny_folder: Path) -> None:
    done = rooflink("profile", "--model", tiny_folder, "--prompts", "hi", *SMALL)
    assert done.code == 0, done.err
    (file,) = Path("run/plugins/profile/measured").iterdir()
    found = trace()
    assert (found.problem, found.session) == (None, "plugins/profile/measured")
    assert (found.clock, found.scopes) == ("CPU threads", read_trace(file).scopes)
    scopes = {(row.phase, row.scope) for row in found.scopes}
    for phase in ("prefill", "think", "answer"):
        assert {(phase, "mlp"), (phase, "attention/projections"), (phase, "head")} <= scopes
    assert all(row.self_time_s > 0 for row in found.scopes)
    assert found.dispatch_s <= sum(r.self_time_s for r in found.scopes if r.scope == UNATTRIBUTED)
    assert found.traced_s is not None
    assert found.untraced_s is not None
    assert len(found.untraced_s.repeats) == 1
    report = Path("run/report.html").read_text()
    longest = max(found.scopes, key=lambda row: row.self_time_s)
    assert escape(longest.scope) in report


def test_costs_alone_cannot_be_traced(rooflink) -> None:
    done = rooflink("profile", "--weights", "none", "--trace", "--out", "run")
    assert done.code == 2
    assert "choose --weights own or random" in done.err
    assert not Path("run").exists()


@pytest.mark.slow
def test_smollm2_is_known_by_phase_and_scope(rooflink) -> None:
    """The promise: at least 85 % of thread time has a phase and a scope."""
    done = rooflink("profile", "--model", "smollm2-135m", "--limit", 2, *SMALL)
    assert done.code == 0, done.err
    assert trace().attributed_share >= 0.85
    assert {row.scope for row in trace().scopes} >= {
        "embedding", "attention/projections", "attention/scores", "attention/softmax",
        "attention/values", "attention/cache", "mlp", "head", "sampling",
    }  # fmt: skip
