"""Real models through the TPU's own compiler, on a machine without a TPU."""

import importlib.util
import time
from dataclasses import replace

import pytest

from rooflink.model import preset
from rooflink.profiling.compiled.cache import Program, Store, program_key
from rooflink.profiling.compiled.compile import compile_target
from rooflink.profiling.compiled.spec import MeshRequest, ProgramSpec, parse_target
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records import DeviceMemory

pytestmark = [
    pytest.mark.tpu_compiler,
    pytest.mark.skipif(importlib.util.find_spec("libtpu") is None, reason="needs libtpu"),
]

SPEC = ProgramSpec(preset("llama3-8b"), "bfloat16", parse_target("v5e:2x4"), batch=16)
SHARD = preset("llama3-8b").weight_bytes("bfloat16") / 8
KV_SHARD = preset("llama3-8b").kv_bytes_per_token("bfloat16") * 4096 * 16 / 8


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store") / "compiled")


def programs(spec: ProgramSpec, store: Store) -> list[Program]:
    compile_target(spec, store=store)
    kept = [store.get(program_key(spec, phase)) for phase in spec.phases]
    return [program for program in kept if program is not None]


def memories(spec: ProgramSpec, store: Store) -> list[DeviceMemory]:
    return [phase.memory for phase in compile_target(spec, store=store).phases]


def test_all_phases_of_a_model_with_a_part_of_it_on_each_device(store: Store) -> None:
    """Arguments of think are a device's share of weights and cache, and the cache is donated."""
    target = compile_target(SPEC, store=store)
    prefill, *loops = [phase.memory for phase in target.phases]
    for memory in loops:
        assert memory.argument_bytes == pytest.approx(SHARD + KV_SHARD, rel=0.01)
        assert memory.peak_bytes < memory.argument_bytes + memory.temporary_bytes + 0.1 * KV_SHARD
    assert prefill.peak_bytes > SHARD + KV_SHARD
    _, think, answer = programs(SPEC, store)
    assert think.layouts == answer.layouts
    assert target.devices == 8
    assert target.versions.keys() == {"jax", "jaxlib", "libtpu"}


@pytest.mark.parametrize("target", ["v5e:2x4", "v6e:2x4", "v5p:2x2x2"])
def test_chosen_layouts_leave_nothing_to_copy_at_the_border(target: str, store: Store) -> None:
    """By default a call first turns all queries' weights around: 134 MB on each device."""
    alone = replace(SPEC, target=parse_target(target), phases=("step",))
    (chosen,) = memories(alone, store)
    (default,) = memories(replace(alone, layouts="default"), store)
    assert default.temporary_bytes > 1e8
    assert chosen.temporary_bytes < 5e6


def test_a_newer_compiler_than_jaxlib_can_read(store: Store) -> None:
    """libtpu 0.0.52 writes asynchronous updates with several operands, which jaxlib 0.10 refuses
    to read back."""
    (think,) = memories(replace(SPEC, target=parse_target("tpu7x:2x2x1"), phases=("think",)), store)
    assert think.argument_bytes == pytest.approx(SHARD + KV_SHARD, rel=0.01)


def test_a_large_model_on_a_large_slice_in_one_call(store: Store) -> None:
    start = time.perf_counter()
    spec = replace(SPEC, config=preset("llama3-70b"), target=parse_target("v5p:4x4x4"))
    mesh = compile_target(spec, store=store).mesh
    assert time.perf_counter() - start < 120
    assert "8 KV heads split 8 ways, each held by 8 devices" in mesh


def test_data_parallel(store: Store) -> None:
    (think,) = memories(replace(SPEC, mesh=MeshRequest(2, 4), phases=("think",)), store)
    assert think.argument_bytes == pytest.approx(2 * SHARD + KV_SHARD, rel=0.01)


def test_what_does_not_fit(store: Store) -> None:
    spec = replace(SPEC, config=preset("llama3-70b"), target=parse_target("v5e:2x2"))
    with pytest.raises(ProfileInputError, match=r"does not fit v5e:2x2: it needs 40\.\d+ GB"):
        memories(spec, store)
