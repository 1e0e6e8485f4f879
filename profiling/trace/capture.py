"""A generation under jax.profiler, kept where XProf looks for it.

Phases are steps: an annotation each, around work that has finished when it ends. Names hold no
colon, at which the profiler would cut them. Python's own calls are not traced: they would cost
more than they show.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import jax

from ...model.generate import Observer
from ..measured.clock import PhaseClock
from .table import PHASE_STAT

SESSION = "measured"
"""Name of the session, beside 'predicted' ones of a compilation."""

_LAYOUT = Path("plugins", "profile")
_FILE = "*.xplane.pb"


class PhaseSteps:
    """Observer that puts a step's annotation around each phase, and keeps its time."""

    def __init__(self, on_progress: Callable[[str, int, int], None] | None = None):
        self.clock = PhaseClock(on_progress=on_progress)
        self._steps = 0
        self._open: jax.profiler.StepTraceAnnotation | None = None

    def begins(self, phase: str) -> None:
        """Open the annotation, then start the watch."""
        self._open = jax.profiler.StepTraceAnnotation(
            phase.replace(":", "_"), step_num=self._steps, **{PHASE_STAT: phase.replace(":", "_")}
        )
        self._open.__enter__()
        self._steps += 1
        self.clock.begins(phase)

    def advanced(self, phase: str, passes: int, active: int) -> None:
        """Tell the watch."""
        self.clock.advanced(phase, passes, active)

    def ends(self, phase: str) -> None:
        """Stop the watch, then close the annotation."""
        self.clock.ends(phase)
        self.close()

    def close(self) -> None:
        """Close what is open, after an interruption too."""
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None

    @property
    def time_s(self) -> float:
        """Wall time of all phases."""
        return sum(self.clock.time_s.values())


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
