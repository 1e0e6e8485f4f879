"""Tests run on the CPU, also where libtpu is installed for its compiler."""

import os
import secrets

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")

LONG_FILES = {
    "test_sharding.py", "test_strategies.py", "test_cli_profile.py", "test_cli_train.py",
    "test_fuzz_levers.py", "test_search.py", "test_same_figures.py", "test_strategy_profile.py",
    "test_calibrate.py", "test_add_a_phase.py", "test_streams.py", "test_cli_startup.py",
    "test_cli_trace.py", "test_loop.py", "test_outcome.py", "test_rollout.py", "test_embedded.py",
    "test_cli_compile.py", "test_notebook_functions.py", "test_board_browser.py",
}  # fmt: skip
"""Those of ten seconds and more: begun first, so that no process waits for one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG_FILES)


def pytest_configure(config: pytest.Config) -> None:
    """What XLA compiled is kept beside pytest's own cache: most of the tests' time is compiling the
    same small programs. Set before the first import of jax, and read by processes that tests start.
    """
    if config.pluginmanager.has_plugin("cacheprovider"):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The default tests, all of them, run file by file in up to four processes, one more than there
    are cores, for some wait for what they start (`-n 0`: in one); `pytest -m fuzz` is the long run
    of tests/fuzz/README.md."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # which would start workers of its own
        return
    every = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    if every and "not slow" in config.option.markexpr and not config.option.usepdb:
        if config.getoption("numprocesses", 0) is None:
            config.option.numprocesses = min(4, (os.cpu_count() or 1) + 1)
            config.option.dist = "loadfile"
            config.option.loadscopereorder = False  # by length, below, not by number of tests
    elif config.option.markexpr == "fuzz":
        os.environ.setdefault("FUZZ_EXAMPLES", "20000")
        if config.getoption("hypothesis_seed", None) is None:
            config.option.hypothesis_seed = str(secrets.randbits(32))
