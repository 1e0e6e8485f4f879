"""An output folder, proven writable before the long work begins."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ProfileInputError


@contextmanager
def reserved(folder: Path) -> Iterator[Path]:
    """`folder`, proven writable before the long work; what was made for it goes if that fails."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".rooflink-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ProfileInputError(
            f"cannot write to {folder}: {error.strerror or error}; choose another folder with --out"
        ) from None
    try:
        yield folder
    except BaseException:
        for path in made:  # deepest first; only what is still empty
            try:
                path.rmdir()
            except OSError:
                break
        raise
