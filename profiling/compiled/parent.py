"""compile_phases: the one way in. The caller's process never loads a TPU compiler."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from pydantic import ValidationError

from ..errors import ProfileInputError
from ..watcher import Silent, Watcher
from .executable import CompiledPhase
from .failures import crash_sentence
from .messages import MESSAGE, REQUEST, CompileRequest, Done, Failed, Message, Stage
from .spec import ProgramSpec
from .store import Store, default_store
from .targets import Target, require_compiler

CHILD = (sys.executable, "-m", f"{__package__}.child")
SILENT = Silent()

_CPU_ONLY = {"JAX_PLATFORMS": "cpu"}
_LIBTPU = {
    "TPU_SKIP_MDS_QUERY": "1",  # there is no metadata server to ask
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # else it aborts where another process has its lock file
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "",
}


def compile_phases(
    spec: ProgramSpec, watcher: Watcher = SILENT, store: Store | None = None
) -> list[CompiledPhase]:
    """The executables of `spec`'s phases, in their order; from the store where it has them.

    Raises ProfileInputError (ModelInputError for a mesh that the model cannot have) where the
    spec is wrong, the compiler is missing or fails, or a program does not fit its target.
    """
    spec.require_valid()
    require_compiler(spec.target)
    kept = store or default_store()
    done: dict[str, CompiledPhase] = {}
    for message in _conversation(CompileRequest(spec, str(kept.folder.absolute()))):
        if isinstance(message, Stage):
            watcher.stage(f"compiling {message.phase} for {spec.target.name}")
        elif isinstance(message, Failed):
            raise ProfileInputError(message.sentence)
        else:
            done[message.phase] = _kept(kept, message)
    missing = [phase for phase in spec.phases if phase not in done]
    if missing:
        raise ProfileInputError(f"the compiler for {spec.target.name} left out {missing[0]}")
    return [done[phase] for phase in spec.phases]


def _kept(store: Store, message: Done) -> CompiledPhase:
    found = store.get(message.key, message.cached)
    if found is None:
        raise ProfileInputError(
            f"the compiled {message.phase} vanished from {store.folder}: try again"
        )
    return found


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
            message = _message(line)
            if message is not None:
                failed |= isinstance(message, Failed)
                yield message
        status = process.wait()
        if status and not failed:
            log.seek(0)
            text = log.read().decode(errors="replace")
            raise ProfileInputError(crash_sentence(status, text, target.name))


def _message(line: bytes) -> Message | None:
    """A message; None for a line that some library printed."""
    try:
        return MESSAGE.validate_json(line)
    except ValidationError:
        return None


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
