"""Compiling in a process of its own, so that the caller loads no compiler and outlives its aborts.

`compile_target` and `write_xprof` ask the worker and exchange JSON messages with it, one a line.
Each way in which a compiler fails has one sentence that says so.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ..backend import child_environment
from ..errors import ProfileInputError, Silent, Watcher
from ..records import CompiledPhase, CompiledTarget
from .cache import Store, compiler_versions, default_store, program_key
from .spec import ProgramSpec, Target, require_compiler


@dataclass(frozen=True)
class CompileRequest:
    """To the worker, the first line on its standard input."""

    spec: ProgramSpec
    store: str  # folder
    xprof: str | None = None  # folder for a session
    scratch: str | None = None  # folder that goes with the caller


@dataclass(frozen=True)
class Stage:
    """From the worker: it compiles a phase now."""

    phase: str


@dataclass(frozen=True)
class Done:
    """From the worker: what a phase's program moves."""

    cost: CompiledPhase


@dataclass(frozen=True)
class Unkept:
    """From the worker: why a program is not in the store."""

    reason: str


@dataclass(frozen=True)
class Written:
    """From the worker: the session's file."""

    file: str


@dataclass(frozen=True)
class Failed:
    """From the worker: the sentence for the user."""

    sentence: str


Message = Stage | Done | Unkept | Written | Failed

REQUEST: TypeAdapter[CompileRequest] = TypeAdapter(CompileRequest)
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)

WORKER = (sys.executable, "-m", f"{__package__}.worker")
SILENT = Silent()

_CPU_ONLY = {"JAX_PLATFORMS": "cpu"}
_LIBTPU = {
    "TPU_SKIP_MDS_QUERY": "1",  # there is no metadata server to ask
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # else it aborts where another process has its lock file
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "",
}


def compile_target(
    spec: ProgramSpec, watcher: Watcher = SILENT, store: Store | None = None
) -> CompiledTarget:
    """What each phase of `spec` moves, per device and call; from the store where that has them all.

    Raises ProfileInputError (ModelInputError for a mesh that the model cannot have) where the
    spec is wrong, the compiler is missing or fails, or a program does not fit its target.
    """
    spec.require_valid()
    kept = store or default_store()
    programs = [kept.get(program_key(spec, phase)) for phase in spec.phases]
    costs = {program.cost.phase: program.cost for program in programs if program is not None}
    notes: list[str] = []
    if len(costs) < len(spec.phases):
        for message in _answers(CompileRequest(spec, str(kept.folder.absolute())), watcher):
            if isinstance(message, Done):
                costs[message.cost.phase] = message.cost
            elif isinstance(message, Unkept):
                notes = [message.reason]
    missing = [phase for phase in spec.phases if phase not in costs]
    if missing:
        raise ProfileInputError(f"the compiler for {spec.target.name} left out {missing[0]}")
    return CompiledTarget(
        target=spec.target.name,
        devices=spec.target.devices,
        mesh=spec.split.describe(spec.config),
        prompt_tokens=spec.prompt_slots,
        context=spec.context,
        batch=spec.batch,
        attempts=spec.attempts,
        versions=compiler_versions(spec.target),
        phases=[costs[phase] for phase in spec.phases],
        notes=notes,
    )


def write_xprof(spec: ProgramSpec, folder: Path, watcher: Watcher = SILENT) -> Path:
    """Write a session of the phases for XProf into `folder`; its times are predicted at peak.

    Takes the programs from the store that `compile_target` filled. Returns the session's file.
    Raises ProfileInputError for the CPU, which XProf draws no roofline of.
    """
    if spec.target.chip is None:
        raise ProfileInputError("--xprof needs a TPU slice such as v5e:2x4: XProf shows no CPU")
    store = default_store().folder.absolute()
    for message in _answers(CompileRequest(spec, str(store), str(folder.absolute())), watcher):
        if isinstance(message, Written):
            return folder / Path(message.file).relative_to(folder.absolute())
    raise ProfileInputError(f"the compiler for {spec.target.name} wrote no session")


def _answers(request: CompileRequest, watcher: Watcher) -> Iterator[Message]:
    """What the worker says, as it says it. Raises ProfileInputError for what it failed at, and
    where it ends with an error or a signal."""
    target = request.spec.target
    require_compiler(target)
    with tempfile.TemporaryDirectory(prefix="rooflink-compile-") as scratch:
        log = Path(scratch, "log")
        with _worker(target, log) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):  # it died before it listened: its log says why
                process.stdin.write(REQUEST.dump_json(replace(request, scratch=scratch)) + b"\n")
                process.stdin.flush()  # and open as long as this process lives
            for line in process.stdout:
                with suppress(ValidationError):  # a line that some library printed
                    message = MESSAGE.validate_json(line)
                    if isinstance(message, Failed):
                        raise ProfileInputError(message.sentence)
                    if isinstance(message, Stage):
                        watcher.stage(f"compiling {message.phase} for {target.name}")
                    yield message
            if status := process.wait():
                from .compiler_failures import crash_sentence  # which few compilations need

                text = log.read_text(errors="replace")
                raise ProfileInputError(crash_sentence(status, text, target.name))


@contextmanager
def _worker(target: Target, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process that compiles, with its log and temporary files in one folder; gone when the
    block ends, however it ends."""
    libtpu = _LIBTPU if target.platform == "tpu" else {}
    environment = child_environment({**_CPU_ONLY, **libtpu, "TMPDIR": str(log.parent)})
    pipe = subprocess.PIPE
    with log.open("wb") as errors:
        process = subprocess.Popen(
            WORKER, stdin=pipe, stdout=pipe, stderr=errors, env=environment,
            start_new_session=True,  # Ctrl-C is for the caller, which ends the worker
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        with suppress(BrokenPipeError):
            process.communicate()
