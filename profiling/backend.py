"""Which backend JAX starts, how it compiles, and which kernel a device wants.

Importing this needs no JAX.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
