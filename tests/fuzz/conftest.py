"""Hypothesis profiles of the fuzz tests: `ci` with every default run, `fuzz` with `pytest -m fuzz`.

tests/conftest.py chooses: it sets FUZZ_EXAMPLES, and a seed, where the long run is asked for.
"""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzzing import TALLIES, limit_memory
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine

CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much,
          HealthCheck.large_base_example]  # fmt: skip
LONG = "FUZZ_EXAMPLES" in os.environ
REPR_OF_A_LARGE_CASE = pytest.mark.filterwarnings("ignore:Generating overly large repr")
"""Raised where a case of 30 kB fails, this warning would hide what was raised."""

settings.register_profile(
    "ci", max_examples=30, derandomize=True, deadline=None, database=None,
    suppress_health_check=CHECKS,
)  # fmt: skip
settings.register_profile(
    "fuzz", max_examples=int(os.environ.get("FUZZ_EXAMPLES", "1")), deadline=None, database=None,
    suppress_health_check=CHECKS, print_blob=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)  # fmt: skip
engine.CACHE_SIZE = 256  # cases kept for shrinking, with all they hold: 10,000 records take 1 GB
settings.load_profile("fuzz" if LONG else "ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.fuzz)
            item.add_marker(REPR_OF_A_LARGE_CASE)


@pytest.fixture(autouse=True, scope="session")
def bounded_memory() -> Iterator[None]:
    """In the long run a reader may map 4 GB more than the process has, and hold 1 GB more."""
    if LONG:
        limit_memory(4 << 30)
    before = peak_bytes()
    yield
    assert not LONG or peak_bytes() - before < 1 << 30, "a reader held more than 1 GB"


def peak_bytes() -> int:
    """Of this process, resident."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not (LONG and TALLIES):
        return
    terminalreporter.section("fuzz cases by reader")
    for name, tally in sorted(TALLIES.items()):
        terminalreporter.line(
            f"{name:32} {tally.read + tally.refused:9,} cases: {tally.read:,} read, "
            f"{tally.refused:,} refused; slowest {tally.slowest_s:.2f} s of CPU"
        )
    total = sum(tally.read + tally.refused for tally in TALLIES.values())
    terminalreporter.line(
        f"{'all':32} {total:9,} cases; seed {config.option.hypothesis_seed}, "
        f"{os.environ['FUZZ_EXAMPLES']} examples a test, peak {peak_bytes() / 1e9:.2f} GB resident"
    )
