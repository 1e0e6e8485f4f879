"""What lies under a log directory: sound runs, and one sentence for each file that is not."""

import json
import os
import struct
from pathlib import Path

import pytest
from real_records import real_profile
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from rooflink.profiling.board.event_files import look_at
from rooflink.profiling.board.runs import MOST_PROFILE_BYTES, Runs, local_folder
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records import Profile
from rooflink.profiling.records.files import save_record
from rooflink.profiling.reports.renderers.tensorboard import Events, write_events


def record(event: bytes) -> bytes:
    """An event as TFRecord."""
    length = struct.pack("<Q", len(event))
    checks = [struct.pack("<I", masked_crc32c(part)) for part in (length, event)]
    return length + checks[0] + event + checks[1]


def test_runs_are_found_by_their_folder(profiles: dict[str, Profile], logdir: Path) -> None:
    runs = Runs(logdir)
    assert runs.listed() == (["week/tuesday", "monday"], [])
    assert {name: runs.profile(name) for name in profiles} == profiles
    assert runs.profile("wednesday") is None


def test_the_folder_may_be_a_run_itself(logdir: Path) -> None:
    assert Runs(logdir / "monday").listed()[0] == ["."]


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
    assert found == ["week/tuesday", "monday"]
    (problem,) = problems
    assert problem.file == "broken/profile.json"
    assert said in problem.sentence
    assert "\n" not in problem.sentence


