"""What JAX makes of loops and branches, compiled for a TPU, whose programs state no trips."""

from pathlib import Path

import pytest

from rooflink.profiling.compiled.hlo.proto import read_module
from rooflink.profiling.compiled.traffic.walk import module_traffic

PROGRAMS = Path(__file__).with_name("jax_programs")


@pytest.mark.parametrize(
    ("name", "runs", "branches"),
    [
        ("causal_blocks", [8, sum(range(1, 9))], []),
        ("windowed_blocks", [10, 1 + 2 + 3 + 7 * 4], []),
        ("three_deep", [4, 1 + 2 + 3 + 4, 1 + (2 + 1) + (3 + 2 + 1) + (4 + 3 + 2 + 1)], []),
        ("remat_scan", [6, 6], []),
        ("sampler", [32], []),
        ("accumulated", [8], [[1, 7]]),
        ("in_turns", [11], [[3, 4, 4]]),
        ("shifting", [10], []),  # 1000 has ten bits
    ],
)
def test_loops_and_branches(name: str, runs: list[int], branches: list[list[int]]) -> None:
    traffic = module_traffic(read_module(PROGRAMS / f"{name}.pb.gz"))
    assert sorted(loop.runs for loop in traffic.loops) == sorted(runs)
    assert traffic.unresolved_loops == ()
    assert [loop.early_exit for loop in traffic.loops] == [name == "sampler"] * len(runs)
    counted = [sorted(branch.runs for branch in one.branches) for one in traffic.conditionals]
    assert counted == branches
    assert traffic.upper_bounds == ()
