"""Profiles on disk: written whole or not at all, read with a sentence for what is wrong."""

import json
import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from .errors import ProfileInputError
from .record import SCHEMA, Profile


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` through a temporary file, so that no half-written file remains."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` through a temporary file in the same folder."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def save_profile(profile: Profile, folder: Path) -> Path:
    """Write `folder`/profile.json and return its path."""
    path = folder / "profile.json"
    write_text(path, profile.model_dump_json(indent=1) + "\n")
    return path


def load_profile(path: Path) -> Profile:
    """Read a profile.json, or the one inside a run's folder.

    Raises ProfileInputError where the file is missing, not JSON, of another schema, or has a
    field of the wrong kind (the field is named).
    """
    file = path / "profile.json" if path.is_dir() else path
    try:
        data = json.loads(file.read_text())
    except FileNotFoundError:
        raise ProfileInputError(f"no profile at {file}: `rooflink profile` writes one") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ProfileInputError(f"{file} is not a readable profile.json: {error}") from None
    found = data.get("schema_version") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise ProfileInputError(
            f"{file} has schema {found!r}, this rooflink reads '{SCHEMA}': profile it again"
        )
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProfileInputError(f"{file} is damaged at {where}: {first['msg']}") from None
