"""Store of compiled phases on disk, by the content of what was compiled.

A key is the hash of the lowered program with its target, compiler and options. An entry is a
folder of three files that appears whole or not at all; one that does not match its own hashes is
thrown away, so that its program is compiled again.
"""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from ...model.weights.host_memory import cache_folder
from ..errors import ProfileInputError
from .executable import CompiledPhase, CompiledRecord, Protos

HLO_FILE, ASSIGNED_FILE, RECORD_FILE = "module.hlo.pb", "assigned.hlo.pb", "record.json"
SCHEMA = "rooflink.compiled/3"

_RECORD = TypeAdapter(CompiledRecord)


def default_store() -> "Store":
    """The store under the folder where rooflink keeps what it downloads; one that is gone with this
    process where that cannot be written."""
    folder = cache_folder() / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except (OSError, ValueError):
        writable = False
    return Store(folder if writable else Path(_passing_folder().name))


@cache
def _passing_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rooflink-compiled-")


def content_key(*parts: str) -> str:
    """Hash of `parts`, each with its length, so that no two lists of parts look the same."""
    digest = hashlib.sha256(SCHEMA.encode())
    for part in parts:
        data = part.encode()
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Store:
    """Entries by key in `folder`, which is made when the first one is put."""

    folder: Path

    def get(self, key: str, cached: bool = True) -> CompiledPhase | None:
        """The entry of `key`; None, and nothing left of it, where it is missing or damaged."""
        entry = self.folder / key
        try:
            record = _read_record(entry)
        except (OSError, ValueError):
            shutil.rmtree(entry, ignore_errors=True)
            return None
        return CompiledPhase(record, entry / HLO_FILE, entry / ASSIGNED_FILE, cached)

    def put(self, key: str, record: CompiledRecord, protos: Protos) -> None:
        """Keep an entry. Raises ProfileInputError where the folder cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
            try:
                _write_entry(scratch, record, protos)
                _move(scratch, self.folder / key)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        except OSError as error:
            raise ProfileInputError(
                f"compiled programs cannot be kept in {self.folder}: "
                f"{error.strerror or error}; set ROOFLINK_CACHE to a folder with room that can "
                "be written"
            ) from error


def _write_entry(folder: Path, record: CompiledRecord, protos: Protos) -> None:
    body = _RECORD.dump_json(record).decode()
    envelope = {"schema": SCHEMA, "sha256": _hashes(body, protos), "record": body}
    (folder / HLO_FILE).write_bytes(protos.module)
    (folder / ASSIGNED_FILE).write_bytes(protos.assigned)
    (folder / RECORD_FILE).write_text(json.dumps(envelope))
    folder.chmod(0o755)


def _move(scratch: Path, entry: Path) -> None:
    """Give a finished folder its name, unless another process was first."""
    try:
        os.rename(scratch, entry)
    except OSError:
        if not entry.is_dir():
            raise


def _read_record(entry: Path) -> CompiledRecord:
    """The record of an entry. Raises ValueError or OSError where anything is not as written."""
    envelope = json.loads((entry / RECORD_FILE).read_text())
    if not isinstance(envelope, dict) or envelope.get("schema") != SCHEMA:
        raise ValueError("another schema")
    body = str(envelope.get("record"))
    protos = Protos((entry / HLO_FILE).read_bytes(), (entry / ASSIGNED_FILE).read_bytes())
    if envelope.get("sha256") != _hashes(body, protos):
        raise ValueError("changed since it was written")
    return _RECORD.validate_json(body)


def _hashes(body: str, protos: Protos) -> dict[str, str]:
    parts = {"record": body.encode(), "hlo": protos.module, "assigned": protos.assigned}
    return {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
