"""Tests run on the CPU, also where libtpu is installed for its compiler."""

import os

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")


def pytest_configure(config: pytest.Config) -> None:
    """What XLA compiled is kept beside pytest's own cache: most of the tests' time is compiling the
    same small programs. Set before the first import of jax, and read by processes that tests start.
    """
    if config.pluginmanager.has_plugin("cacheprovider"):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
