"""Trainings that are cut short: a listener that interrupts, and runs that are killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from rooflink.model.training.loop import CHECKPOINT, CURVE, Figures
from rooflink.model.training.rollout import Rollouts


class Listener:
    """Keeps what it hears; interrupts after a given step, as Ctrl-C would."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at = dies_at
        self.resumed_at: int | None = None
        self.steps: list[int] = []
        self.phases: list[str] = []
        self.rollouts: list[Rollouts] = []

    def resumed(self, step: int) -> None:
        self.resumed_at = step

    def advanced(self, figures: Figures, steps: int) -> None:
        self.steps.append(int(figures["step"]))
        if figures["step"] == self.dies_at:
            raise KeyboardInterrupt

    def phase(self, name: str, time_s: float) -> None:
        self.phases.append(name)

    def sampled(self, rollouts: Rollouts) -> None:
        self.rollouts.append(rollouts)

    def scored(self, lengths: list[int], models: int) -> None: ...

    def updated(self, lengths: list[int]) -> None: ...


class Printing(Listener):
    """Prints how far a run in a process of its own is."""

    def resumed(self, step: int) -> None:
        print("resumed", step, flush=True)

    def advanced(self, figures: Figures, steps: int) -> None:
        print("at", int(figures["step"]), flush=True)


def require_same_end_when_killed(
    script: str, folder: Path, steps_between: int, sign: signal.Signals = signal.SIGKILL
) -> None:
    """Run `script` with a folder of `folder` as its argument: once whole, and once sent `sign` at
    three moments, `steps_between` steps apart. Both must write the same bytes.

    The script trains into its argument with a `Printing` watcher.
    """
    finish(script, folder / "whole")
    for kill in range(3):
        with _start(script, folder / "killed") as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("at") and int(line.split()[1]) >= steps_between * (kill + 1):
                    break
            time.sleep(0.013 * kill)  # now and then in the middle of a checkpoint
            process.send_signal(sign)
    assert "resumed" in finish(script, folder / "killed")
    for name in ("model.safetensors", CURVE):
        whole = (folder / "whole" / name).read_bytes()
        assert (folder / "killed" / name).read_bytes() == whole
    assert (folder / "killed" / CHECKPOINT).exists()


def kill_after(script: str, out: Path, lines: int, sign: signal.Signals) -> None:
    """Send `sign` to the script once it has printed so many lines."""
    with _start(script, out) as process:
        assert process.stdout is not None
        for _ in zip(range(lines), process.stdout, strict=False):
            pass
        process.send_signal(sign)


def finish(script: str, out: Path) -> str:
    """What the script printed, once it has ended well."""
    with _start(script, out) as process:
        assert process.stdout is not None
        text = process.stdout.read()
    assert process.returncode == 0, text
    return text


def _start(script: str, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, str(out)]
    path = os.pathsep.join(
        [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    )
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
