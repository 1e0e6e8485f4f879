"""Work of a step against the counted lens, and against hand-worked bytes and FLOPs."""

from dataclasses import replace

import numpy as np
import pytest
from layer_kinds import DEEPSEEK_V3, QWEN3_NEXT

from rooflink.model.architecture import Architecture, ModelShape, shape_of
from rooflink.model.config import preset
from rooflink.model.generation.pass_log import decode_record, prompt_record
from rooflink.profiling.counted.phase_costs import passes_of
from rooflink.profiling.counted.unit_costs import unit_costs
from rooflink.profiling.predicted.phase_lengths import Lengths, phase_steps
from rooflink.profiling.predicted.step.attention_work import capacity
from rooflink.profiling.predicted.step.collectives import Parallelism, switched
from rooflink.profiling.predicted.step.step_work import Spread, matmul_work, spread_over, step_work
from rooflink.profiling.predicted.step.work import Widths, Work, decode_load, prefill_load
from rooflink.tpu_configs.slice import parse_slice

BF16 = Widths(2.0, 2.0, 2.0)
ONE = Spread()


@pytest.fixture(params=["llama3-8b", "smollm2-135m", "qwen3-8b", "llama2-7b"])
def name(request):
    return request.param


def test_parameters_are_the_configs(name):
    config = preset(name)
    assert shape_of(config).parameters == config.parameters


def test_phases_ask_for_what_the_counted_lens_counts(name):
    config = preset(name)
    B, A, P, T = 2, 4, 512, 300
    steps = phase_steps(shape_of(config), Lengths(B, A, P, T, 20), BF16, ONE)
    unit = unit_costs(config, "bfloat16")
    own = np.zeros((B, A), int)
    counted = {
        "prefill": passes_of(prompt_record([P] * B)),
        "think": passes_of(decode_record("think", [P] * B, own, own + T - 1)),
        "answer": passes_of(decode_record("think", [P] * B, own + T - 1, own + 20)),
    }
    for phase, passes in counted.items():
        cost, got = passes.total(unit), steps[phase]
        total_bytes = float((got.work.memory_bytes * got.steps).sum())
        flops = float((got.work.flops * got.steps).sum())
        assert total_bytes == pytest.approx(cost.hbm_bytes.total, rel=1e-6)
        assert flops == pytest.approx(cost.flops, rel=1e-6)


def test_tensor_parallel_splits_weights_and_copies_kv_beyond_its_heads():
    shape = shape_of(preset("llama3-8b"))  # 8 KV heads
    load = decode_load(16.0, 4096.0)
    alone = step_work(shape, load, BF16, ONE)

    def over(chips: int) -> Work:
        return step_work(shape, load, BF16, Spread(Parallelism(tensor=chips), switched(chips)))

    assert over(8).kv_bytes == pytest.approx(alone.kv_bytes / 8)
    assert over(16).kv_bytes == pytest.approx(alone.kv_bytes / 8)
    layers = shape.layers * (shape.attention_parameters + shape.mlp_parameters)
    spared = alone.weight_bytes - over(16).weight_bytes
    assert spared == pytest.approx(2 * (layers + shape.head_parameters) * 15 / 16)


