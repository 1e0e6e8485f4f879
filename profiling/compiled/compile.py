"""compile_phases: compiles in a worker process, so that the caller never loads a TPU compiler.

Caller and worker exchange JSON messages, one a line. Each way in which a compiler fails has one
sentence that says so.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Literal

from pydantic import TypeAdapter, ValidationError

from ..errors import ProfileInputError, Silent, Watcher
from .cache import Store, default_store
from .executable import CompiledPhase
from .spec import ProgramSpec
from .targets import Target, require_compiler


@dataclass(frozen=True)
class CompileRequest:
    """To the child, on its standard input."""

    spec: ProgramSpec
    store: str  # folder


@dataclass(frozen=True)
class Stage:
    """From the child: it compiles a phase now."""

    phase: str
    kind: Literal["stage"] = "stage"


@dataclass(frozen=True)
class Done:
    """From the child: a phase's entry is in the store."""

    phase: str
    key: str
    cached: bool
    kind: Literal["done"] = "done"


@dataclass(frozen=True)
class Failed:
    """From the child: the sentence for the user."""

    sentence: str
    kind: Literal["failed"] = "failed"


Message = Stage | Done | Failed

REQUEST: TypeAdapter[CompileRequest] = TypeAdapter(CompileRequest)
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)


_UNIT = r"([\d.]+)\s*([KMGT]?)i?B?"
_OUT_OF_MEMORY = (
    re.compile(rf"required for HLO temporaries \({_UNIT}\) exceeds available HBM \({_UNIT}\)"),
    re.compile(rf"[Uu]sed {_UNIT} of {_UNIT} hbm"),
)
_BINARY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_FATAL = re.compile(r"^F\d{4} |Check fail|[Ff]atal|[Aa]bort|[Ee]rror")
_LOG_PREFIX = re.compile(r"^[EFIW]\d{4}[^\]]*\] ?")
_LONGEST = 300


def compiler_sentence(error: str, phase: str, target: str) -> str:
    """What the compiler's own error says of a phase's program for a target."""
    for pattern in _OUT_OF_MEMORY:
        match = pattern.search(error)
        if match:
            needed, unit, there, there_unit = match.groups()
            return (
                f"{phase} does not fit {target}: it needs {_gb(needed, unit)} of each device's "
                f"{_gb(there, there_unit)} of HBM; take a larger slice, a smaller batch or a "
                "shorter context"
            )
    return f"the compiler refused {phase} for {target}: {_first_line(error)}"


def crash_sentence(status: int, log: str, target: str) -> str:
    """How the process that compiled ended, with the line of its log that says most."""
    how = f"ended with status {status}"
    if status < 0:
        names = {number.value: number.name for number in signal.Signals}
        how = f"was ended by {names.get(-status, f'signal {-status}')}"
        if -status == signal.SIGKILL:
            how += " (did the machine run out of memory?)"
    lines = [line for line in log.splitlines() if _LOG_PREFIX.sub("", line).strip()]
    fatal = [line for line in lines if _FATAL.search(line)]
    telling = [_LOG_PREFIX.sub("", line).strip() for line in fatal or lines]
    last = f": {telling[-1][:_LONGEST]}" if telling else ", without a word"
    return f"the compiler for {target} {how}{last}"


def _first_line(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return lines[0][:_LONGEST] if lines else "it did not say why"


def _gb(amount: str, unit: str) -> str:
    """XLA's binary units in GB of 10^9 bytes."""
    return f"{float(amount) * _BINARY[unit] / 1e9:.2f} GB"


CHILD = (sys.executable, "-m", f"{__package__}.worker")
SILENT = Silent()

_CPU_ONLY = {"JAX_PLATFORMS": "cpu"}
_LIBTPU = {
    "TPU_SKIP_MDS_QUERY": "1",  # there is no metadata server to ask
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # else it aborts where another process has its lock file
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "",
}


Conversation = Callable[[CompileRequest], Iterator[Message]]
"""What compiles, by what it says while it does."""


def compile_phases(
    spec: ProgramSpec,
    watcher: Watcher = SILENT,
    store: Store | None = None,
    conversation: Conversation | None = None,
) -> list[CompiledPhase]:
    """The executables of `spec`'s phases, in their order; from the store where it has them.

    They are compiled in a process of their own unless another `conversation` is given.

    Raises ProfileInputError (ModelInputError for a mesh that the model cannot have) where the
    spec is wrong, the compiler is missing or fails, or a program does not fit its target.
    """
    spec.require_valid()
    require_compiler(spec.target)
    kept = store or default_store()
    done: dict[str, CompiledPhase] = {}
    converse = conversation or _conversation
    for message in converse(CompileRequest(spec, str(kept.folder.absolute()))):
        if isinstance(message, Stage):
            watcher.stage(f"compiling {message.phase} for {spec.target.name}")
        elif isinstance(message, Failed):
            raise ProfileInputError(message.sentence)
        else:
            compiled = kept.get(message.key, message.cached)
            if compiled is None:
                raise ProfileInputError(
                    f"the compiled {message.phase} vanished from {kept.folder}: try again"
                )
            done[message.phase] = compiled
    missing = [phase for phase in spec.phases if phase not in done]
    if missing:
        raise ProfileInputError(f"the compiler for {spec.target.name} left out {missing[0]}")
    return [done[phase] for phase in spec.phases]


def _conversation(request: CompileRequest) -> Iterator[Message]:
    """What the child says, as it says it. Raises ProfileInputError where it ends without more."""
    target = request.spec.target
    with tempfile.TemporaryFile() as log, _child(target, log) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        failed = False
        try:
            process.stdin.write(REQUEST.dump_json(request))
            process.stdin.close()
        except BrokenPipeError:
            pass  # it died before it listened: its status and log say why
        for line in process.stdout:
            with suppress(ValidationError):  # a line that some library printed
                message = MESSAGE.validate_json(line)
                failed |= isinstance(message, Failed)
                yield message
        status = process.wait()
        if status and not failed:
            log.seek(0)
            text = log.read().decode(errors="replace")
            raise ProfileInputError(crash_sentence(status, text, target.name))


@contextmanager
def _child(target: Target, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The process that compiles; gone when the block ends, however it ends."""
    process = subprocess.Popen(
        CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=_environment(target)
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


def _environment(target: Target) -> dict[str, str]:
    """The caller's environment, its import path, and what libtpu needs."""
    own = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    libtpu = _LIBTPU if target.platform == "tpu" else {}
    return os.environ | own | _CPU_ONLY | libtpu
