"""Tests run on the CPU, also where libtpu is installed for its compiler."""

import os
import secrets

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")


def pytest_configure(config: pytest.Config) -> None:
    """What XLA compiled is kept beside pytest's own cache: most of the tests' time is compiling the
    same small programs. Set before the first import of jax, and read by processes that tests start.
    """
    if config.pluginmanager.has_plugin("cacheprovider"):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The default tests, all of them, run in a process for each of up to four cores, file by file
    (`-n 0`: in one); `pytest -m fuzz` is the long run of tests/fuzz/README.md."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # which would start workers of its own
        return
    every = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    if every and "not slow" in config.option.markexpr and not config.option.usepdb:
        if config.getoption("numprocesses", 0) is None:
            config.option.numprocesses = min(4, os.cpu_count() or 1)
            config.option.dist = "loadfile"
    elif config.option.markexpr == "fuzz":
        os.environ.setdefault("FUZZ_EXAMPLES", "20000")
        if config.getoption("hypothesis_seed", None) is None:
            config.option.hypothesis_seed = str(secrets.randbits(32))
