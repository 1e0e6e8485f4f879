"""Event files: an earlier call's are replaced, and nothing that is not ours."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rooflink.profiling.reports.renderers.tensorboard import (
    HYPERPARAMETERS,
    METRICS,
    Session,
    replace_events,
    write_sessions,
    writer_into,
)


def write(*sessions: str):
    def into(folder: Path) -> None:
        for name in ("", *(f"rows/{each}" for each in sessions)):
            with writer_into(folder / name) as writer:
                writer.add_scalar("x", 1.0, 0)

    return into


def test_sessions_that_are_gone_leave_with_their_folder(tmp_path: Path) -> None:
    other = tmp_path / "other" / "deep" / "events.out.tfevents.1.host.rooflink"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"")
    replace_events(tmp_path, write("a", "b"), "rows")
    written = replace_events(tmp_path, write("b"), "rows")
    assert {path.parent.relative_to(tmp_path).as_posix() for path in written} == {".", "rows/b"}
    assert [path.name for path in (tmp_path / "rows").iterdir()] == ["b"]
    assert other.exists()
    assert len(list(tmp_path.glob("events*"))) == 1


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    before = replace_events(tmp_path, write())

    def broken(folder: Path) -> None:
        write()(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_events(tmp_path, broken)
    assert sorted(tmp_path.iterdir()) == before


def test_a_session_has_what_is_known_and_nothing_else(tmp_path: Path) -> None:
    write_sessions([Session("one", {"model": "m"}, {"cost/query_s": 2.0})], tmp_path)
    events = EventAccumulator(str(tmp_path / "one")).Reload()
    assert events.Tags()["scalars"] == ["cost/query_s"]


@pytest.mark.parametrize(
    "session", [Session("one", {"colour": "red"}), Session("one", {}, {"cost/luck": 1.0})]
)
def test_a_session_with_what_nobody_declared_is_refused(session: Session, tmp_path: Path) -> None:
    """The tab would not show it."""
    assert "colour" not in HYPERPARAMETERS
    assert "cost/luck" not in METRICS
    with pytest.raises(AssertionError, match="would not be shown"):
        write_sessions([session], tmp_path)
