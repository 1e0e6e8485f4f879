"""Runs under a log directory: the profiles that can be read, and what is wrong with the rest."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ProfileInputError
from ..records import Profile
from ..records.files import load_profile
from .event_files import event_file_problem, is_event_file

PROFILE = "profile.json"


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
        """Profiles by run, which is the folder's path under the log directory, and problems."""
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
        return dict(sorted(profiles.items())), sorted(problems, key=lambda each: each.file)


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
