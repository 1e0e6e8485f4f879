"""`rooflink board`: what it says of a directory with nothing to show, and of a port that is taken.

That it serves, and what it serves, is in tests/profiling/board/test_board_browser.py.
"""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from real_records import real_profile

from rooflink.profiling.records.files import save_record

BOARD = "rooflink.profiling.board"
pytestmark = pytest.mark.filterwarnings("ignore:html5lib's sanitizer:DeprecationWarning")


def test_a_missing_directory(rooflink) -> None:
    done = rooflink("board", "nowhere")
    assert done.code == 2
    assert "no directory at nowhere: `rooflink profile --out nowhere/run` makes" in done.err


def test_an_empty_directory(rooflink) -> None:
    Path("runs/.hidden").mkdir(parents=True)
    done = rooflink("board", "runs")
    assert done.code == 2
    assert "runs is empty" in done.err


def test_a_foreign_directory(rooflink) -> None:
    Path("photos").mkdir()
    Path("photos/sea.jpg").write_bytes(b"\xff")
    done = rooflink("board", "photos")
    assert done.code == 2
    assert "nothing under photos is a run" in done.err


def test_a_file(rooflink) -> None:
    Path("profile.json").write_text("{}")
    done = rooflink("board", "profile.json")
    assert done.code == 2
    assert "profile.json is a file" in done.err


@pytest.mark.parametrize("folder", ["a" * 300, "x/" * 3000, "s3:/" + "b/" * 3000, "~nobody-here/x"])
def test_a_path_that_cannot_be(rooflink, folder: str) -> None:
    done = rooflink("board", folder)
    assert done.code == 2
    assert done.err.count("\n") == 1


def test_a_directory_of_another_machine(rooflink) -> None:
    done = rooflink("board", "gs://bucket/runs")
    assert done.code == 2
    assert "is on another machine" in done.err
    assert done.err.count("\n") == 1


def session(folder: str) -> None:
    place = Path(folder, "plugins/profile/measured")
    place.mkdir(parents=True)
    Path(place, "vm.xplane.pb").write_bytes(b"")


def test_sessions_alone_need_xprof(rooflink, monkeypatch: pytest.MonkeyPatch) -> None:
    session("traces")
    monkeypatch.setattr(f"{BOARD}.runs.has_xprof", lambda: False)
    done = rooflink("board", "traces")
    assert done.code == 2
    assert "traces holds sessions for XProf alone: pip install 'rooflink[xprof]'" in done.err


def test_sessions_alone_are_shown_where_xprof_is(rooflink, monkeypatch: pytest.MonkeyPatch) -> None:
    from rooflink.profiling.board.server import require_shown

    session("traces")
    monkeypatch.setattr(f"{BOARD}.runs.has_xprof", lambda: True)
    require_shown(Path("traces"))


def test_a_session_beside_a_run_is_told_of(rooflink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where XProf is missing the run is shown all the same."""
    session("runs")
    save_record(real_profile(), Path("runs"))

    def ended(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"{BOARD}.runs.has_xprof", lambda: False)
    monkeypatch.setattr(f"{BOARD}.server.start", ended)
    done = rooflink("board", "runs")
    assert done.code == 0
    assert "missing here: pip install 'rooflink[xprof]'" in done.out


def test_the_address_as_json(rooflink, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("runs").mkdir()
    save_record(real_profile(), Path("runs"))
    monkeypatch.setattr(f"{BOARD}.server.start", lambda *_: "http://localhost:1/")
    monkeypatch.setattr("threading.Event.wait", lambda _: None)
    done = rooflink("board", "runs", "--json")
    assert json.loads(done.out) == {"url": "http://localhost:1/", "xprof_missing": None}


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """In a process of its own: TensorBoard starts another, which only its end ends."""
    save_record(real_profile(), tmp_path)
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", "from rooflink.profiling.cli import main; main()",
             "board", str(tmp_path), "--port", port],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"cannot serve at localhost:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_has_an_example(rooflink) -> None:
    assert "rooflink board runs" in rooflink("board", "--help").out
