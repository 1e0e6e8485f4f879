"""A tiny model compiled for this machine's CPU in the other process, kept and read back."""

import sys
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from rooflink.model import ModelConfig
from rooflink.profiling.compiled import compile as parent
from rooflink.profiling.compiled.cache import ASSIGNED_FILE, HLO_FILE, RECORD_FILE, Store
from rooflink.profiling.compiled.compile import compile_phases
from rooflink.profiling.compiled.executable import CompiledPhase
from rooflink.profiling.compiled.spec import ProgramSpec
from rooflink.profiling.compiled.targets import CPU
from rooflink.profiling.compiled.worker import messages_of
from rooflink.profiling.errors import ProfileInputError

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
def phases(store: Store) -> dict[str, CompiledPhase]:
    listener = Listener()
    compiled = compile_phases(SPEC, listener, store)
    assert sorted(listener.stages) == sorted(f"compiling {phase} for cpu" for phase in SPEC.phases)
    return {found.phase: found for found in compiled}


def test_this_process_compiles_the_same_programs(
    store: Store, phases: dict[str, CompiledPhase], tmp_path: Path
) -> None:
    """It takes those of the other process from the store, for their keys are the same."""
    here = compile_phases(SPEC, store=store, conversation=messages_of)
    assert [found.cached for found in here] == [True] * len(phases)
    anew = compile_phases(
        replace(SPEC, phases=("prefill",)), store=Store(tmp_path), conversation=messages_of
    )
    assert [found.cached for found in anew] == [False]
    assert anew[0].record.memory == phases["prefill"].record.memory
    assert anew[0].record.xla == phases["prefill"].record.xla


def test_every_phase_is_compiled_in_order(phases: dict[str, CompiledPhase]) -> None:
    assert list(phases) == ["prefill", "think", "answer"]
    assert [phases[phase].record.passes for phase in phases] == [1, 8, 4]
    for found in phases.values():
        assert b"while" in found.hlo_proto
        assert found.phase.encode() in found.hlo_proto  # jit_think is the module's name
        assert not found.cached
        assert found.record.versions.keys() == {"jax", "jaxlib"}


def test_arguments_are_the_weights_and_the_state(phases: dict[str, CompiledPhase]) -> None:
    """Entry parameters by kind; their bytes are what the compiler says it was given."""
    record = phases["think"].record
    assert [parameter.number for parameter in record.parameters] == list(
        range(len(record.parameters))
    )
    shapes = {parameter.name: parameter.shape for parameter in record.parameters}
    kinds = {parameter.name: parameter.kind for parameter in record.parameters}
    assert shapes["blocks.query"] == (2, 32, 32)
    assert shapes["cache.prompt_keys"] == (2, 2, 2, 52, 8)
    assert shapes["cache.keys"] == (2, 2, 3, 2, 12, 8)
    assert kinds["blocks.query"] == kinds["embedding"] == "weights"
    assert kinds["cache.keys"] == kinds["cache.prompt_values"] == "kv"
    assert kinds["cache.positions"] == kinds["token"] == "other"

    kv = TINY.kv_bytes_per_token("float32") * 2 * (52 + 3 * 12)
    held = TINY.weight_bytes("float32") + kv
    assert held < record.memory.argument_bytes < held * 1.05
    assert kv < record.memory.aliased_bytes, "the state is donated"
    assert record.xla.flops > 0


def test_a_second_time_nothing_is_compiled(phases: dict[str, CompiledPhase], store: Store) -> None:
    again = compile_phases(replace(SPEC, phases=("prefill", "think")), store=store)
    assert [found.cached for found in again] == [True, True]
    assert again[1].record == phases["think"].record
    assert again[1].hlo_proto == phases["think"].hlo_proto


def test_a_damaged_entry_is_compiled_again(
    phases: dict[str, CompiledPhase], tmp_path: Path
) -> None:
    """Whether bytes of the program, of the record, or a whole file are not what they were."""
    store = Store(tmp_path / "compiled")
    folders = {
        phase: Path(copytree(found.hlo_path.parent, store.folder / found.hlo_path.parent.name))
        for phase, found in phases.items()
    }
    hlo, record = folders["prefill"] / HLO_FILE, folders["think"] / RECORD_FILE
    hlo.write_bytes(hlo.read_bytes()[:-10])
    record.write_text(record.read_text().replace("compile_s", "compile_z"))
    (folders["answer"] / HLO_FILE).unlink()

    again = compile_phases(SPEC, store=store)
    assert [found.cached for found in again] == [False, False, False]
    kept = [entry.name for entry in store.folder.iterdir()]
    assert len(kept) == 3
    assert not [name for name in kept if name.startswith(".")]


def test_a_step_alone_runs_once(store: Store) -> None:
    spec = replace(SPEC, phases=("step",), layouts="default")
    (step,) = compile_phases(spec, store=store)
    assert (step.phase, step.record.passes) == ("step", 1)


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ProfileInputError, match="ROOFLINK_CACHE") as error:
        compile_phases(replace(SPEC, phases=("answer",)), store=Store(blocked / "compiled"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os; os.abort()", "for cpu was ended by SIGABRT"),
        ("import sys; sys.exit('no such plugin')", "ended with status 1: no such plugin"),
        ("import sys; sys.stdin.read(); print('hello')", "left out prefill"),
    ],
)
def test_a_child_that_dies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, said: str
) -> None:
    monkeypatch.setattr(parent, "CHILD", (sys.executable, "-c", program))
    with pytest.raises(ProfileInputError, match=said):
        compile_phases(SPEC, store=Store(tmp_path))


def test_files_of_an_entry(phases: dict[str, CompiledPhase]) -> None:
    folder = phases["think"].hlo_path.parent
    assert {path.name for path in folder.iterdir()} == {HLO_FILE, ASSIGNED_FILE, RECORD_FILE}
