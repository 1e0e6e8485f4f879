"""Runs under a log directory: the profiles that can be read, what is wrong with the rest, and
whether there are sessions for XProf.

A log directory may be a tree of links to runs, as TensorBoard advises: links to folders are
followed. A run, which may be somebody else's, gets no further than itself: links in it that lead
out of the log directory are not followed, neither to folders nor to files.
"""

import os
import re
import stat
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from ...model.input_files import user_path
from ..errors import ProfileInputError
from ..records import Profile
from ..records.files import load_record
from .event_files import UNSEEN, Look, look_at

PROFILE = "profile.json"
MiB = 1 << 20
MOST_PROFILE_BYTES = 16 * MiB  # 100,000 attempts take 10 MB
MOST_PROFILES_BYTES = 128 * MiB  # of all runs together, 8 s
MOST_TOLD = 200  # sentences in one listing
MOST_LOADED = 8  # profiles that stay in memory
MOST_FILES = 100_000
CHECKED_BYTES = 2 * MiB  # of event files in one listing: 60 ms
TAB = "profile"
"""XProf's tab in TensorBoard, as its address has it."""

HOW = "pip install 'rooflink[xprof]'"
Refuse = Callable[[Path, str], None]
Paths = tuple[Path, ...]


@dataclass(frozen=True)
class Problem:
    """A file that cannot be shown, and one sentence why."""

    file: str
    sentence: str


class Version(NamedTuple):
    """A file as it was at one time."""

    path: Path
    changed_ns: int
    size: int


class Known(NamedTuple):
    """What is known of a profile: when it was made, or what is wrong with it."""

    created: str = ""
    wrong: str = ""


