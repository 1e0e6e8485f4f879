"""What lies under a log directory: sound runs, and one sentence for each file that is not."""

import json
import os
import struct
from pathlib import Path

import pytest
from real_records import real_profile
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from rooflink.profiling.board.event_files import look_at
from rooflink.profiling.board.runs import Runs
from rooflink.profiling.records import Profile
from rooflink.profiling.reports.renderers.tensorboard import Events, write_events


def record(event: bytes) -> bytes:
    """An event as TFRecord."""
    length = struct.pack("<Q", len(event))
    checks = [struct.pack("<I", masked_crc32c(part)) for part in (length, event)]
    return length + checks[0] + event + checks[1]


def test_runs_are_found_by_their_folder(profiles: dict[str, Profile], logdir: Path) -> None:
    found, problems = Runs(logdir).listed()
    assert list(found) == ["week/tuesday", "monday"]
    assert found == profiles
    assert problems == []


def test_the_folder_may_be_a_run_itself(logdir: Path) -> None:
    assert list(Runs(logdir / "monday").profiles()) == ["."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[" * 100_000, "profile.json"),
        ("[]", "has schema None"),
        ('{"schema_version": "rooflink.profile/9"}', "has schema 'rooflink.profile/9'"),
        ('{"schema_version": "rooflink.profile/1"}', "damaged at name"),
        ("\udcff", "is not UTF-8"),
    ],
)
def test_a_corrupt_profile_is_one_sentence(logdir: Path, text: str, said: str) -> None:
    file = logdir / "broken" / "profile.json"
    file.parent.mkdir()
    file.write_bytes(text.encode(errors="surrogateescape"))
    found, problems = Runs(logdir).listed()
    assert list(found) == ["week/tuesday", "monday"]
    (problem,) = problems
    assert problem.file == "broken/profile.json"
    assert said in problem.sentence
    assert "\n" not in problem.sentence


def test_a_file_is_read_again_only_when_it_changed(
    logdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, read = Runs(logdir), []
    from rooflink.profiling.board import runs as module

    load = module.load_profile
    monkeypatch.setattr(module, "load_profile", lambda path: (read.append(path), load(path))[1])
    runs.listed()
    runs.listed()
    assert len(read) == 2
    file = logdir / "monday" / "profile.json"
    file.write_text(real_profile("anew").model_dump_json())
    os.utime(file, ns=(1, 1))
    assert runs.profiles()["monday"].name == "anew"
    assert len(read) == 3
    file.unlink()
    assert list(runs.profiles()) == ["week/tuesday"]


def test_event_files_that_are_sound(logdir: Path, tmp_path: Path) -> None:
    write_events(Events(scalars=[("x", 1.0, 0)]), logdir / "monday")
    assert Runs(logdir).listed()[1] == []
    empty = tmp_path / "events.out.tfevents.1.host"
    empty.write_bytes(b"")
    assert look_at(empty).sentence is None


def test_event_files_that_are_not(tmp_path: Path) -> None:
    file = tmp_path / "events.out.tfevents.1.host"
    first, second = record(b"first event"), record(b"the second event")
    at = len(first)
    for cut in (3, 12, 20, len(second) - 1):
        file.write_bytes(first + second[:cut])
        assert f"cut off in the record at byte {at} of {at + cut}" in str(look_at(file).sentence)
    for place in (0, 9, 14, len(second) - 1):  # length, its checksum, event, its checksum
        broken = bytearray(second)
        broken[place] ^= 0xFF
        file.write_bytes(first + bytes(broken) + first)
        assert f"damaged at byte {at}" in str(look_at(file).sentence)
    assert "cannot be read" in str(look_at(tmp_path).sentence)


def test_a_corrupt_event_file_is_listed(logdir: Path) -> None:
    (logdir / "monday" / "events.out.tfevents.1.host").write_bytes(b"nothing like an event")
    found, problems = Runs(logdir).listed()
    assert len(found) == 2
    assert [problem.file for problem in problems] == ["monday/events.out.tfevents.1.host"]


def test_hidden_folders_are_left_alone(logdir: Path) -> None:
    hidden = logdir / ".trash"
    hidden.mkdir()
    (hidden / "profile.json").write_text("{")
    assert Runs(logdir).listed()[1] == []
    assert not Runs(hidden / "none").any()
    assert json.loads((logdir / "monday" / "profile.json").read_text())["name"] == "monday"
