"""Event files: an earlier call's are replaced, and nothing that is not ours."""

import re
from pathlib import Path

import pytest
from real_records import real_evaluation
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rooflink.profiling.records import Profile
from rooflink.profiling.reports.document import LONGEST_WORD, slug
from rooflink.profiling.reports.renderers.tensorboard import (
    HYPERPARAMETERS,
    METRICS,
    Events,
    Session,
    replace_events,
    tag,
    tags,
    write_events,
    write_sessions,
    writer_into,
)
from rooflink.profiling.reports.sections import evaluation_scalars, profile_scalars


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


def test_sessions_of_one_name_have_folders_of_their_own(tmp_path: Path) -> None:
    names = ["a_b", "a_b", "A_b", "a_b_2", "c"]
    write_sessions([Session(name, {"model": "m"}) for name in names], tmp_path)
    folders = {path.name for path in tmp_path.iterdir()}
    assert folders == {"a_b", "a_b_2", "A_b_3", "a_b_2_2", "c"}
    assert all(len(list(path.iterdir())) == 1 for path in tmp_path.iterdir())


def test_tags_of_any_name_fit_a_file_name_and_differ() -> None:
    long = ["x" * 300 + "1", "x" * 300 + "2", "界" * 300, "x y" * 200]
    names = ["a/b", "a b", "a_b", "..", ".", "", ".hidden", "_x_", "v5e:2x4", *long]
    found = tags(names)
    assert len(set(found.values())) == len(names)
    for name, own in found.items():
        assert not own.startswith(".")
        assert "/" not in own
        assert len(f"{own}_on_{own}".encode()) < 255, name
    assert (found["a/b"], found["v5e:2x4"], tag("TPU v5e")) == ("a_b", "v5e_2x4", "TPU_v5e")
    assert len(slug("wide " * 100)) == LONGEST_WORD
    assert slug("wide " * 100) != slug("wide " * 101)


def test_a_profile_of_odd_names_is_written_whole(profile: Profile, tmp_path: Path) -> None:
    names = ["n" * 400, "n" * 400 + "!", "a/b", "a b", ".."]
    first, workload = profile.placements[0], profile.workload
    odd = [first.model_copy(update={"chip": name}) for name in names]
    work = workload.model_copy(update={"strategy": "s" * 400})
    odd_profile = profile.model_copy(update={"placements": odd, "workload": work})
    write_events(Events(sessions=profile_scalars.sessions(odd_profile)), tmp_path)
    folders = [path.name for path in (tmp_path / "chips").iterdir()]
    assert len(folders) == 1 + len(names)  # and this machine
    assert not any(name.startswith(".") for name in folders)
    curves = {name for name, _, _ in profile_scalars.scalars(odd_profile)}
    assert len([name for name in curves if re.match("at_datasheet_peak/[^/]+/total/", name)]) == 5


def test_strategies_of_like_names_have_curves_and_runs_of_their_own(tmp_path: Path) -> None:
    evaluation = real_evaluation()
    cell = evaluation.cells[0]
    names = ["a/b", "a b", "..", "s" * 400]
    cells = [cell.model_copy(update={"strategy": name}) for name in names]
    odd = evaluation.model_copy(update={"cells": cells})
    curves = {name for name, _, _ in evaluation_scalars.scalars(odd)}
    assert len([name for name in curves if name.endswith("/right")]) == len(names)
    sessions = list(evaluation_scalars.sessions(odd))
    write_sessions(sessions, tmp_path)
    folders = [path.name for path in tmp_path.iterdir()]
    assert len(folders) == len(sessions) >= len(names)
    assert not any(name.startswith(".") for name in folders)
