"""A generation under jax.profiler, kept where XProf looks for it, and where its time went.

Phases are steps: an annotation each, around work that has finished when it ends. Names hold no
colon, at which the profiler would cut them. Python's own calls are not traced: they would cost
more than they show.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax

from ...model.generation.engine import Observer
from ..errors import ProfileInputError, Watcher, acknowledge, interruptible
from ..records import Clock, Trace
from .run import PhaseClock, Runs
from .trace_events import PLANE as HOST
from .trace_events import cores_work, read_planes, threads_work
from .trace_scopes import PHASE_STAT, Windows, read_places, read_windows, scope_times

SESSION = "measured"
"""Name of the session, beside 'predicted' ones of a compilation."""

_LAYOUT = Path("plugins", "profile")
_FILE = "*.xplane.pb"


@dataclass
class PhaseSteps(PhaseClock):
    """A clock that puts a step's annotation around each phase."""

    _steps: int = 0
    _open: jax.profiler.StepTraceAnnotation | None = None

    def begins(self, phase: str) -> None:
        self._open = jax.profiler.StepTraceAnnotation(
            phase.replace(":", "_"), step_num=self._steps, **{PHASE_STAT: phase.replace(":", "_")}
        )
        self._open.__enter__()
        self._steps += 1
        super().begins(phase)

    def ends(self, phase: str) -> None:
        super().ends(phase)
        self.close()

    def close(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None


def capture(generation: Callable[[Observer], object], steps: PhaseSteps, folder: Path) -> Path:
    """Run `generation(steps)` traced; returns `folder`/plugins/profile/measured/NAME.xplane.pb.

    `folder` must exist. The session replaces an earlier one of that name once it is whole; what
    is interrupted or fails leaves nothing.

    Raises RuntimeError where the profiler cannot run (another trace is under way, say), OSError
    where the folder cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".trace.") as temporary:
        _record(generation, steps, Path(temporary))
        files = sorted(Path(temporary, _LAYOUT, SESSION).glob(_FILE))
        if not files:
            raise RuntimeError("the profiler wrote no session")
        session = folder / _LAYOUT / SESSION
        shutil.rmtree(session, ignore_errors=True)  # XProf's caches of the old one go with it
        session.mkdir(parents=True)
        for file in files:  # not the Perfetto file beside it, which XProf makes itself
            os.replace(file, session / file.name)
        return session / files[0].name


def _record(generation: Callable[[Observer], object], steps: PhaseSteps, folder: Path) -> None:
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    options.session_id = SESSION
    jax.profiler.start_trace(folder, profiler_options=options)
    try:
        generation(steps)
    finally:
        steps.close()
        jax.profiler.stop_trace()


def trace_generation(
    generation: Callable[[Observer], object],
    runs: Runs,
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
        with interruptible():
            file = capture(generation, steps, folder)
    except KeyboardInterrupt as error:
        acknowledge(error)
        return _without("the traced generation was interrupted")
    except OSError as error:
        return _without(f"the trace cannot be written to {folder}: {error.strerror or error}")
    except RuntimeError as error:
        return _without(f"tracing is not available here: {str(error).splitlines()[0]}")
    watcher.stage("Reading the trace")
    trace = read_trace(file)
    return trace.model_copy(
        update={
            "session": file.parent.relative_to(folder).as_posix(),
            "traced_s": sum(steps.time_s.values()),
            "untraced_s": runs.first_batch_s,
        }
    )


def read_trace(file: Path) -> Trace:
    """What a session's file says: self times by phase and scope, of a TPU's cores where it holds
    any, else of the CPU's threads."""
    try:
        planes = read_planes(file)
    except ProfileInputError as error:
        return _without(str(error))
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
    return Trace(
        session=None, clock=None, lines=0, scopes=[], dispatch_s=0.0, traced_s=None,
        untraced_s=None, problem=problem,
    )  # fmt: skip
