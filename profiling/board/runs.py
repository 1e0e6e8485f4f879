"""Runs under a log directory: the profiles that can be read, what is wrong with the rest, and
whether there are sessions for XProf.

TensorBoard shows an event file up to its first fault only. A file is records of TFRecord: length
(uint64), its masked CRC-32C, the event, its masked CRC-32C.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from ..errors import ProfileInputError
from ..records import Profile
from ..records.files import load_profile

PROFILE = "profile.json"
HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")
CHECKED_BYTES = 4_000_000  # of events; the checksum is computed in Python, about 8 MB a second
TAB = "profile"
"""XProf's tab in TensorBoard, as its address has it."""

HOW = "pip install 'rooflink[xprof]'"


@dataclass(frozen=True)
class Problem:
    """A file that cannot be shown, and one sentence why."""

    file: str
    sentence: str


class Runs:
    """What lies under `folder`, read again only where a file has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._profiles: dict[tuple[Path, int, int], Profile | str] = {}
        self._events: dict[tuple[Path, int, int], str | None] = {}

    def any(self) -> bool:
        """Whether there is a profile.json at all, sound or not."""
        return any(path.name == PROFILE for path in files_under(self.folder))

    def read(self) -> tuple[dict[str, Profile], list[Problem]]:
        """Profiles by run, the newest first, and problems; a run is its path under the log
        directory."""
        profiles: dict[str, Profile] = {}
        problems: list[Problem] = []
        profiles_before, events_before = self._profiles, self._events  # requests run in threads
        read: dict[tuple[Path, int, int], Profile | str] = {}
        checked: dict[tuple[Path, int, int], str | None] = {}
        for path in files_under(self.folder):
            key = _version(path)
            if key is None:  # gone since the folder was listed
                continue
            name = path.relative_to(self.folder).as_posix()
            if path.name == PROFILE:
                found = profiles_before[key] if key in profiles_before else _profile(path)
                read[key] = found
                if isinstance(found, Profile):
                    profiles[path.parent.relative_to(self.folder).as_posix()] = found
                else:
                    problems.append(Problem(name, found))
            elif is_event_file(path):
                wrong = events_before[key] if key in events_before else event_file_problem(path)
                checked[key] = wrong
                if wrong:
                    problems.append(Problem(name, wrong))
        self._profiles, self._events = read, checked
        newest = sorted(
            sorted(profiles), key=lambda name: profiles[name].provenance.created, reverse=True
        )
        return {name: profiles[name] for name in newest}, sorted(
            problems, key=lambda each: each.file
        )


def files_under(folder: Path) -> Iterator[Path]:
    """Every file, hidden folders and links to folders left out; one not readable is skipped."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(names))


def _version(path: Path) -> tuple[Path, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return path, status.st_mtime_ns, status.st_size


def _profile(path: Path) -> Profile | str:
    """The profile, or the sentence that says what is wrong with it."""
    try:
        return load_profile(path)
    except ProfileInputError as error:
        return str(error)
    except RecursionError:
        return f"{path} is not a readable profile.json: it is nested too deeply"


def is_event_file(path: Path) -> bool:
    """As TensorBoard tells them: by name."""
    return "tfevents" in path.name


def event_file_problem(path: Path) -> str | None:
    """One sentence on the first fault, or None.

    Every record's length is checked, and the events in the first CHECKED_BYTES. A record cut off at
    the end counts: a writer that is still at work leaves one only while it writes.
    """
    try:
        with path.open("rb") as file:
            size, at = path.stat().st_size, 0
            while header := file.read(HEADER.size):
                if len(header) < HEADER.size:
                    return _cut_off(at, size)
                length, checksum = HEADER.unpack(header)
                if masked_crc32c(header[:8]) != checksum:
                    return f"damaged at byte {at}: TensorBoard shows only what comes before"
                end = at + HEADER.size + length + CHECKSUM.size
                if end > size:
                    return _cut_off(at, size)
                if end <= CHECKED_BYTES:
                    event = file.read(length)
                    if masked_crc32c(event) != CHECKSUM.unpack(file.read(CHECKSUM.size))[0]:
                        return f"damaged at byte {at}: TensorBoard shows only what comes before"
                file.seek(end)
                at = end
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None


def _cut_off(at: int, size: int) -> str:
    return f"cut off in the record at byte {at} of {size}: TensorBoard shows only what comes before"


def is_session_file(path: Path) -> bool:
    """Whether it lies where XProf looks: plugins/profile/SESSION/HOST.xplane.pb."""
    return path.name.endswith(".xplane.pb") and path.parts[-4:-2] == ("plugins", "profile")


def has_sessions(folder: Path) -> bool:
    """Whether there is a session anywhere under `folder`."""
    return any(is_session_file(path) for path in files_under(folder))


def has_xprof() -> bool:
    """Whether TensorBoard will have XProf's tab."""
    return find_spec("xprof") is not None
