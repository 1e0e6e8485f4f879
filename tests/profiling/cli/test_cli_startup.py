"""What a command loads before its first byte: own modules by number, heavy libraries by name."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from rooflink.profiling.cli.app import COMMANDS, load_command

HEAVY = {"jax", "flax", "scipy", "matplotlib", "altair", "optax", "tensorboardX", "huggingface_hub",
         "numpy"}  # fmt: skip

LOADED = """
import json, sys
{before}
from rooflink.profiling.cli import main
sys.argv = ["rooflink", *{arguments!r}]
try:
    main()
except SystemExit as stopped:
    assert not stopped.code, stopped.code
print("\\nLOADED", json.dumps(sorted(sys.modules)))
"""


READS_LITTLE = "from rooflink.profiling.measured import machine; machine.READ_BYTES = 2**24"
"""What a run on this machine loads anyway; it need not know how fast the machine is."""


@cache
def loaded(*arguments: str, before: str = "") -> frozenset[str]:
    """Modules in a fresh process that runs `before`, after `rooflink ARGUMENTS`."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(arguments=arguments, before=before)],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    return frozenset(json.loads(done.stdout.rpartition("\nLOADED")[2]))


def own(modules: frozenset[str]) -> list[str]:
    return sorted(name for name in modules if name.startswith("rooflink."))


@pytest.mark.parametrize(
    ("most", "arguments"),
    [(10, ()), (10, ("--help",)), (25, ("chips",)), (25, ("chips", "v5e")), (30, ("models",))],
)
def test_listings_load_few_modules_and_nothing_heavy(most: int, arguments: tuple[str, ...]) -> None:
    modules = loaded(*arguments)
    assert len(own(modules)) <= most, own(modules)
    assert modules & HEAVY == set()


def test_a_prediction_needs_numpy_and_no_jax() -> None:
    modules = loaded("predict", "--model", "llama3-8b", "--slice", "v5e-8")
    assert len(own(modules)) <= 60, own(modules)
    assert modules & HEAVY == {"numpy"}


def test_a_plain_profile_loads_no_other_strategy_and_no_reader_of_traces(tmp_path: Path) -> None:
    small = ("--limit", "1", "--attempts", "1", "--think-budget", "2", "--repeats", "1")
    modules = loaded("profile", *small, "--out", str(tmp_path / "run"), before=READS_LITTLE)
    assert len(own(modules)) <= 130, own(modules)
    others = {"model.strategies.registry", "model.strategies.voting", "profiling.strategy_request",
              "profiling.measured.trace_capture", "profiling.compiled.xprof",
              "profiling.evaluation", "profiling.co_design", "model.weights.gguf",
              "model.training"}  # fmt: skip
    assert {name.removeprefix("rooflink.") for name in modules} & others == set()


def test_pythons_prediction_needs_numpy_and_no_jax() -> None:
    code = (
        "import json, sys, rooflink.profiling as rp\n"
        "rp.predict('llama3-8b', 'v5e-8', progress=False)\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) & HEAVY == {"numpy"}


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    for name, summary in COMMANDS.items():
        help_text = load_command(name).help or ""
        first = " ".join(help_text.partition("\n\n")[0].split())
        assert first == summary, name


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        ("compile", "--topology", "--slice"),
        ("compile", "--think-steps", "--think"),
        ("codesign", "--budget", "--chip-budget"),
        ("codesign", "--slices", "--slice now, given once for each value"),
        ("explore", "--models", "--model now, given once for each value"),
        ("explore", "--weight-dtypes", "--dtype"),
        ("eval", "--budgets", "--think-budget"),
    ],
)
def test_old_options_say_the_new_ones(rooflink, command: str, old: str, new: str) -> None:
    for arguments in ([old, "x"], [f"{old}=x"]):
        done = rooflink(command, *arguments)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"error: {old} is called {new}")
        assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", ["chips", "models --json", "--help"])
def test_a_reader_that_is_gone_is_no_failure(arguments: str) -> None:
    """As in `rooflink chips | true`."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "rooflink", *arguments.split()],
            stdout=nobody, stderr=subprocess.PIPE, check=False, timeout=120,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
