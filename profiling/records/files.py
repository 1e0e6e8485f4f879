"""Records on disk: written whole or not at all, read with a sentence for what is wrong.

Each is published as JSON Schema (draft 2020-12). The files in schemas/ are made by

    python -m rooflink.profiling.records.files

and a test fails where one of them is stale. A file of an older version is migrated on reading.
"""

import json
import os
import tempfile
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ...model.input_files import json_value, read_text, user_path
from ...tpu_configs.toml_files import expected
from ..errors import ProfileInputError
from .base import Record
from .profile import Profile

Read = TypeVar("Read", bound=Record)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` through a temporary file in the same folder: no half-written file
    remains."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def save_record(record: Record, folder: Path) -> Path:
    """Write one of the records of `WRITTEN` into `folder`; returns its path there."""
    path = folder / next(kind.file for kind in WRITTEN.values() if kind.record is type(record))
    write_text(path, record.model_dump_json(indent=1) + "\n")
    return path


MOST = 1e50
"""Of a figure's size, and 1 over it the least: what is made of several remains a finite number."""


def load_profile(path: Path) -> Profile:
    """Read a profile.json, or the one inside a run's folder, of this or an older version. Raises
    ProfileInputError where the file is missing, not JSON, of a newer version or another kind, or
    has a field of the wrong kind (the field is named)."""
    given = user_path(path, ProfileInputError)
    return load_record(Profile, given / "profile.json" if given.is_dir() else given)


def load_record(record: type[Read], file: Path) -> Read:
    """Read a file that holds one of the records of `WRITTEN`. Raises as `load_profile` does."""
    from .migrations import migrated  # of every record

    name, written = next(
        (n, written_as) for n, written_as in WRITTEN.items() if written_as.kind == record.__name__
    )
    missing = f"`{written.command}` writes one"
    text = read_text(file, f"{name}.json", ProfileInputError, missing=missing)
    data = json_value(text, f"the {name}.json {file}", ProfileInputError, MOST)
    try:
        return record.model_validate(migrated(name, data, written.version))
    except ProfileInputError as error:
        raise ProfileInputError(f"{file} {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProfileInputError(f"{file} is damaged at {where}: {expected(first)}") from None


DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = "schemas"


@dataclass(frozen=True)
class Written:
    """A kind of record, the file that holds one, and the command that writes it."""

    kind: str  # the record's class
    module: str  # of this package, imported when the class is asked for
    file: str
    command: str

    @property
    def record(self) -> type[Record]:
        """The record's class."""
        record: type[Record] = getattr(import_module(f".{self.module}", __package__), self.kind)
        return record

    @property
    def version(self) -> str:
        """What the record's `schema_version` says, 'rooflink.profile/1'."""
        return str(self.record.model_fields["schema_version"].default)


WRITTEN = {
    "profile": Written("Profile", "profile", "profile.json", "rooflink profile"),
    "evaluation": Written("Evaluation", "evaluation", "evaluation.json", "rooflink eval"),
    "cell": Written("Cell", "evaluation", "cells/*.json", "rooflink eval"),
    "levers": Written("LeverStudy", "lever_study", "levers.json", "rooflink levers"),
    "codesign": Written("CodesignReport", "codesign", "codesign.json", "rooflink codesign"),
    "training": Written("Training", "training", "training.json", "rooflink train"),
    "validation": Written("Validation", "validation", "validation.json", "rooflink validate"),
}


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of one of `WRITTEN`, as its record is written now: derived figures too.

    `schema_version` is required, though the record has a default: a file without one is refused.
    """
    written = WRITTEN[name]
    schema = written.record.model_json_schema(mode="serialization")
    required = [field for field in schema["required"] if field != "schema_version"]
    head = {
        "$schema": DIALECT,
        "$id": f"urn:{written.version.replace('.', ':').replace('/', ':')}",
        "title": f"rooflink {name}: {written.file}",
    }
    body = {key: schema[key] for key in ("description", "type", "properties")}
    rest = {"additionalProperties": False, "$defs": schema["$defs"]}
    return head | body | {"required": ["schema_version", *required]} | rest


def published_text(name: str) -> str:
    """The published file of one of `WRITTEN`."""
    return files(__package__).joinpath(FOLDER, file_name(name)).read_text("utf-8")


def file_name(name: str) -> str:
    """Of the published file, in schemas/."""
    return f"{name}.schema.json"


def text_of(name: str) -> str:
    """What the published file must hold."""
    return json.dumps(schema_of(name), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for record_name in WRITTEN:
        path = Path(__file__).parent / FOLDER / file_name(record_name)
        path.write_text(text_of(record_name), encoding="utf-8")
