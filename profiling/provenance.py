"""Where and by what a profile was made."""

import os
import platform
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax

from .records import Provenance

PACKAGES = ("rooflink", "jax", "jaxlib", "flax", "numpy")


def provenance(command: str, seed: int, ran: bool) -> Provenance:
    """Versions, commit, backend and device of this process; `ran`: whether a device was used."""
    return Provenance(
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=command,
        versions={"python": platform.python_version()} | _package_versions(),
        git_commit=_commit(),
        backend=jax.default_backend() if ran else "none",
        device=_device() if ran else "none",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        seed=seed,
    )


def _package_versions() -> dict[str, str]:
    result = {}
    for package in PACKAGES:
        try:
            result[package] = version(package)
        except PackageNotFoundError:  # e.g. run from a checkout that is on the path
            continue
    return result


def _cores() -> int:
    return os.cpu_count() or 1


def _device() -> str:
    """The accelerator's own name; for a CPU the processor's, which JAX does not know."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return str(device.device_kind)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "cpu"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "cpu"


def _commit() -> str | None:
    """The commit of the checkout this package runs from, if it runs from one."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None
