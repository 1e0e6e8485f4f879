"""The memory that is left, read from a made-up system."""

from pathlib import Path

import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.weights import host_memory as memory

MEMINFO = "MemTotal: 9000000 kB\nMemAvailable:    4000000 kB\n"


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


CASES: dict[str, tuple[dict[str, str], int]] = {
    "no cgroup": ({}, 4_096_000_000),
    "v2 without a limit": (
        {"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "5\n"},
        4_096_000_000,
    ),
    "v2": (
        {"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "300\n"},
        700,
    ),
    "v2 with droppable cache": (
        {
            "sys/fs/cgroup/memory.max": "1000\n",
            "sys/fs/cgroup/memory.current": "300\n",
            "sys/fs/cgroup/memory.stat": "anon 50\ninactive_file 200\n",
        },
        900,
    ),
    "v2 limit on an ancestor": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/memory.max": "max\n",
            "sys/fs/cgroup/a/b/memory.current": "10\n",
            "sys/fs/cgroup/a/memory.max": "500\n",
            "sys/fs/cgroup/a/memory.current": "20\n",
        },
        480,
    ),
    "v1": (
        {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "500\n",
        },
        1500,
    ),
    "over the limit": (
        {"sys/fs/cgroup/memory.max": "100\n", "sys/fs/cgroup/memory.current": "300\n"},
        0,
    ),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES.keys())
def test_available_bytes(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    _write(tmp_path, {"proc/meminfo": MEMINFO, **files})
    assert memory.available_bytes(tmp_path) == expected


def test_without_proc_the_machine_itself_counts(tmp_path: Path) -> None:
    left = memory.available_bytes(tmp_path)
    assert left is not None
    assert left > 10**8


def test_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 2_000_000_000)
    memory.require_memory(2_000_000_000, "this model")
    said = r"this model needs 2\.01 GB of memory but 2\.00 GB is available"
    with pytest.raises(ModelInputError, match=said):
        memory.require_memory(2_010_000_000, "this model")


def test_nothing_known_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    memory.require_memory(10**18, "a model")


def test_ulimit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, {"proc/meminfo": MEMINFO, "proc/self/statm": "100 50 20 5 0 9 0\n"})
    monkeypatch.setattr("resource.getrlimit", lambda which: (10**6, 10**6))
    monkeypatch.setattr("resource.getpagesize", lambda: 4096)
    assert memory.available_bytes(tmp_path) == 10**6 - 100 * 4096
    monkeypatch.setattr("resource.getrlimit", lambda which: (-1, -1))
    assert memory.available_bytes(tmp_path) == 4_096_000_000
