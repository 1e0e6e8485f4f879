"""The tab under any request, any log directory's name, any profile and any event file."""

import json
import os
import struct
from pathlib import Path
from urllib.parse import quote

import pytest
from fuzzing import (
    ODD_TEXTS,
    Reader,
    assert_one_sentence,
    assert_reads_or_refuses,
    corpus,
    file_reader,
    mutated_bytes,
    mutated_json,
    mutated_text,
    shortened,
    text_reader,
)
from hostile_runs import ANSWERED, app_on, ask
from hypothesis import given
from hypothesis import strategies as st
from real_records import RECORDS
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from rooflink.profiling.board.event_files import UNSEEN, Look, look_at
from rooflink.profiling.board.plugin import App
from rooflink.profiling.board.runs import local_folder, name_under
from rooflink.profiling.board.view import request_of
from rooflink.profiling.records import Profile
from rooflink.profiling.records.files import load_profile

QUERIES = ["run=mine", "run=mine&other=mine&memory=2&compute=0.5", "run=mine&lens=predicted",
           "run=mine&place=TPU%20v5e&beside=TPU%20v6e|TPU%20v5p", "run=.&links=16"]  # fmt: skip
PATHS = ["/runs", "/view", "/index.js", "/../runs"]
FOLDERS = ["runs", "~/runs", "gs://bucket/runs", "/tmp", "s3:/x"]


def event_file(path: Path) -> Look:
    """A file looked at bit by bit until its end or its first fault."""
    look, size = UNSEEN, path.stat().st_size
    while not look.sentence and look.sound_bytes < size:
        before, look = look, look_at(path, look, most_bytes=64)
        assert look.sound_bytes > before.sound_bytes or look.sentence
    if look.sentence:
        assert_one_sentence(look.sentence)
    return look


def small_profile() -> dict[str, object]:
    """A whole record, but of a few kB."""
    held = shortened(json.loads((RECORDS / "run.json").read_text(encoding="utf-8")), 1)
    assert isinstance(held, dict)
    return held | {"compiled": [], "trace": None, "findings": [], "outcome": None}


READERS: dict[str, Reader] = {
    "event_files": file_reader(event_file, "events.out.tfevents.1.host"),
    "log_directories": text_reader(local_folder),
    "profiles": file_reader(load_profile, "profile.json"),
}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logdir")
    (folder / "mine").mkdir()
    bare = {"phases": [], "placements": [], "predictions": []}  # a view of it takes no time
    (folder / "mine" / "profile.json").write_text(json.dumps(small_profile() | bare))
    return folder


@pytest.fixture(scope="module")
def app(logdir: Path) -> App:
    return app_on(logdir)


@given(mutated_bytes(corpus("event_files")))
def test_an_event_file_is_sound_or_has_a_sentence(data: bytes) -> None:
    assert_reads_or_refuses(READERS["event_files"], data)


@given(st.lists(st.binary(max_size=60), max_size=30), st.binary(max_size=20))
def test_what_a_writer_wrote_is_sound_and_what_it_left_is_found(
    events: list[bytes], rest: bytes
) -> None:
    """Whatever part of it one look takes."""
    whole = b"".join(map(_record, events))
    file = READERS["event_files"]
    sound = file(whole)
    assert sound == Look(len(whole))
    cut = file(whole + _record(rest)[:-1])
    assert isinstance(cut, Look)
    assert f"cut off in the record at byte {len(whole)} of" in str(cut.sentence)


def _record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    checks = [struct.pack("<I", masked_crc32c(part)) for part in (length, event)]
    return length + checks[0] + event + checks[1]


@given(mutated_text(PATHS), mutated_text(QUERIES), st.sampled_from(["GET", "HEAD", "POST", "é"]))
def test_a_request_is_answered_in_a_sentence(app: App, path: str, query: str, method: str) -> None:
    def latin(text: str) -> str:
        return text.encode("utf-8", "surrogatepass").decode("latin-1")

    def request(parts: tuple[str, ...]) -> None:
        status, body = ask(app, *map(latin, parts))
        assert status in ANSWERED
        if status in {400, 404, 405, 422} and body:
            assert_one_sentence(json.loads(body)["error"])

    assert_reads_or_refuses(request, (path, query, method))


@given(st.dictionaries(st.sampled_from(["run", "memory", "compute", "beside"]) | st.text(),
                       st.sampled_from(ODD_TEXTS) | st.floats().map(str), max_size=6))  # fmt: skip
def test_a_query_is_a_request_or_refused(arguments: dict[str, str]) -> None:
    assert_reads_or_refuses(request_of, arguments)


@given(mutated_text(FOLDERS))
def test_a_log_directory_is_a_path_or_refused(text: str) -> None:
    assert_reads_or_refuses(local_folder, text)


@given(st.binary(min_size=1, max_size=40))
def test_any_name_of_a_folder_can_be_shown(name: bytes) -> None:
    name = name.replace(b"/", b"").replace(b"\0", b"") or b"x"
    shown = name_under(Path("/logdir"), Path("/logdir") / os.fsdecode(name))
    assert shown.isprintable()
    assert shown.encode()


@given(mutated_json([small_profile()]))
def test_a_profile_is_listed_or_has_a_sentence(app: App, logdir: Path, data: bytes) -> None:
    """And what is listed has a view, or a sentence why not."""
    (logdir / "odd").mkdir(exist_ok=True)
    (logdir / "odd" / "profile.json").write_bytes(data)
    read = assert_reads_or_refuses(READERS["profiles"], data)
    status, body = ask(app, "/runs")
    listed = json.loads(body)
    assert status == 200
    assert isinstance(read, Profile) == ("odd" in listed["runs"])
    if isinstance(read, Profile):
        status, body = ask(app, "/view", f"run={quote('odd')}&memory=16")
        assert status in {200, 422}
        json.loads(body)
