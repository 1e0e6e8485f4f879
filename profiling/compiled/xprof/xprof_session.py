"""write_session: the compiled phases as files in which XProf finds a profiled run.

Beside the predicted operations a session has a plane of programs, for XProf's graph and memory
viewers.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from ....tpu_configs.chip import Chip
from ...errors import ProfileInputError
from ...records.files import write_bytes
from ..hlo.proto import HloEnvelope, is_whole
from .op_metrics import roof_of
from .timeline import BASIS, LABEL, DevicePlane, PhaseProgram, PhaseRows
from .xplane import PlaneWriter, XSpace

_PLANE = "/host:metadata"
_STAT = "Hlo Proto"


HOST = LABEL
"""Stands where XProf shows the name of the machine that was profiled."""

BY_PHASE = "_phases"
"""Behind the name of the session with a row a phase."""

_CACHES = (  # of XProf 2.24
    "*op_stats*.pb", "*.hlo_proto.pb", "*.SSTABLE", "cache_version.txt", ".cached_tools.json",
)  # fmt: skip


def write_session(
    phases: Sequence[PhaseProgram], chip: Chip, folder: Path, name: str, dtype: str = "bfloat16"
) -> Path:
    """Write `folder`/plugins/profile/`name`/predicted.xplane.pb and return its path.

    `xprof --logdir folder` shows it, TensorBoard too where XProf is installed. `name` gets
    '_predicted' behind it unless it says so itself. Each phase is a step; an operation is one
    event for all its executions, beneath events for its loops, so totals are exact and a session
    is small whatever the number of tokens. FLOPs are the counted lens's, shared out over the
    instructions; bytes are those of the traffic, whole tiles, one device. Times are
    predicted from the chip's datasheet peaks for matmuls of `dtype` , one operation
    after another: every event, the device, the host and the session's warning say so.

    The memory viewer needs a buffer assignment: it shows the phases that have an `assigned_proto`
    and is empty for the others, since a HloModuleProto, which `CompiledPhase.hlo_proto` holds, has
    none.

    A second session, `name` with '_phases' behind it, has each phase as a single operation: in it
    XProf's commands, which leave steps out, give a row a phase.

    Raises ProfileInputError where there is no phase, a program cannot be read, or the folder
    cannot be written; ChipInputError for a dtype that is not known.
    """
    if not phases:
        raise ProfileInputError("a session for XProf needs at least one compiled phase")
    labelled = _labelled(name)
    _write(folder, f"{labelled}{BY_PHASE}", _space(phases, chip, dtype, PhaseRows))
    return _write(folder, labelled, _space(phases, chip, dtype, DevicePlane))


def _write(folder: Path, name: str, data: bytes) -> Path:
    session = folder / "plugins" / "profile" / name
    path = session / f"{HOST}.xplane.pb"
    try:
        session.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
        _delete_caches(session)
    except OSError as error:
        raise ProfileInputError(
            f"the session for XProf cannot be written to {session}: {error.strerror or error}"
        ) from error
    return path


def _space(
    phases: Sequence[PhaseProgram], chip: Chip, dtype: str, plane: type[DevicePlane]
) -> bytes:
    space = XSpace(hostnames=[HOST], warnings=[f"Times are {BASIS}.", *_warnings(phases)])
    device = plane(space.planes.add(), chip, roof_of(chip, dtype))
    programs = PlaneWriter(space.planes.add(), 2, _PLANE)
    for program, phase in enumerate(phases, start=1):
        title = f"{phase.traffic.name}({program})"
        device.add(phase, program, title)
        proto = phase.assigned_proto or phase.hlo_proto
        if not is_whole(proto):
            proto = HloEnvelope(hlo_module=proto).SerializeToString()
        programs.add_kind(title, {_STAT: proto}, key=program)
    data: bytes = space.SerializeToString()
    return data


def _warnings(phases: Sequence[PhaseProgram]) -> list[str]:
    """What makes totals too small, or more than a run may move."""
    loops = [
        f"{phase.name}: the length of loop {loop.name} is unknown, so it counts once."
        for phase in phases
        for loop in phase.traffic.unresolved_loops
    ]
    bounds = [f"{phase.name}: {why}." for phase in phases for why in phase.traffic.upper_bounds]
    return loops + bounds


def _labelled(name: str) -> str:
    """A folder's name that says what the session is."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "session"
    return plain if LABEL in plain else f"{plain}_{LABEL}"


def _delete_caches(session: Path) -> None:
    """Remove what XProf derived from an earlier session of that name, which it would show."""
    for pattern in _CACHES:
        for file in session.glob(pattern):
            file.unlink(missing_ok=True)
