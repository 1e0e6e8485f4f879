"""Compiled programs as they are kept on disk: what XLA says of one, what it moves, its HLO.

A key is the hash of the program's spec, the compiler's versions and rooflink's own sources, so that
what is kept is found without lowering anything. An entry is a folder of three files that appears
whole or not at all; one that does not match its own hashes is thrown away and compiled again.
"""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import TypeAdapter

from ...model.weights.host_memory import cache_folder
from ..errors import ProfileInputError
from ..records import CompiledPhase
from .spec import ProgramSpec, Target

HLO_FILE, ASSIGNED_FILE, RECORD_FILE = "module.hlo.pb", "assigned.hlo.pb", "record.json"
SCHEMA = "rooflink.compiled/4"

Kind = Literal["weights", "kv", "other"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a compiled program's entry computation; `number` counts from 0."""

    number: int
    name: str  # 'blocks.query', 'cache.keys', 'token'
    kind: Kind
    axes: str  # letters as in `model.config`, 'LDKGH'; '' for a scalar or an unnamed one
    shape: tuple[int, ...]  # of the whole tensor, not of a device's part
    dtype: str


@dataclass(frozen=True)
class TensorLayout:
    """How a tensor lies in memory: axes from the slowest to the fastest, and its tiles."""

    major_to_minor: tuple[int, ...]
    tiling: tuple[tuple[int, ...], ...] | None = None


class Protos(NamedTuple):
    """A program as the compiler left it."""

    module: bytes  # HloModuleProto, optimised and scheduled
    assigned: bytes  # HloProto with the buffer assignment; empty where it is not to be had


class Program(NamedTuple):
    """One phase's program for one target, with what it moves."""

    parameters: tuple[Parameter, ...]
    layouts: dict[str, TensorLayout]  # of weights and cache at the program's entry
    cost: CompiledPhase
    protos: Protos


_BODY = TypeAdapter(tuple[tuple[Parameter, ...], dict[str, TensorLayout], CompiledPhase])
_SPEC = TypeAdapter(ProgramSpec)


def compiler_versions(target: Target) -> dict[str, str]:
    """Versions of the packages that compile for a target."""
    versions = {}
    for package in ("jax", "jaxlib", *(["libtpu"] if target.platform == "tpu" else [])):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # e.g. a nightly build under another name
            versions[package] = "unknown"
    return versions


def program_key(spec: ProgramSpec, phase: str) -> str:
    """The key of a phase's program."""
    digest = hashlib.sha256(_SPEC.dump_json(replace(spec, phases=(phase,))))
    digest.update(f"{SCHEMA} {compiler_versions(spec.target)} {_sources()}".encode())
    return digest.hexdigest()


@cache
def _sources() -> str:
    """Hash of the files that decide what is compiled and how it is read."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for folder in ("model", "tpu_configs", "profiling/compiled", "profiling/counted",
                   "profiling/predicted", "profiling/records"):  # fmt: skip
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".proto"):
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def default_store() -> "Store":
    """The store under the folder where rooflink keeps what it downloads."""
    return Store(cache_folder() / "compiled")


@dataclass(frozen=True)
class Store:
    """Programs by key in `folder`, which is made when the first one is put."""

    folder: Path

    def get(self, key: str) -> Program | None:
        """The program of `key`; None, and nothing left of it, where it is missing or damaged."""
        try:
            return _read(self.folder / key)
        except (OSError, ValueError):
            shutil.rmtree(self.folder / key, ignore_errors=True)
            return None

    def put(self, key: str, program: Program) -> None:
        """Keep a program. Raises ProfileInputError where the folder cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
            try:
                _write(scratch, program)
                _move(scratch, self.folder / key)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        except OSError as error:
            raise ProfileInputError(
                f"compiled programs cannot be kept in {self.folder}: "
                f"{error.strerror or error}; set ROOFLINK_CACHE to a folder with room that can "
                "be written"
            ) from error


def _write(folder: Path, program: Program) -> None:
    body, protos = _BODY.dump_json(program[:3]).decode(), program.protos
    envelope = {"schema": SCHEMA, "sha256": _hashes(body, protos), "program": body}
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


def _read(entry: Path) -> Program:
    """The program of an entry. Raises ValueError or OSError where anything is not as written."""
    envelope = json.loads((entry / RECORD_FILE).read_text())
    if not isinstance(envelope, dict) or envelope.get("schema") != SCHEMA:
        raise ValueError("another schema")
    body = str(envelope.get("program"))
    protos = Protos((entry / HLO_FILE).read_bytes(), (entry / ASSIGNED_FILE).read_bytes())
    if envelope.get("sha256") != _hashes(body, protos):
        raise ValueError("changed since it was written")
    return Program(*_BODY.validate_json(body), protos)


def _hashes(body: str, protos: Protos) -> dict[str, str]:
    parts = {"program": body.encode(), "hlo": protos.module, "assigned": protos.assigned}
    return {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
