"""A tiny model compiled for this machine's CPU in the other process, kept and read back."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from rooflink.model import ModelConfig
from rooflink.profiling.compiled import compile as parent
from rooflink.profiling.compiled.cache import Program, Store, program_key
from rooflink.profiling.compiled.compile import compile_target
from rooflink.profiling.compiled.spec import CPU, ProgramSpec, parse_target
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records import CompiledTarget

TINY = ModelConfig(
    name="tiny", family="llama", layers=2, embed_dim=32, query_heads=4, kv_heads=2, head_dim=8,
    mlp_dim=64, vocab_size=96, context_length=256, rope_theta=1e4, norm_eps=1e-5,
    tied_embeddings=True,
)  # fmt: skip
SPEC = ProgramSpec(
    TINY, "float32", CPU, batch=2, attempts=3, context=64, think_steps=8, answer_steps=4
)


class Listener:
    """Remembers the stages that it heard of."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        self.stages.append(what)

    def advance(self, units: int) -> None: ...


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store") / "compiled")


@pytest.fixture(scope="module")
def target(store: Store) -> CompiledTarget:
    listener = Listener()
    compiled = compile_target(SPEC, listener, store)
    assert sorted(listener.stages) == sorted(f"compiling {phase} for cpu" for phase in SPEC.phases)
    return compiled


@pytest.fixture(scope="module")
def programs(target: CompiledTarget, store: Store) -> dict[str, Program]:
    kept = {phase: store.get(program_key(SPEC, phase)) for phase in SPEC.phases}
    return {phase: program for phase, program in kept.items() if program is not None}


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "WORKER", (sys.executable, "-c", "raise SystemExit('started')"))


def test_every_phase_is_compiled_in_order(
    target: CompiledTarget, programs: dict[str, Program]
) -> None:
    assert [phase.phase for phase in target.phases] == ["prefill", "think", "answer"]
    assert [phase.passes for phase in target.phases] == [1, 8, 4]
    assert target.versions.keys() == {"jax", "jaxlib"}
    for phase in target.phases:
        program = programs[phase.phase]
        assert program.cost == phase
        assert b"while" in program.module
        assert phase.phase.encode() in program.module  # jit_think is the module's name


def test_arguments_are_the_weights_and_the_state(programs: dict[str, Program]) -> None:
    """Entry parameters by kind; their bytes are what the compiler says it was given."""
    program = programs["think"]
    assert [parameter.number for parameter in program.parameters] == list(
        range(len(program.parameters))
    )
    shapes = {parameter.name: parameter.shape for parameter in program.parameters}
    kinds = {parameter.name: parameter.kind for parameter in program.parameters}
    assert shapes["blocks.query"] == (2, 32, 32)
    assert shapes["cache.stacks.0.prompt_keys"] == (2, 2, 2, 52, 8)
    assert shapes["cache.stacks.0.keys"] == (2, 2, 3, 2, 12, 8)
    assert kinds["blocks.query"] == kinds["embedding"] == "weights"
    assert kinds["cache.stacks.0.keys"] == kinds["cache.stacks.0.prompt_values"] == "kv"
    assert kinds["cache.positions"] == kinds["token"] == "other"

    kv = TINY.kv_bytes_per_token("float32") * 2 * (52 + 3 * 12)
    held = TINY.weight_bytes("float32") + kv
    memory = program.cost.memory
    assert held < memory.argument_bytes < held * 1.05
    beside = memory.peak_bytes - memory.argument_bytes - memory.temporary_bytes
    assert beside < 0.1 * kv, "the state is donated"
    assert program.cost.xla_flops > 0


@pytest.mark.usefixtures("no_worker")
def test_a_second_time_nothing_is_started(target: CompiledTarget, store: Store) -> None:
    fewer = compile_target(replace(SPEC, phases=("prefill", "think")), store=store)
    assert fewer.phases == target.phases[:2]
    with pytest.raises(ProfileInputError, match="started"):
        compile_target(replace(SPEC, batch=3), store=store)


def test_a_slice_by_another_name_has_the_same_programs() -> None:
    sold, ours = (replace(SPEC, target=parse_target(text)) for text in ("v5p-8", "v5p:2x2x1"))
    assert sold.target.caution
    assert program_key(sold, "think") == program_key(ours, "think")


def test_a_damaged_entry_is_compiled_again(
    target: CompiledTarget, store: Store, tmp_path: Path
) -> None:
    """Whether it was cut, has another bit, or is gone."""
    copy = Store(Path(copytree(store.folder, tmp_path / "compiled")))
    cut, changed, missing = [copy.path(program_key(SPEC, phase)) for phase in SPEC.phases]
    cut.write_bytes(cut.read_bytes()[:-10])
    data = changed.read_bytes()
    changed.write_bytes(data[:999] + bytes([data[999] ^ 1]) + data[1000:])
    missing.unlink()

    listener = Listener()
    again = compile_target(SPEC, listener, copy)
    assert [phase.hbm for phase in again.phases] == [phase.hbm for phase in target.phases]
    before = {phase.compile_s for phase in target.phases}
    assert before.isdisjoint(phase.compile_s for phase in again.phases)
    assert sorted(copy.folder.iterdir()) == sorted([cut, changed, missing])


def test_a_step_alone_runs_once(store: Store) -> None:
    (step,) = compile_target(replace(SPEC, phases=("step",), layouts="default"), store=store).phases
    assert (step.phase, step.passes) == ("step", 1)


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    spec = replace(SPEC, phases=("answer",), layouts="default")
    target = compile_target(spec, store=Store(blocked / "compiled"))
    assert [phase.phase for phase in target.phases] == ["answer"]
    (note,) = target.notes
    assert "cannot be kept" in note
    assert "ROOFLINK_CACHE" in note


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os; os.abort()", "for cpu was ended by SIGABRT"),
        ("import sys; sys.exit('no such plugin')", "ended with status 1: no such plugin"),
        ("import sys; sys.stdin.readline(); print('hello')", "left out prefill"),
    ],
)
def test_a_worker_that_dies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, said: str
) -> None:
    monkeypatch.setattr(parent, "WORKER", (sys.executable, "-c", program))
    with pytest.raises(ProfileInputError, match=said):
        compile_target(SPEC, store=Store(tmp_path))


def test_the_worker_ends_with_its_caller(tmp_path: Path) -> None:
    """An interrupted caller stops it; one that is gone leaves its standard input at an end."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    request = parent.REQUEST.dump_json(
        parent.CompileRequest(SPEC, str(tmp_path), scratch=str(scratch))
    )
    worker = subprocess.Popen(parent.WORKER, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    worker.communicate(request + b"\n", timeout=600)
    assert worker.returncode == 1
    assert not scratch.exists()


class Impatient(Listener):
    """Interrupts at the first stage."""

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        raise KeyboardInterrupt


def test_an_interruption_ends_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def popen(*args: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(real(*args, **options))
        return started[-1]

    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(KeyboardInterrupt):
        compile_target(SPEC, Impatient(), Store(tmp_path / "compiled"))
    assert [worker.poll() for worker in started] == [-signal.SIGKILL]
