"""Real models through the TPU's own compiler, on a machine without a TPU."""

import importlib.util
import time
from dataclasses import replace

import pytest

from rooflink.model import preset
from rooflink.profiling.compiled.cache import Store
from rooflink.profiling.compiled.compile import compile_phases
from rooflink.profiling.compiled.executable import CompiledRecord
from rooflink.profiling.compiled.spec import MeshRequest, ProgramSpec
from rooflink.profiling.compiled.targets import parse_target
from rooflink.profiling.errors import ProfileInputError

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


def records(spec: ProgramSpec, store: Store) -> list[CompiledRecord]:
    return [found.record for found in compile_phases(spec, store=store)]


def test_all_phases_of_a_model_with_a_part_of_it_on_each_device(store: Store) -> None:
    """Arguments of think are a device's share of weights and cache, and the cache is donated."""
    prefill, think, answer = records(SPEC, store)
    for loop in (think, answer):
        assert loop.memory.argument_bytes == pytest.approx(SHARD + KV_SHARD, rel=0.01)
        assert loop.memory.aliased_bytes == pytest.approx(KV_SHARD, rel=0.01)
    assert prefill.memory.output_bytes == pytest.approx(KV_SHARD, rel=0.01)
    assert think.layouts == answer.layouts
    assert think.devices == 8
    assert think.versions.keys() == {"jax", "jaxlib", "libtpu"}


@pytest.mark.parametrize("target", ["v5e:2x4", "v6e:2x4", "v5p:2x2x2"])
def test_chosen_layouts_leave_nothing_to_copy_at_the_border(target: str, store: Store) -> None:
    """By default a call first turns all queries' weights around: 134 MB on each device."""
    alone = replace(SPEC, target=parse_target(target), phases=("step",))
    (chosen,) = records(alone, store)
    (default,) = records(replace(alone, layouts="default"), store)
    assert default.memory.temporary_bytes > 1e8
    assert chosen.memory.temporary_bytes < 5e6


def test_a_newer_compiler_than_jaxlib_can_read(store: Store) -> None:
    """libtpu 0.0.52 writes asynchronous updates with several operands, which jaxlib 0.10 refuses
    to read back."""
    (think,) = records(replace(SPEC, target=parse_target("tpu7x:2x2x1"), phases=("think",)), store)
    assert think.memory.argument_bytes == pytest.approx(SHARD + KV_SHARD, rel=0.01)


def test_a_large_model_on_a_large_slice_in_one_call(store: Store) -> None:
    start = time.perf_counter()
    spec = replace(SPEC, config=preset("llama3-70b"), target=parse_target("v5p:4x4x4"))
    _, think, _ = records(spec, store)
    assert time.perf_counter() - start < 120
    assert "8 KV heads split 8 ways, each held by 8 devices" in think.mesh


def test_data_parallel(store: Store) -> None:
    (think,) = records(replace(SPEC, mesh=MeshRequest(2, 4), phases=("think",)), store)
    assert think.memory.argument_bytes == pytest.approx(2 * SHARD + KV_SHARD, rel=0.01)


def test_what_does_not_fit(store: Store) -> None:
    spec = replace(SPEC, config=preset("llama3-70b"), target=parse_target("v5e:2x2"))
    with pytest.raises(ProfileInputError, match=r"does not fit v5e:2x2: it needs 40\.\d+ GB"):
        records(spec, store)
