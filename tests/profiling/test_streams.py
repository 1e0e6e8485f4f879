"""Standard streams that are full, closed or poor in characters, and Ctrl-C before there is work."""

import os
import signal
import subprocess
import sys

import pytest

INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.{signal})

sys.meta_path.insert(0, Finder())
from rooflink.profiling.cli import main
sys.argv = ["rooflink", "chips"]
main()
"""


def shell(line: str, **environment: str) -> tuple[int, str]:
    """Exit code and stderr of a line in which $ROOFLINK is the command."""
    command = f"{sys.executable} -m rooflink"
    own = {"ROOFLINK": command, "PYTHONUNBUFFERED": "", **environment}
    done = subprocess.run(
        ["/bin/sh", "-c", line], env=os.environ | own, capture_output=True, timeout=120, check=False
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    "command",
    ["chips", "--help", "schema profile", "predict --model llama3-8b --slice v5e-8 --json"],
)
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_behind_stdout_is_one_sentence(command: str) -> None:
    """After the lines of progress, which a slow machine begins to print."""
    code, said = shell(f"$ROOFLINK {command} >/dev/full")
    ended = [line for line in said.splitlines() if not line.endswith(" ...")]
    sentence = "error: cannot write to standard output: No space left on device"
    assert (code, ended) == (2, [sentence])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_behind_stderr_keeps_the_exit_code() -> None:
    assert shell("$ROOFLINK chips nosuch 2>/dev/full") == (2, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_failure(closed: str) -> None:
    assert shell(f"$ROOFLINK chips {closed}") == (0, "")


def test_a_closed_stdout_hides_no_mistake() -> None:
    code, said = shell("$ROOFLINK chips nosuch >&-")
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("error: no chip is named 'nosuch'")


def test_characters_that_the_terminal_lacks_are_replaced() -> None:
    assert shell("$ROOFLINK --help", PYTHONIOENCODING="ascii") == (0, "")
    code, said = shell("$ROOFLINK chips größe", PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("error: no chip is named 'gr??e'")


@pytest.mark.parametrize("module", ["typer", "rich.console", "rooflink.profiling.cli.app"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_modules_load_is_one_sentence(module: str, number: signal.Signals) -> None:
    code = INTERRUPTED.format(module=module, signal=number.name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (128 + number, b"interrupted: nothing was written\n")
    assert done.stdout == b""


ENDING = """
import atexit, os, signal, sys, weakref

class Ends:
    pass

from rooflink.profiling.cli import main
ends = Ends()
weakref.finalize(ends, os.kill, os.getpid(), signal.{signal})  # when Python has begun to end
sys.argv = ["rooflink", "chips", {chip!r}]
main()
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(("chip", "code"), [("v5e", 0), ("v99", 2)])
def test_a_signal_while_python_ends_changes_nothing(number: str, chip: str, code: int) -> None:
    script = ENDING.format(signal=number, chip=chip)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
    assert done.returncode == code
    assert done.stderr.count(b"\n") == (1 if code else 0)