@pytest.mark.parametrize(
    ("layers", "stages", "sequences", "in_turn"),
    [
        (32, 4, 64.0, 32),  # 8 in each
        (61, 2, 1.0, 61),  # one sequence passes 31, then 30
        (61, 2, 64.0, 62),  # two parts: every 31 layers one of them is ready
        (10, 4, 3.0, 10),  # three parts wait for 3 x 3 at most, and pass all ten
        (10, 4, 8.0, 12),
    ],
)
def test_the_longest_stage_of_a_pipeline_bounds(
    layers: int, stages: int, sequences: float, in_turn: int
) -> None:
    """Time is that of so many layers; a chip of the longest stage holds ceil(layers / stages)."""
    shape = replace(shape_of(preset("llama3-8b")), layers=float(layers))
    split, load = Parallelism(pipeline=stages), decode_load(sequences, 4096.0)
    work = step_work(shape, load, BF16, Spread(split, pipeline=switched(stages)))
    alone = step_work(replace(shape, layers=float(in_turn)), load, BF16, ONE)
    for name in ("matmul_flops", "kv_bytes", "kernels"):
        assert getattr(work, name) == pytest.approx(getattr(alone, name), rel=1e-4)
    held = capacity(shape, BF16, split, 80e9, sequences, 4096.0)
    stage = -(-layers // stages)
    tables = shape.head_parameters + shape.embedding_parameters + shape.vector_parameters
    layer = shape.attention_parameters + shape.mlp_parameters
    assert held.weight_bytes == pytest.approx(2 * (stage * layer + tables))
    assert held.kv_bytes_per_sequence == pytest.approx(4096 * stage * 2 * 8 * 128 * 2)


def test_context_deals_out_a_prompt_and_sends_its_keys_and_values_round():
    """Llama-3-8B, a prompt of 8,192 on 8 chips: each reads 1,024 tokens, an eighth of the pairs,
    and all keys and values, 4,096 bytes a layer and position, of which it lacks seven eighths."""
    shape, load = shape_of(preset("llama3-8b")), prefill_load(1.0, 8192.0)
    spread = Spread(Parallelism(context=8), context=switched(8))
    alone, work = (step_work(shape, load, BF16, each) for each in (ONE, spread))
    head = 2 * 4096 * 128256
    assert work.matmul_flops == pytest.approx(alone.matmul_flops / 8)
    assert alone.matmul_flops == pytest.approx(2 * 8192 * 32 * (4096 * 80 * 128 + 3 * 4096 * 14336)
                                               + head)  # fmt: skip
    assert work.attention_flops == pytest.approx(alone.attention_flops / 8)
    assert work.link_bytes == pytest.approx(32 * 8192 * 4096 * 7 / 8)
    assert (work.collectives, work.kv_bytes) == (32, alone.kv_bytes)
    looked_up = 8192 * 4096 * 2
    assert alone.weight_bytes - work.weight_bytes == pytest.approx(looked_up * 7 / 8)


def test_context_deals_out_the_cache_and_sends_queries_round():
    """16 sequences of 65,536: each chip reads an eighth of every cache. A layer gathers 32 queries
    of 128 a sequence, and deals back as much of each chip's results with a float32 a head."""
    shape, load = shape_of(preset("llama3-8b")), decode_load(16.0, 65_535.0)
    spread = Spread(Parallelism(context=8), context=switched(8))
    alone, work = (step_work(shape, load, BF16, each) for each in (ONE, spread))
    assert work.kv_bytes == pytest.approx(16 * 65_536 * 32 * 4096 / 8)
    assert work.attention_flops == pytest.approx(alone.attention_flops / 8)
    row = 32 * 128 * 2
    assert work.link_bytes == pytest.approx(32 * 16 * (row + row + 32 * 4) * 7 / 8)
    assert work.collectives == 64
    held = capacity(shape, BF16, spread.split, 80e9, 16.0, 65_535.0)
    assert held.kv_bytes == pytest.approx(16 * 65_535 * 32 * 4096 / 8)
    assert held.weight_bytes == pytest.approx(2 * shape.parameters)


def test_context_beside_tensor_and_experts():
    """Each chip of a tensor group sends its own heads round; experts lie over all chips."""
    split = Parallelism(tensor=2, context=4, expert=8)
    assert (split.chips, split.expert_chips, split.expert_copies) == (8, 8, 1)
    assert str(split) == "tensor=2,context=4,expert=8"
    shape, load = shape_of(preset("llama3-8b")), decode_load(16.0, 65_535.0)
    spreads = [Spread(Parallelism(tensor=n, context=4), context=switched(4)) for n in (1, 2)]
    links = [step_work(shape, load, BF16, spread).link_bytes for spread in spreads]
    assert links[1] == pytest.approx(links[0] / 2)


def test_all_reduces_of_a_layer_carry_the_residual_twice():
    shape = shape_of(preset("llama3-8b"))
    spread = Spread(Parallelism(tensor=8), switched(8))
    work = step_work(shape, decode_load(4.0, 100.0), BF16, spread)
    residual = 4 * 4096 * 2
    logits = 4 * 128256 * 4
    by_hand = 32 * 2 * (2 * residual * 7 / 8) + logits * 7 / 8
    assert work.link_bytes == pytest.approx(by_hand)
    assert work.collectives == 2 * 32 + 1


def test_a_mixture_of_experts_reads_the_experts_its_tokens_need():
    shape = ModelShape(
        layers=1.0, embed_dim=4.0, query_heads=2.0, kv_heads=1.0, head_dim=2.0,
        attention_parameters=48.0, mlp_parameters=8 * 96.0, active_mlp_parameters=2 * 96.0,
        experts_per_token=2.0, head_parameters=0.0, embedding_parameters=0.0,
        vector_parameters=0.0, vocab_size=1.0,
    )  # fmt: skip
    weights = Widths(1.0, 0.0, 0.0)
    one = step_work(shape, decode_load(1.0, 1.0), weights, ONE)
    two = step_work(shape, decode_load(2.0, 1.0), weights, ONE)
    lookup = 4.0  # a row of the embedding a token
    assert one.weight_bytes == pytest.approx(48 + 2 * 96 + lookup)
    # The second token misses one of the first's with chance 3/4: 8 * (1 - (3/4)^2) = 3.5 experts.
    assert two.weight_bytes == pytest.approx(48 + 3.5 * 96 + 2 * lookup)
    assert two.matmul_flops == pytest.approx(2 * 2 * (48 + 2 * 96))


def test_windowed_layers_see_no_more_than_their_window():
    whole = shape_of(preset("smollm2-135m"))
    windowed = whole.with_window(128.0)
    far = step_work(windowed, decode_load(1.0, 4096.0), BF16, ONE)
    near = step_work(whole, decode_load(1.0, 128.0), BF16, ONE)
    assert far.kv_bytes == pytest.approx(near.kv_bytes)
    assert far.attention_flops == pytest.approx(near.attention_flops)
    prompt = step_work(windowed, prefill_load(1.0, 300.0), BF16, ONE)
    # Query i (from 1) sees min(i, 129) keys: itself and 128 before it.
    pairs = sum(min(i, 129) for i in range(1, 301))
    assert prompt.attention_flops == pytest.approx(4 * pairs * 30 * 9 * 64, rel=1e-6)


def test_padding_to_whole_tiles():
    exact = matmul_work(256.0, 512.0, 1024.0, BF16, tile=256.0)
    assert exact.padded_flops == pytest.approx(exact.matmul_flops)
    narrow = matmul_work(64.0, 512.0, 128.0, BF16, tile=256.0)
    assert narrow.padded_flops == pytest.approx(narrow.matmul_flops * 2)  # 128 columns as 256
    single = matmul_work(1.0, 512.0, 1024.0, BF16, tile=256.0)
    assert single.padded_flops == pytest.approx(single.matmul_flops * 8)  # one row as eight


def test_a_pass_whose_logits_nobody_wants():
    """A verifier reads prompts for their cache alone: the head is read and does nothing."""
    shape, load = shape_of(preset("llama3-8b")), prefill_load(4.0, 128.0)
    unwanted = step_work(shape, replace(load, head_positions=0.0), BF16, ONE, 128.0)
    wanted = step_work(shape, load, BF16, ONE, 128.0)
    head_flops = 2 * 4 * shape.head_parameters
    assert wanted.matmul_flops - unwanted.matmul_flops == pytest.approx(head_flops, rel=1e-3)
    assert 0 < unwanted.padded_flops < wanted.padded_flops


def test_work_adds_up():
    work = matmul_work(8.0, 16.0, 32.0, BF16)
    assert (work + work).weight_bytes == (work * 2.0).weight_bytes == 2 * 16 * 32 * 2


def links_of(mesh: Parallelism, where: str, sequences: float = 64.0) -> tuple[Work, Spread]:
    spread = spread_over(parse_slice(where), mesh)
    shape = shape_of(MIXTURE)
    return step_work(shape, decode_load(sequences, 100.0), BF16, spread), spread


MIXTURE = Architecture(
    layers=4, embed_dim=512, query_heads=8, kv_heads=8, head_dim=64, mlp_dim=256, vocab_size=1000,
    experts=16, active_experts=4,
)  # fmt: skip


def test_kv_by_sequences_sends_each_of_q_k_v_o_once():
    plain, _ = links_of(Parallelism(tensor=8), "v5e-8")
    dealt, spread = links_of(Parallelism(tensor=8, kv_by_sequences=True), "v5e-8")
    way_there_and_back = 64 * (3 * 8 * 64 + 8 * 64) * 2  # q, k and v; then the results
    expected = 4 * way_there_and_back * spread.tensor.exchange_share
    assert dealt.link_bytes - plain.link_bytes == pytest.approx(expected)


@pytest.mark.parametrize(
    ("model", "layers", "elements"),
    [(DEEPSEEK_V3, 61, 128 * (576 + 512)), (QWEN3_NEXT, 12, 256 * (16 + 2 * 2 + 16))],
)
def test_kv_by_sequences_deals_what_attention_of_a_layer_needs(model, layers, elements):
    """DeepSeek-V3's 128 queries as wide as a cached position's 512 + 64 elements, and results of
    512; Qwen3-Next's 16 queries, 2 keys and 2 values and 16 results in the 12 of its 48 layers that
    have a cache."""
    shape, over = shape_of(model), parse_slice("h100-8")
    spreads = [spread_over(over, Parallelism(tensor=8, kv_by_sequences=dealt))
               for dealt in (True, False)]  # fmt: skip
    dealt, plain = (step_work(shape, decode_load(64.0, 100.0), BF16, one) for one in spreads)
    expected = layers * 64 * elements * 2 * spreads[0].tensor.exchange_share
    assert dealt.link_bytes - plain.link_bytes == pytest.approx(expected)


def test_tokens_go_once_to_each_chip_that_has_one_of_their_experts():
    work, spread = links_of(Parallelism(data=8, expert=8), "v5e-8")
    chips = 8 * (1 - (7 / 8) ** 4)  # of 4 experts dealt over 8 chips, in the mean
    once = 64 * 512 * 2 * chips * spread.expert.exchange_share
    assert work.link_bytes == pytest.approx(4 * 2 * once)
    assert work.dispatches == 4 * 2
    assert work.collectives == 0


def test_experts_inside_a_tensor_group_are_summed_as_a_dense_model_is():
    by_width, _ = links_of(Parallelism(tensor=8), "v5e-8")
    by_expert, _ = links_of(Parallelism(tensor=8, expert=8), "v5e-8")
    assert by_expert.link_bytes == by_width.link_bytes
    assert by_expert.dispatches == 0
    assert by_expert.matmul_flops == pytest.approx(by_width.matmul_flops)
    assert by_expert.weight_bytes == pytest.approx(by_width.weight_bytes)


def test_experts_over_all_chips_are_read_by_the_tokens_of_all():
    """Over eight copies of attention a chip holds and reads an eighth of the experts."""
    apart, _ = links_of(Parallelism(data=8, expert=1), "v5e-8", sequences=1e6)
    shared, _ = links_of(Parallelism(data=8, expert=8), "v5e-8", sequences=1e6)
    experts_bytes = 4 * 16 * 3 * 512 * 256 * 2
    saved = apart.weight_bytes - shared.weight_bytes
    assert saved == pytest.approx(experts_bytes * 7 / 8)
    assert shared.matmul_flops == pytest.approx(apart.matmul_flops)


def test_with_fewer_sequences_than_copies_one_chip_still_has_a_whole_one():
    one, _ = links_of(Parallelism(data=8, expert=8), "v5e-8", sequences=1.0)
    eight, _ = links_of(Parallelism(data=8, expert=8), "v5e-8", sequences=8.0)
    assert one.kv_bytes == eight.kv_bytes
    assert one.weight_bytes < eight.weight_bytes  # fewer experts are needed


def test_attention_s_parts_are_heads_of_keys_and_hundreds_of_queries():
    shape = shape_of(preset("llama3-8b"))  # 32 layers, 32 heads over 8 of keys and values
    assert step_work(shape, decode_load(4.0, 100.0), BF16, ONE).blocks == 4 * 32 * 8
    prompt = step_work(shape, prefill_load(2.0, 1000.0), BF16, ONE)
    assert prompt.blocks == 2 * 32 * 8 * 32  # 4 * 1,000 queries of a head of keys, 128 each
    over = step_work(
        shape, decode_load(4.0, 100.0), BF16, Spread(Parallelism(tensor=16), switched(16))
    )
    assert over.blocks == 4 * 32  # a head of keys on two chips is one on each
