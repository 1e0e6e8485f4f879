"""Compiled programs as they are kept on disk: what XLA says of one, what it moves, its HLO.

A key is the hash of the program's spec, the compiler's versions and rooflink's own sources, so that
what is kept is found without lowering anything. An entry is one file, written whole or not at all.
"""

import gzip
import hashlib
import os
import tempfile
import zlib
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter

from ...model.weights.host_memory import cache_folder
from ..errors import ProfileInputError
from ..records import CompiledPhase
from ..records.files import write_bytes
from .spec import ProgramSpec, Target

_QUICK = 1  # gzip's level

Kind = Literal["weights", "kv", "other"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a compiled program's entry computation; `number` counts from 0."""

    number: int
    name: str  # 'blocks.query', 'cache.stacks.0.keys', 'token'
    kind: Kind
    axes: str  # letters as in `model.config`, 'LDKGH'; '' for a scalar or an unnamed one
    shape: tuple[int, ...]  # of the whole tensor, not of a device's part
    dtype: str


@dataclass(frozen=True)
class TensorLayout:
    """How a tensor lies in memory: axes from the slowest to the fastest, and its tiles."""

    major_to_minor: tuple[int, ...]
    tiling: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True)
class Program:
    """One phase's program for one target, with what it moves."""

    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    parameters: tuple[Parameter, ...]
    layouts: dict[str, TensorLayout]  # of weights and cache at the program's entry
    cost: CompiledPhase
    module: bytes  # HloModuleProto or HloProto, optimised and scheduled
    assigned: bytes  # HloProto with the buffer assignment; empty where it is not to be had


_PROGRAM = TypeAdapter(Program)
_SPEC = TypeAdapter(ProgramSpec)


def compiler_versions(target: Target) -> dict[str, str]:
    versions = {}
    for package in ("jax", "jaxlib", *(["libtpu"] if target.platform == "tpu" else [])):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # e.g. a nightly build under another name
            versions[package] = "unknown"
    return versions


def program_key(spec: ProgramSpec, phase: str) -> str:
    digest = hashlib.sha256(_SPEC.dump_json(replace(spec, phases=(phase,))))
    digest.update(f"{compiler_versions(spec.target)} {_sources()}".encode())
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
def _passing_folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="rooflink-compiled-")


@dataclass(frozen=True)
class Store:
    """Programs by key in `folder`, which is made when the first one is put."""

    folder: Path

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.json.gz"

    def get(self, key: str) -> Program | None:
        """The program of `key`; None where it is missing or, by its checksum, damaged."""
        try:
            return _PROGRAM.validate_json(gzip.decompress(self.path(key).read_bytes()))
        except (OSError, EOFError, zlib.error, ValueError):
            return None

    def put(self, key: str, program: Program) -> None:
        """Keep a program. Raises ProfileInputError where the folder cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_bytes(self.path(key), gzip.compress(_PROGRAM.dump_json(program), _QUICK))
        except OSError as error:
            raise ProfileInputError(
                f"compiled programs cannot be kept in {self.folder}: "
                f"{error.strerror or error}; set ROOFLINK_CACHE to a folder with room that can "
                "be written"
            ) from error