class Runs:
    """What lies under `folder`, read again only where a file has changed.

    A run's name is its path under the log directory, what cannot be printed written out.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Version, Known] = {}
        self._loaded: dict[Version, Profile] = {}  # the last few
        self._events: dict[Path, tuple[tuple[int, int, int], Look]] = {}

    def any(self) -> bool:
        """Whether there is a profile.json at all, sound or not."""
        return any(path.name == PROFILE for path in files_under(self.folder))

    def profile(self, name: str) -> Profile | None:
        """The profile of that run; None where there is none that can be read."""
        version = self._runs(list(files_under(self.folder)), _unsaid).get(name)
        return None if version is None else self._profile(version)

    def listed(self) -> tuple[list[str], list[Problem]]:
        """The runs that can be read, the newest first, and a sentence for each file that is not
        shown, or not whole."""
        problems: list[Problem] = []

        def refuse(path: Path, sentence: str) -> None:
            problems.append(Problem(name_under(self.folder, path), sentence))

        files = list(files_under(self.folder, refuse))
        runs = self._runs(files, refuse)
        for path, sentence in self._faults([path for path in files if is_event_file(path)]):
            refuse(path, sentence)
        told = sorted(problems, key=lambda problem: problem.file)
        if len(told) > MOST_TOLD:
            rest = f"and {len(told) - MOST_TOLD:,} further files cannot be shown whole"
            told = [*told[:MOST_TOLD], Problem("", rest)]
        return list(runs), told

    def _runs(self, files: list[Path], refuse: Refuse) -> dict[str, Version]:
        """Run -> its file as it is now, the newest first."""
        before = self._read  # requests run in threads
        read: dict[Version, Known] = {}
        runs: dict[str, Version] = {}
        left = MOST_PROFILES_BYTES
        for path in (path for path in files if path.name == PROFILE):
            status = _status(path)
            if status is None:  # gone since the folder was listed
                continue
            version = Version(path, status.st_mtime_ns, status.st_size)
            too_much = _too_much(version.size, left)
            left -= 0 if too_much else version.size
            if not too_much:
                read[version] = before[version] if version in before else self._first(version)
            if sentence := too_much or read[version].wrong:
                refuse(path, sentence)
            else:
                runs[_free(name_under(self.folder, path.parent), runs)] = version
        self._read = read
        newest = sorted(runs, key=lambda name: read[runs[name]].created, reverse=True)
        return {name: runs[name] for name in newest}

    def _first(self, version: Version) -> Known:
        try:
            return Known(created=self._profile(version).provenance.created)
        except ProfileInputError as error:
            return Known(wrong=str(error))

    def _profile(self, version: Version) -> Profile:
        """Raises ProfileInputError."""
        loaded = self._loaded
        if version not in loaded:
            profile = load_record(Profile, version.path)
            loaded = dict([*list(loaded.items())[1 - MOST_LOADED :], (version, profile)])
            self._loaded = loaded
        return loaded[version]

    def _faults(self, files: list[Path]) -> Iterator[tuple[Path, str]]:
        """Each faulty event file with its sentence; large ones are looked at bit by bit."""
        before, looks = self._events, dict[Path, tuple[tuple[int, int, int], Look]]()
        share = CHECKED_BYTES // max(len(files), 1)
        for path in files:
            status = _status(path)
            if status is None:
                continue
            version = status.st_ino, status.st_size, status.st_mtime_ns
            known, look = before.get(path, (version, UNSEEN))
            if known[0] != version[0] or known[1] > version[1]:  # another file of that name
                look = UNSEEN
            if known != version or (not look.sentence and look.sound_bytes < status.st_size):
                look = look_at(path, look, share)
            looks[path] = version, look
            if look.sentence:
                yield path, look.sentence
        self._events = looks


def _unsaid(path: Path, sentence: str) -> None:
    """For those who ask for files alone."""


def _too_much(size: int, left: int) -> str:
    """Why a profile.json of `size` bytes is not read; '' where it is."""
    if size > MOST_PROFILE_BYTES:
        return f"is larger than {MOST_PROFILE_BYTES // MiB} MiB: not read"
    if size > left:
        return f"is not read: the profiles before it hold {MOST_PROFILES_BYTES // MiB} MiB"
    return ""


def local_folder(text: str | Path) -> Path:
    """A log directory as a path. Raises ProfileInputError for one on another machine, or that no
    path can name."""
    remote = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]+):/", str(text))
    if remote and not os.path.exists(text):
        raise ProfileInputError(
            f"{text} is on another machine: rooflink reads directories of this one, copy the runs "
            "here first"
        )
    return user_path(text, ProfileInputError)


def files_under(folder: Path, refuse: Refuse = _unsaid) -> Iterator[Path]:
    """Every regular file, hidden folders left out; one not readable is skipped.

    `refuse` is told of files of a run, and of links, that are not followed.
    """
    root = Path(os.path.realpath(folder))
    waiting: list[tuple[Path, Paths, Paths, bool]] = [(folder, (root,), (root,), False)]
    left = MOST_FILES
    while waiting and left > 0:
        here, allowed, above, in_run = waiting.pop()
        entries = _entries(here, left)
        left -= len(entries)
        in_run = in_run or any(is_of_a_run(Path(entry.name)) for entry in entries)
        for entry in entries:
            path = here / entry.name
            target = Path(os.path.realpath(path)) if entry.is_symlink() else above[-1] / entry.name
            inside = any(target.is_relative_to(place) for place in allowed)
            status = _status(path)
            if status is None:
                continue
            if stat.S_ISDIR(status.st_mode):
                if entry.name.startswith(".") or target in above:
                    continue
                if inside or not (in_run or root.is_relative_to(target)):
                    places = allowed if inside else (*allowed, target)
                    waiting.append((path, places, (*above, target), in_run))
                else:
                    refuse(path, "is a link out of the log directory: not followed")
            elif not stat.S_ISREG(status.st_mode) or not inside:
                if is_of_a_run(path):
                    what = "a link out of the log directory" if not inside else "no regular file"
                    refuse(path, f"is {what}: not read")
            else:
                yield path
    if left <= 0:
        refuse(folder, f"holds over {MOST_FILES:,} files, of which so many are read")


def _entries(folder: Path, most: int) -> list[os.DirEntry[str]]:
    """What a folder holds, by name; nothing where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(islice(entries, most), key=lambda entry: entry.name)
    except OSError:
        return []


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def name_under(folder: Path, path: Path) -> str:
    """The path under the folder as text that every page can show and give back."""
    raw = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in raw)


def _free(name: str, taken: Container[str]) -> str:
    """The name, or it with a number where another folder is written alike."""
    again = (f"{name} ({number})" for number in count(2))
    return name if name not in taken else next(other for other in again if other not in taken)


def is_event_file(path: Path) -> bool:
    """As TensorBoard tells them: by name."""
    return "tfevents" in path.name


def is_of_a_run(path: Path) -> bool:
    """Whether a folder with this file is a run."""
    return path.name == PROFILE or is_event_file(path)


def is_session_file(path: Path) -> bool:
    """Whether it lies where XProf looks: plugins/profile/SESSION/HOST.xplane.pb."""
    return path.name.endswith(".xplane.pb") and path.parts[-4:-2] == ("plugins", "profile")


def has_sessions(folder: Path) -> bool:
    """Whether there is a session anywhere under `folder`."""
    return any(is_session_file(path) for path in files_under(folder))


def has_xprof() -> bool:
    """Whether TensorBoard will have XProf's tab."""
    return find_spec("xprof") is not None
