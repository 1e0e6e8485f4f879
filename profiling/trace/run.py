"""trace_generation: a workload's first batch once more, traced, and where its time went."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...model.generate import Observer
from ..measured.run import Runs
from ..record import Clock, Trace
from ..watcher import Watcher
from .capture import PhaseSteps, capture
from .cores import cores_work
from .places import read_places
from .space import read_planes
from .table import Windows, read_windows, scope_times
from .threads import PLANE as HOST
from .threads import threads_work


def trace_generation(
    generation: Callable[[Observer], object],
    runs: Runs[Any],
    folder: Path,
    watcher: Watcher,
) -> Trace:
    """Trace `generation`, the first batch of the timed `runs` once more, into `folder`.

    What goes wrong, an interruption included, is the record's `problem`: the timed runs stand.
    """
    if runs.interrupted:
        return _without("the run was interrupted before its traced generation")
    passes = runs.clocks[0][0].passes
    watcher.stage("Tracing one generation", total=passes, unit="passes")
    steps = PhaseSteps(on_progress=lambda phase, passes, active: watcher.advance(passes))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = capture(generation, steps, folder)
    except KeyboardInterrupt:
        return _without("the traced generation was interrupted")
    except OSError as error:
        return _without(f"the trace cannot be written to {folder}: {error.strerror or error}")
    except RuntimeError as error:
        return _without(f"tracing is not available here: {str(error).splitlines()[0]}")
    watcher.stage("Reading the trace")
    found = read_trace(file)
    return found.model_copy(
        update={
            "session": file.parent.relative_to(folder).as_posix(),
            "traced_s": steps.time_s,
            "untraced_s": runs.first_batch_s,
        }
    )


def read_trace(file: Path) -> Trace:
    """What a session's file says: self times by phase and scope, of a TPU's cores where it holds
    any, else of the CPU's threads."""
    try:
        planes = read_planes(file)
    except (OSError, ValueError) as error:
        return _without(f"the trace cannot be read: {error}")
    hosts = [plane for plane in planes if plane.name == HOST]
    clock: Clock = "TPU cores"
    lines = cores_work(planes)
    if not lines:
        clock, lines = "CPU threads", [work for host in hosts for work in threads_work(host)]
    if not lines:
        return _without("the trace holds no instruction of a compiled program")
    wanted = {work.op.program for line in lines for work in line if work.op}
    windows = read_windows(hosts[0]) if hosts else Windows()
    scopes, dispatch_s = scope_times(lines, read_places(planes, wanted), windows)
    return Trace(
        session=None, clock=clock, lines=len(lines), scopes=scopes, dispatch_s=dispatch_s,
        traced_s=None, untraced_s=None,
    )  # fmt: skip


def _without(problem: str) -> Trace:
    """A trace without figures, and why."""
    return Trace(
        session=None, clock=None, lines=0, scopes=[], dispatch_s=0.0, traced_s=None,
        untraced_s=None, problem=problem,
    )  # fmt: skip
