"""Tests run on the CPU, also where libtpu is installed for its compiler."""

import os
import secrets
import sys
from importlib.metadata import version

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")

QUICK_TO_COMPILE = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_parallel_codegen_split_count=1 --xla_cpu_prefer_vector_width=128"
)
"""XLA's options for programs that run once: compiling is their cost, not running. One module for
LLVM and no wide vectors take a fifth less of the processor."""
if version("jaxlib") < "0.11":  # later ones end the process at an option that they do not know
    QUICK_TO_COMPILE += " --xla_cpu_use_fusion_emitters=false"
LONG_FILES = (
    "test_signals.py", "test_loop.py", "test_promises.py", "test_embedded.py", "test_retraining.py",
    "test_guide.py", "test_notebooks.py", "test_cli_profile.py", "test_sharding.py",
    "test_strategies.py", "test_speculation.py", "test_compile.py", "test_search.py",
    "test_cli_startup.py", "test_same_figures.py", "test_drafts_profile.py", "test_one_number.py",
    "test_strategy_profile.py", "test_cli_train.py", "test_cli_trace.py", "test_cli_compile.py",
    "test_transformer.py", "test_decode_attention.py", "test_board_browser.py",
)  # fmt: skip
"""Begun first, in this order, so that no process waits for one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


def pytest_configure(config: pytest.Config) -> None:
    """What XLA compiled is kept beside pytest's own cache, and so is what rooflink keeps for later
    runs: every process of the tests reads what another has compiled and measured. Set before the
    first import of jax, and read by processes that tests start.

    Python's bytecode is kept too, whatever PYTHONDONTWRITEBYTECODE says: without it every process
    compiles rooflink, and pytest the assertions of every test, again.

    Slow tests run models whose speed matters, with weights from the user's own cache.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if quick := "not slow" in config.option.markexpr:
        os.environ.setdefault("XLA_FLAGS", QUICK_TO_COMPILE)
    if config.pluginmanager.has_plugin("cacheprovider"):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
        if quick:
            os.environ.setdefault("ROOFLINK_CACHE", str(config.cache.mkdir("rooflink")))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """All default tests run file by file in up to four processes, one a core, for each collects
    them all; slow ones in two (`-n 0`: in one). `pytest -m fuzz` is the long run of
    tests/fuzz/README.md."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # which would start workers of its own
        return
    asked, cores = config.option.markexpr, os.cpu_count() or 1
    every = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    if every and "slow" in asked and not config.option.usepdb:
        if config.getoption("numprocesses", 0) is None:
            config.option.numprocesses = min(4 if "not slow" in asked else 2, cores)
            config.option.dist = "loadfile"
            config.option.loadscopereorder = False  # by length, above, not by number of tests
    elif asked == "fuzz":
        os.environ.setdefault("FUZZ_EXAMPLES", "20000")
        if config.getoption("hypothesis_seed", None) is None:
            config.option.hypothesis_seed = str(secrets.randbits(32))
