"""What commands cost to start and to run, beside `import jax, flax` in the same run.

    python tests/benchmarks/startup.py [--rounds 3] [--only chips,predict]

Prints CPU seconds (user and system, threads and all; the least over the rounds, one round for what
takes long), their ratio to the CPU seconds of `python -c "import jax, flax"`, and how many modules
of rooflink's own each command loads. Every command runs in a process of its own, from bytecode as
an installed package has it, with no cache of compiled programs. `profile` is the default one;
`codesign` reads one profile (llama3-8b, no weights) over the five default slices. Nothing is
asserted: machines differ and are noisy.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
YARDSTICK = "import jax, flax"
LONG_S = 5.0  # of CPU: measured once

COMMANDS: dict[str, tuple[str, ...]] = {
    "help": ("--help",),
    "chips": ("chips",),
    "models": ("models",),
    "predict": ("predict", "--model", "llama3-8b", "--slice", "v5e-8"),
    "profile": ("profile", "--out", "profile"),
    "codesign": ("codesign", "costed", "--out", "codesign"),
}
COSTED = ("profile", "--model", "llama3-8b", "--weights", "none", "--out", "costed")

START = """
import atexit, sys
from pathlib import Path

def keep():
    files = (getattr(module, "__file__", None) for name, module in list(sys.modules.items())
             if name.startswith("rooflink."))
    Path("modules.txt").write_text("\\n".join(filter(None, files)))

atexit.register(keep)
sys.argv = ["rooflink", *sys.argv[1:]]
from {module} import {function}
{function}()
"""
BYTECODE = """
import compileall, importlib
for package in ("model", "profiling", "tpu_configs"):
    compileall.compile_dir(importlib.import_module("rooflink." + package).__path__[0], quiet=1)
"""


def program() -> str:
    """What the installed command `rooflink` does, from pyproject.toml; lists its modules."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["rooflink"].split(":")
    return START.format(module=module, function=function)


def environment() -> dict[str, str]:
    """This one, but bytecode is kept and compiled programs are not."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "JAX_COMPILATION_CACHE_DIR")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def cpu_s(folder: Path, code: str, *arguments: str) -> float:
    """CPU seconds of a process that runs `code` in `folder`."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=folder, env=environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"rooflink {' '.join(arguments)} ended with {process.returncode}: {said[-2000:]}")
    return used.ru_utime + used.ru_stime


def fresh(arguments: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The same into another folder, where the command writes one."""
    return tuple(name if i and arguments[i - 1] == "--out" else each
                 for i, each in enumerate(arguments))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(COMMANDS), help="of " + ", ".join(COMMANDS))
    options = parser.parse_args()
    asked = {name: COMMANDS[name] for name in options.only.split(",")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cpu_s(folder, BYTECODE)
        cpu_s(folder, YARDSTICK)
        yardstick = min(cpu_s(folder, YARDSTICK) for _ in range(options.rounds))
        print(f"{'':<10}{'CPU s':>8}{'ratio':>8}{'own modules':>13}")
        print(f"{'jax, flax':<10}{yardstick:8.2f}{1:8.2f}")
        if "codesign" in asked:
            cpu_s(folder, program(), *COSTED)
        for label, arguments in asked.items():
            times: list[float] = []
            while len(times) < options.rounds and (not times or times[0] < LONG_S):
                times.append(cpu_s(folder, program(), *fresh(arguments, f"{label}-{len(times)}")))
            modules = len((folder / "modules.txt").read_text().splitlines())
            print(
                f"{label:<10}{min(times):8.2f}{min(times) / yardstick:8.2f}{modules:13d}",
                flush=True,
            )


main()
