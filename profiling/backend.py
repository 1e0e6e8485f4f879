"""This process and its machine: which backend JAX starts, how it compiles, which kernel a device
wants, what a process of our own inherits, and what a record says of it all.

Importing this needs no JAX.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .records import Provenance

if TYPE_CHECKING:
    from jax import Device

    from ..model.transformer import QueryKernel

TPU_DEVICES = ("accel*", "vfio/[0-9]*")
GPU_PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm7_plugin")


def choose_backend() -> None:
    """Keep JAX from starting libtpu on a machine without a TPU.

    libtpu is installed here for its compiler; started as a device it searches the network for one
    and prints warnings. The user's own JAX_PLATFORMS wins; call before JAX is first used.
    """
    if "JAX_PLATFORMS" in os.environ or find_spec("libtpu") is None or _has_tpu():
        return
    if any(find_spec(plugin) for plugin in GPU_PLUGINS):
        return
    if jax := sys.modules.get("jax"):
        jax.config.update("jax_platforms", "cpu")
    else:
        os.environ["JAX_PLATFORMS"] = "cpu"  # which JAX reads when it is imported, if it ever is


def _has_tpu() -> bool:
    return any(any(Path("/dev").glob(pattern)) for pattern in TPU_DEVICES)


def child_environment(more: Mapping[str, str]) -> dict[str, str]:
    """For a process of our own: this one's environment and import path, with `more`."""
    path = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": path, **more}


@contextmanager
def scope_names_kept() -> Iterator[None]:
    """XLA compiles anew inside: programs that JAX keeps on disk, where $JAX_COMPILATION_CACHE_DIR
    tells it to, have lost the names of their scopes."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    settings = jax.config.values
    kept = settings["jax_compilation_cache_dir"] and settings["jax_enable_compilation_cache"]
    if not kept:
        yield
        return
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()  # it remembers that it was in use
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
        compilation_cache.reset_cache()


def attention_kernel(device: Any) -> "QueryKernel | None":
    """The kernel for a JAX device, described or real; None where XLA's own attention is as good.

    Where a TPU device is several cores (v5p), each with a VMEM of its own, XLA keeps the scores
    between its two matmuls in HBM; elsewhere it keeps them on the chip.
    """
    if device.platform != "tpu" or (getattr(device, "num_cores", None) or 1) < 2:
        return None
    from ..model.pallas_attention import PallasAttention  # Pallas is heavy, and seldom wanted

    return PallasAttention()


PACKAGES = ("rooflink", "jax", "jaxlib", "flax", "numpy")


def provenance(command: str, seed: int, ran: bool) -> Provenance:
    """Versions, commit, backend and device of this process; `ran`: whether a device was used."""
    import jax

    return Provenance(
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=command,
        versions={"python": platform.python_version()} | _package_versions(),
        git_commit=_commit(),
        backend=jax.default_backend() if ran else "none",
        device=_device(jax.devices()[0]) if ran else "none",
        cores=_cores(),
        seed=seed,
    )


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _package_versions() -> dict[str, str]:
    result = {}
    for package in PACKAGES:
        try:
            result[package] = version(package)
        except PackageNotFoundError:  # e.g. run from a checkout that is on the path
            continue
    return result


def _device(device: "Device") -> str:
    """The accelerator's own name; for a CPU the processor's, which JAX does not know."""
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