def test_a_file_is_read_again_only_when_it_changed(
    logdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, read = Runs(logdir), []
    from rooflink.profiling.board import runs as module

    load = module.load_record
    monkeypatch.setattr(
        module, "load_record", lambda kind, path: (read.append(path), load(kind, path))[1]
    )
    runs.listed()
    runs.listed()
    assert len(read) == 2
    file = logdir / "monday" / "profile.json"
    file.write_text(real_profile("anew").model_dump_json())
    os.utime(file, ns=(1, 1))
    anew = runs.profile("monday")
    assert anew is not None
    assert anew.name == "anew"
    assert len(read) == 3
    file.unlink()
    assert runs.listed()[0] == ["week/tuesday"]


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


def test_a_tree_of_links_to_runs_is_listed(profiles: dict[str, Profile], logdir: Path) -> None:
    """As TensorBoard's README advises; beside real runs too, and links within are followed."""
    tree = logdir.parent / "tree"
    (tree / "group").mkdir(parents=True)
    (tree / "mine").symlink_to("../runs/monday")
    (tree / "group" / "theirs").symlink_to(logdir / "week")
    (tree / "group" / "again").symlink_to("../mine")
    assert set(Runs(tree).listed()[0]) == {"mine", "group/theirs/tuesday", "group/again"}
    (logdir / "linked").symlink_to("monday")
    assert set(Runs(logdir).listed()[0]) == {"monday", "week/tuesday", "linked"}


def test_a_run_does_not_lead_out_of_the_log_directory(logdir: Path) -> None:
    outside = logdir.parent / "outside"
    outside.mkdir()
    save_record(real_profile("outside"), outside)
    (logdir / "monday" / "elsewhere").symlink_to(outside)
    (logdir / "monday" / "circle").symlink_to("..")
    (logdir / "file").mkdir()
    (logdir / "file" / "profile.json").symlink_to(outside / "profile.json")
    (logdir / "inner").mkdir()
    (logdir / "inner" / "profile.json").symlink_to("../monday/profile.json")
    found, problems = Runs(logdir).listed()
    assert set(found) == {"monday", "week/tuesday", "inner"}
    assert {p.file: p.sentence for p in problems} == {
        "file/profile.json": "is a link out of the log directory: not read",
        "monday/elsewhere": "is a link out of the log directory: not followed",
    }


def test_pipes_and_endless_files_are_not_read(logdir: Path) -> None:
    os.mkfifo(logdir / "monday" / "events.out.tfevents.1.host")
    (logdir / "pipe").mkdir()
    os.mkfifo(logdir / "pipe" / "profile.json")
    (logdir / "large").mkdir()
    (logdir / "large" / "profile.json").touch()
    os.truncate(logdir / "large" / "profile.json", MOST_PROFILE_BYTES + 1)
    found, problems = Runs(logdir).listed()
    assert len(found) == 2
    assert {p.file: p.sentence for p in problems} == {
        "large/profile.json": "is larger than 16 MiB: not read",
        "monday/events.out.tfevents.1.host": "is no regular file: not read",
        "pipe/profile.json": "is no regular file: not read",
    }


def test_names_that_no_page_can_give_back_are_written_out(logdir: Path) -> None:
    for name in (b"\xff", b"\\xff", "a\x1b[31m\u202e".encode()):
        folder = Path(os.fsdecode(os.fsencode(logdir) + b"/" + name))
        folder.mkdir()
        save_record(real_profile("odd"), folder)
    runs = Runs(logdir)
    odd = set(runs.listed()[0]) - {"monday", "week/tuesday"}
    assert all(held is not None and held.name == "odd" for held in map(runs.profile, odd))
    assert odd == {"\\xff", "\\xff (2)", "a\\x1b[31m\\u202e"}


@pytest.mark.parametrize("text", ["gs://bucket/runs", "gs:/bucket/runs", "s3://b", "hdfs://h/x"])
def test_directories_of_other_machines_are_refused(text: str) -> None:
    with pytest.raises(ProfileInputError, match=r"is on another machine: .* copy the runs here"):
        local_folder(text)


def test_only_the_end_and_a_part_of_a_large_event_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "events.out.tfevents.1.host"
    events = [record(b"event %06d" % number) for number in range(3000)]
    size = len(b"".join(events))
    file.write_bytes(b"".join(events))
    look = look_at(file, most_bytes=20_000)
    assert look.sentence is None
    assert 0 < look.sound_bytes < size
    while look.sound_bytes < size:  # on from where the last look ended
        before, look = look, look_at(file, look, most_bytes=200_000)
        assert look.sound_bytes > before.sound_bytes
    with file.open("ab") as more:  # a writer that has been killed
        more.write(record(b"one more") + record(b"the last")[:-3])
    assert look_at(file, most_bytes=0).sentence == (
        f"cut off in the record at byte {size + len(record(b'one more'))} of "
        f"{file.stat().st_size}: TensorBoard shows only what comes before"
    )
    assert look_at(file, look).sound_bytes == size + len(record(b"one more"))


def test_an_event_file_is_looked_at_again_from_where_it_grew(logdir: Path) -> None:
    file = logdir / "monday" / "events.out.tfevents.1.host"
    file.write_bytes(record(b"first"))
    runs = Runs(logdir)
    assert runs.listed()[1] == []
    with file.open("ab") as more:
        more.write(b"nothing like a record")
    (problem,) = runs.listed()[1]
    assert f"damaged at byte {len(record(b'first'))}" in problem.sentence
    file.write_bytes(record(b"anew"))
    assert runs.listed()[1] == []


def test_what_is_read_is_bounded_and_comes_back(
    logdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file too large to be read takes nothing from others; one left out is read once it fits."""
    (logdir / "a").mkdir()
    (logdir / "a" / "profile.json").touch()
    os.truncate(logdir / "a" / "profile.json", MOST_PROFILE_BYTES + 1)
    size = (logdir / "monday" / "profile.json").stat().st_size
    monkeypatch.setattr("rooflink.profiling.board.runs.MOST_PROFILES_BYTES", size + 1)
    runs = Runs(logdir)
    found, problems = runs.listed()
    assert len(found) == 1
    assert problems[0].file == "a/profile.json"
    assert "is not read: the profiles before it hold" in problems[1].sentence
    monkeypatch.undo()
    assert len(runs.listed()[0]) == 2


def test_of_many_faults_the_first_are_told(logdir: Path) -> None:
    for number in range(210):
        (logdir / f"{number:03}").mkdir()
        (logdir / f"{number:03}" / "events.out.tfevents.1.host").write_bytes(b"no event")
    problems = Runs(logdir).listed()[1]
    assert len(problems) == 201
    assert problems[-1].sentence == "and 10 further files cannot be shown whole"
