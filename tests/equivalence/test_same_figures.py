"""Every command's figures are what they were when tests/equivalence/before was written.

Counted and compiled figures to the last digit; predicted ones within PREDICTED_TOLERANCE, where the
calibration is the one that they were recorded with. A figure that is meant to change has an entry
in MENDED that says why.
"""

import math
import os
from pathlib import Path

import pytest
from recorded_commands import (
    BEFORE,
    COMMANDS,
    MENDED,
    RUNS,
    differences,
    figures_now,
    recorded,
    unmended,
    versions,
)


def marked(name: str) -> pytest.ParameterSet:
    mark = COMMANDS[name].mark
    return pytest.param(name, marks=getattr(pytest.mark, mark) if mark else ())


@pytest.mark.parametrize("name", [marked(name) for name in COMMANDS])
def test_figures_are_what_they_were(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_with, _, before = record = recorded(name)
    if (name in RUNS or COMMANDS[name].mark == "tpu_compiler") and made_with != versions(name):
        pytest.skip(f"recorded with {made_with}, here is {versions(name)}")
    monkeypatch.chdir(tmp_path)
    if flags := os.environ.get("XLA_FLAGS"):  # fused as for a user, and kept apart from others
        flags = flags.replace("--xla_cpu_use_fusion_emitters=false", "")
        monkeypatch.setenv("XLA_FLAGS", flags)
        monkeypatch.setenv("ROOFLINK_CACHE", str(tmp_path / "cache"))
    found = unmended(name, differences(before, figures_now(name)), record.refitted)
    assert [f"{each.path}: {each.before!r} -> {each.now!r}" for each in found] == []


def test_each_command_is_recorded_and_each_record_is_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in BEFORE.iterdir()}
    assert set(sizes) == set(COMMANDS)
    assert max(sizes.values()) < 90_000  # validation's errors by chip and stack
    assert sum(sizes.values()) < 300_000


def test_a_change_is_seen_and_one_that_is_mended_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"think": {"flops": 10, "time_s": [1.0, 2.0]}, "gone": 1}
    now = {"think": {"flops": 11, "time_s": [1.0, 2.1]}, "new": "word"}
    paths = [each.path for each in unmended("verb", differences(before, now))]
    assert paths == ["think/flops", "think/time_s/1", "gone", "new"]
    monkeypatch.setitem(MENDED, "verb/think/*", (math.inf, "because"))
    assert [each.path for each in unmended("verb", differences(before, now))] == ["gone", "new"]
    monkeypatch.setitem(MENDED, "verb/think/*", (0.08, "because, and by so much at most"))
    paths = [each.path for each in unmended("verb", differences(before, now))]
    assert paths == ["think/flops", "gone", "new"]


def test_what_is_fitted_is_compared_under_the_same_calibration_alone() -> None:
    before = {"predicted": {"time_s": [1.0], "flops": 2.0, "bound": "memory"},
              "at_peak": {"time_s": {"think": 1.0}, "bound": {"think": "memory"}},
              "counted": {"flops": 1}}  # fmt: skip
    now = {"predicted": {"time_s": [3.0], "flops": 2.1, "bound": "links"},
           "at_peak": {"time_s": {"think": 1.1}, "bound": {"think": "links"}},
           "counted": {"flops": 2}}  # fmt: skip
    found = list(differences(before, now))
    assert unmended("profile", found) == found
    paths = [each.path for each in unmended("profile", found, refitted=True)]
    assert paths == ["predicted/flops", "at_peak/time_s/think", "at_peak/bound/think",
                     "counted/flops"]  # fmt: skip


def test_rounding_is_forgiven_where_it_is_predicted_alone() -> None:
    before = {"predicted": {"s": 1.0, "flops": 10**9}, "at_peak": {"s": 1.0},
              "asks": {"a": 0.01, "b": 0.01}}  # fmt: skip
    now = {"predicted": {"s": 1.0 + 1e-6, "flops": 10**9 + 1}, "at_peak": {"s": 1.0 + 1e-6},
           "asks": {"a": 0.010001, "b": 0.01001}}  # fmt: skip
    paths = [each.path for each in unmended("verb", differences(before, now))]
    assert paths == ["predicted/flops", "at_peak/s", "asks/b"]
