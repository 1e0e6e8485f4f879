"""Requests and runs made to do harm: an answer in a sentence, no 500, nothing of other folders."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hostile_runs import ANSWERED, SECRET, app_on, ask, make_hostile_runs
from html_page import parsed

from rooflink.profiling.board.runs import Runs

ROUTES = ["/runs", "/view", "/index.js", "/board.css", "/report.js", "/vega.js"]
ODD_PATHS = [
    "/../runs", "/runs/", "//runs", "/view/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "*", "",
    "/runs;x", "/\x00", "/\xff\xfe", "/" + "a" * 60_000, "/profile.json",
]  # fmt: skip
KEYS = [
    "run", "other", "lens", "place", "beside", "memory", "compute", "overhead", "%00", "x" * 3000,
]  # fmt: skip
VALUES = [
    ".", "..", "/etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "%ff%fe", "%c0%ae%c0%ae", "nan",
    "-1", "1e999", "1e-999", "0x10", "%E2%88%9E", "<script>", "${7*7}", "{{7*7}}",
    "%0d%0aSet-Cookie:x", "whole", "", "a" * 60_000, "|" * 5000,
    quote("<img src=x onerror=owned()>"),
]  # fmt: skip
METHODS = ["GET"] * 6 + [
    "HEAD", "POST", "PUT", "DELETE", "TRACE", "FOO", "OPTIONS", "\xff", "get",
]  # fmt: skip
OWN_HOSTS = ["localhost:6006", "127.0.0.1:6006", "[::1]:6006"]
FOREIGN_HOSTS = [
    "evil.example", "localhost.evil.example", "[::1", "localhost@evil.example", "\xff", "", "a b",
    "x" * 10_000,
]  # fmt: skip


def hostile_requests(seed: int) -> Iterator[tuple[str, str, str, str]]:
    """(path, query, method, host), 500 of them."""
    draw = random.Random(seed)
    for _ in range(500):
        pairs = [f"{draw.choice(KEYS)}={draw.choice(VALUES)}" for _ in range(draw.randrange(6))]
        path = draw.choice(ROUTES if draw.random() < 0.7 else ODD_PATHS)
        host = draw.choice(OWN_HOSTS if draw.random() < 0.7 else FOREIGN_HOSTS)
        yield path, "&".join(pairs), draw.choice(METHODS), host


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log directory of hostile runs; beside it, a run that must not be shown."""
    around = tmp_path_factory.mktemp("around")
    assert make_hostile_runs(around / "logdir", around / "outside") >= 50
    return around / "logdir"


def test_500_hostile_requests(hostile: Path) -> None:
    app = app_on(hostile)
    statuses = []
    for path, query, method, host in hostile_requests(seed=13):
        status, body = ask(app, path, query, method, host)
        statuses.append(status)
        assert status in ANSWERED, (path[:80], query[:200], method, host[:80], status)
        assert host in OWN_HOSTS or status == 403
        assert SECRET.encode() not in body
        assert b"root:x:0:0" not in body
        assert method != "HEAD" or body == b""
    assert len(statuses) == 500
    assert {200, 403, 404, 405} <= set(statuses)


def test_50_hostile_runs(hostile: Path) -> None:
    """Each is listed, as a run or with its sentence, and a run's view is figures or a sentence."""
    app = app_on(hostile)
    status, body = ask(app, "/runs")
    listed = json.loads(body)
    assert status == 200
    assert SECRET.encode() not in body
    told = {problem["file"].split("/")[0] for problem in listed["problems"]}
    folders = {run.split("/")[0] for run in listed["runs"]} | told
    assert len(folders) >= 50
    for problem in listed["problems"]:
        assert problem["sentence"].isprintable()
        assert len(problem["sentence"]) <= 300
    for run in listed["runs"]:
        assert run.isprintable()
        status, body = ask(app, "/view", f"run={quote(run)}&memory=16")
        assert status in {200, 422}, (run, body)
        answer = json.loads(body)
        assert SECRET not in body.decode()
        if status == 200:
            page = parsed(answer["html"])
            assert not {"img", "iframe", "object", "embed", "link"} & set(page.tags)
            scripts = page.tags.count("script")
            assert answer["html"].count('<script type="application/json">') == scripts


def test_nothing_else_of_the_machine_is_read(hostile: Path) -> None:
    names = set(Runs(hostile).listed()[0])
    assert "links" not in names
    assert not any("elsewhere" in name or "root" in name for name in names)
