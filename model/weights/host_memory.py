"""The host's room for models: memory that may still be allocated (the kernel kills a process that
overruns its limit without a message), and the folder of downloads."""

import os
from pathlib import Path

from ..config import ModelInputError

GB = 10**9


def require_memory(needed_bytes: int, what: str) -> None:
    """Raise `ModelInputError` if `needed_bytes` for `what` exceed the memory left to this process.

    Call it before the allocation. Where the system tells nothing, nothing is refused.
    """
    left_bytes = available_bytes()
    if left_bytes is not None and needed_bytes > left_bytes:
        raise ModelInputError(
            f"{what} needs {needed_bytes / GB:.2f} GB of memory but {left_bytes / GB:.2f} GB is "
            "available: choose a smaller model or a narrower dtype, or free memory."
        )


def available_bytes(root: Path = Path("/")) -> int | None:
    """Bytes this process may still take: the least of what the system and its cgroups leave.

    Sources: `ulimit -v` less what is mapped; /proc/meminfo MemAvailable; the cgroup v2 and v1
    memory limits less their use, page cache that can be dropped counted as free; sysconf's physical
    pages where there is no /proc.
    `root` stands in for / in tests. None where none of these is known.
    """
    v1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    in_v1 = _left_bytes(root / "sys/fs/cgroup/memory", *v1)
    candidates = [_meminfo_bytes(root), *_cgroup_v2_bytes(root), in_v1, _unmapped_bytes(root)]
    limits = [value for value in candidates if value is not None]
    return max(0, min(limits)) if limits else _physical_bytes()


def _meminfo_bytes(root: Path) -> int | None:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _cgroup_v2_bytes(root: Path) -> list[int | None]:
    """One figure for this process's cgroup and each ancestor: any of them may hold the limit."""
    own = next((x[3:] for x in _lines(root / "proc/self/cgroup") if x.startswith("0::")), "/")
    top = root / "sys/fs/cgroup"
    folder = top / own.strip("/")
    folders = [folder, *(parent for parent in folder.parents if parent.is_relative_to(top))]
    return [_left_bytes(x, "memory.max", "memory.current", "inactive_file") for x in folders]


def _left_bytes(folder: Path, limit: str, usage: str, droppable: str) -> int | None:
    limit_bytes, usage_bytes = ("".join(_lines(folder / name)) for name in (limit, usage))
    if not limit_bytes.isdigit() or not usage_bytes.isdigit():  # no such cgroup, or it is 'max'
        return None
    stat = dict(line.split(maxsplit=1) for line in _lines(folder / "memory.stat") if " " in line)
    return int(limit_bytes) - int(usage_bytes) + int(stat.get(droppable, 0))


def _unmapped_bytes(root: Path) -> int | None:
    """What `ulimit -v` still lets this process map."""
    lines = _lines(root / "proc/self/statm")
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit_bytes = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit_bytes == resource.RLIM_INFINITY or not lines:
        return None
    return limit_bytes - int(lines[0].split()[0]) * resource.getpagesize()


def _physical_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a POSIX system, or it will not say
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def cache_folder() -> Path:
    """Where weights are kept: $ROOFLINK_CACHE, $XDG_CACHE_HOME/rooflink, ~/.cache/rooflink."""
    if own := os.environ.get("ROOFLINK_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "rooflink"
