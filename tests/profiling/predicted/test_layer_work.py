"""What the kinds of layer cost in a step: latent attention in both forms, states, layers that
differ; and how much of them one chip holds."""

from dataclasses import replace

import pytest
from layer_kinds import DEEPSEEK_V3, DEEPSEEK_V32, GEMMA_4, GPT_OSS, NEMOTRON_H, QWEN3_NEXT

from rooflink.model.architecture import Architecture, shape_of
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.slices import PredictionRequest, predict_on_slice
from rooflink.profiling.predicted.step.attention_work import attention_work, capacity
from rooflink.profiling.predicted.step.collectives import ONE_CHIP, Parallelism
from rooflink.profiling.predicted.step.hardware import quantised_inputs
from rooflink.profiling.predicted.step.step_work import Spread, step_work
from rooflink.profiling.predicted.step.work import Load, Widths, Work, decode_load, prefill_load
from rooflink.tpu_configs.slice import parse_slice

BF16 = Widths(2.0, 2.0, 2.0)


def work_of(model: Architecture, load: Load, split: Parallelism = ONE_CHIP) -> Work:
    return attention_work(shape_of(model), load, BF16, split)


def test_decoding_works_on_the_latent_cache_as_it_is() -> None:
    """A head and pair: 2 x (512 + 64) for scores, 2 x 512 for values."""
    work = work_of(DEEPSEEK_V3, decode_load(8.0, 4095.0))
    assert work.attention_flops == 8 * 4096 * 61 * 128 * 2 * (2 * 512 + 64)
    assert work.kv_bytes == 8 * 4096 * 61 * 576 * 2


def test_a_prompt_makes_keys_and_values_of_it() -> None:
    """A head and pair: 2 x (128 + 64) for scores, 2 x 128 for values."""
    work = work_of(DEEPSEEK_V3, prefill_load(1.0, 2048.0))
    assert work.attention_flops == 2048 * 2049 / 2 * 61 * 128 * (2 * 192 + 2 * 128)


def test_a_prompt_after_a_long_past_makes_those_of_the_past_too() -> None:
    work = work_of(DEEPSEEK_V3, prefill_load(1.0, 2048.0, 10_000.0))
    pairs = 2048 * 10_000 + 2048 * 2049 / 2
    made = 10_000 * 2 * 512 * (128 + 128)
    assert work.attention_flops == 61 * 128 * (pairs * 640 + made)


@pytest.mark.parametrize(
    ("model", "of_a_layer"), [("llama3-8b", 10), ("qwen3-30b-a3b", 14), ("deepseek-v3", 20)]
)
def test_a_layer_launches_what_its_parts_and_formats_need(model: str, of_a_layer: int) -> None:
    shape, load = named_shape(model).shape, decode_load(8.0, 64.0)
    launched = [step_work(shape, load, replace(BF16, quantised_inputs=inputs), Spread()).kernels
                for inputs in (0.0, quantised_inputs("float8_e4m3fn"))]  # fmt: skip
    assert launched == [shape.layers * of_a_layer + 6, shape.layers * (of_a_layer + 3) + 6]
    assert quantised_inputs("int8") == quantised_inputs("bfloat16") == 0


@pytest.mark.parametrize("drafts", [1, 3, 7])
def test_a_few_new_tokens_are_worked_on_as_in_decoding(drafts: int) -> None:
    work = work_of(DEEPSEEK_V3, prefill_load(1.0, drafts, 4096.0))
    pairs = drafts * 4096 + drafts * (drafts + 1) / 2
    assert work.attention_flops == pairs * 61 * 128 * 2 * 1088


@pytest.mark.parametrize("chips", [2, 8, 16])
def test_every_chip_of_a_tensor_group_holds_the_latent_cache(chips: int) -> None:
    one = work_of(DEEPSEEK_V3, decode_load(8.0, 4096.0))
    split = work_of(DEEPSEEK_V3, decode_load(8.0, 4096.0), Parallelism(tensor=chips))
    assert split.kv_bytes == one.kv_bytes
    assert split.attention_flops == one.attention_flops / chips
    by_sequences = Parallelism(tensor=chips, kv_by_sequences=True)
    dealt = work_of(DEEPSEEK_V3, decode_load(8.0, 4096.0), by_sequences)
    assert dealt.kv_bytes == one.kv_bytes / chips


INDEX_KEY = 61 * (128 + 4)  # bytes of a position: fp8 and one float32 scale, in each layer
INDEXER = 1536 * 64 * 128 + 7168 * (128 + 64)  # parameters of a layer: queries, key, weights


@pytest.mark.parametrize("chips", [1, 8])
def test_a_step_attends_to_the_2048_positions_that_its_index_chose(chips: int) -> None:
    """Of 65,536: every head's query to 2,048 of the latent cache, its index's 64 to all of them;
    the cache of both is read by every chip of a tensor group."""
    context = 65_535.0
    split = Parallelism(tensor=chips)
    work = work_of(DEEPSEEK_V32, decode_load(8.0, context), split)
    attended = 2048 * 61 * 128 * 2 * (2 * 512 + 64) / chips
    scored = (context + 1) * 61 * 2 * 64 * 128
    assert work.attention_flops == 8 * (attended + scored)
    read = (2048 + 1) * 61 * 576 * 2 + (context + 1) * INDEX_KEY
    assert work.kv_bytes == 8 * read


def test_below_2048_positions_only_the_index_is_added() -> None:
    load = decode_load(8.0, 1023.0)
    dense, sparse = work_of(DEEPSEEK_V3, load), work_of(DEEPSEEK_V32, load)
    assert sparse.kv_bytes == dense.kv_bytes + 8 * 1024 * INDEX_KEY
    assert sparse.attention_flops == dense.attention_flops + 8 * 1024 * 61 * 2 * 64 * 128


@pytest.mark.parametrize(("prompt", "masked"), [(8192, True), (131_072, False)])
def test_a_prompt_masks_what_it_does_not_attend_to_or_skips_it(prompt: int, masked: bool) -> None:
    """Keys and values of every head take 640 FLOPs a pair, all of them; the latent cache 2,176 a
    pair that is attended to, of which a token has 2,048 at most."""
    work = work_of(DEEPSEEK_V32, prefill_load(1.0, prompt))
    pairs = prompt * (prompt + 1) / 2
    attended = 2048 * 2049 / 2 + (prompt - 2048) * 2048
    heads = 61 * 128 * (pairs * 640 if masked else attended * 2176)
    assert work.attention_flops == heads + pairs * 61 * 2 * 64 * 128
    assert work.kv_bytes == 2 * prompt * (61 * 576 * 2 + INDEX_KEY)


def test_attempts_share_what_a_prompt_has_in_its_index() -> None:
    load = decode_load(8.0, 20_000.0, shared_context=16_384.0, sharers=8.0)
    seen = 3616 + 16_384 / 8
    read = (2048 + 1) * 61 * 576 * 2 + (seen + 1) * INDEX_KEY
    assert work_of(DEEPSEEK_V32, load).kv_bytes == 8 * read


def test_an_index_takes_room_weights_and_kernels() -> None:
    dense, sparse = shape_of(DEEPSEEK_V3), shape_of(DEEPSEEK_V32)
    held = capacity(sparse, BF16, Parallelism(tensor=8), 1.4e12, 4.0, 4096.0)
    assert held.kv_bytes_per_sequence == 4096 * (70_272 + INDEX_KEY)
    assert sparse.parameters - dense.parameters == pytest.approx(61 * INDEXER)
    kernels = [step_work(shape, decode_load(1.0, 0.0), BF16, Spread()).kernels
               for shape in (dense, sparse)]  # fmt: skip
    assert kernels[1] - kernels[0] == 61 * 8


def test_layers_may_take_over_the_choice_of_the_one_before() -> None:
    """GLM-5.2: 21 of 78 layers have an index, of 32 heads; all attend to 2,048 positions."""
    shape = named_shape("glm-5.2").shape
    work = attention_work(shape, decode_load(1.0, 100_000.0), BF16, ONE_CHIP)
    assert work.kv_bytes == pytest.approx(2049 * 78 * 576 * 2 + 100_001 * 21 * 132)
    attended = 2048 * 78 * 64 * 2 * (2 * 512 + 64)
    assert work.attention_flops == pytest.approx(attended + 100_001 * 21 * 2 * 32 * 128)


STATES = {
    "delta net": (QWEN3_NEXT, 36 * (32 * 128 * 128 * 4 + 8192 * 3 * 2), 12 * 2 * 2 * 256 * 2),
    "mamba2": (NEMOTRON_H, 54 * (256 * 64 * 256 * 4 + 20480 * 3 * 2), 10 * 2 * 8 * 128 * 2),
}


@pytest.mark.parametrize(("model", "state", "position"), STATES.values(), ids=STATES.keys())
def test_a_step_reads_and_writes_the_state_of_each_sequence(
    model: Architecture, state: int, position: int
) -> None:
    for context in (0.0, 4096.0):
        work = work_of(model, decode_load(16.0, context))
        assert work.kv_bytes == 16 * (2 * state + (context + 1) * position)


@pytest.mark.parametrize(("model", "state", "position"), STATES.values(), ids=STATES.keys())
def test_a_prompt_reads_and_writes_it_once_in_64_tokens(
    model: Architecture, state: int, position: int
) -> None:
    work = work_of(model, prefill_load(1.0, 640.0))
    assert work.kv_bytes == 2 * 10 * state + 2 * 640 * position


def test_flops_on_a_state() -> None:
    """Three products with the state of a delta net, two with that of Mamba-2, of a token."""
    delta, mamba = 36 * 32 * 128 * 128 * 6, 54 * 256 * 64 * 256 * 4
    for tokens in (1.0, 100.0):
        pairs = tokens * (tokens + 1) / 2
        hybrid = work_of(QWEN3_NEXT, prefill_load(1.0, tokens)).attention_flops
        assert hybrid == tokens * delta + pairs * 4 * 12 * 16 * 256
        hybrid = work_of(NEMOTRON_H, prefill_load(1.0, tokens)).attention_flops
        assert hybrid == tokens * mamba + pairs * 4 * 10 * 64 * 128


def test_a_window_in_every_other_layer() -> None:
    """gpt-oss: 18 layers see 128 positions, 18 all of them."""
    work = work_of(GPT_OSS, decode_load(1.0, 8192.0))
    position = 2 * 8 * 64 * 2
    assert work.kv_bytes == 18 * position * (128 + 1) + 18 * position * (8192 + 1)
    assert work.attention_flops == 18 * 4 * 64 * 64 * (129 + 8193)


def test_layers_with_and_without_a_window_may_have_other_heads() -> None:
    """Gemma 4: 50 layers see 1,024 positions with 16 KV heads of 256, 10 all with 4 of 512."""
    work = work_of(GEMMA_4, decode_load(1.0, 65536.0))
    near, full = 50 * 2 * 16 * 256 * 2 * 1025, 10 * 2 * 4 * 512 * 2 * 65537
    assert work.kv_bytes == pytest.approx(near + full, rel=1e-12)
    flops = 4 * 32 * (50 * 256 * 1025 + 10 * 512 * 65537)
    assert work.attention_flops == pytest.approx(flops, rel=1e-12)


def test_a_state_takes_room_whatever_the_context() -> None:
    shape, state = shape_of(QWEN3_NEXT), STATES["delta net"][1]
    for context in (0.0, 8192.0):
        held = capacity(shape, BF16, ONE_CHIP, 1e12, 4.0, context)
        assert held.kv_bytes_per_sequence == state + context * 24_576
    attempts = capacity(shape, BF16, ONE_CHIP, 1e12, 4.0, 100.0, 8192.0, 4.0)
    assert attempts.kv_bytes_per_sequence == state + (100 + 8192 / 4) * 24_576
    split = capacity(shape, BF16, Parallelism(tensor=8), 1e12, 4.0, 0.0)
    assert split.kv_bytes_per_sequence == state / 8


def test_a_latent_cache_is_not_split() -> None:
    shape = shape_of(DEEPSEEK_V3)
    held = capacity(shape, BF16, Parallelism(tensor=8), 1.4e12, 4.0, 4096.0)
    assert held.kv_bytes_per_sequence == 4096 * 70_272


def test_layers_of_one_part_exchange_once() -> None:
    """118 layers of one part: a kernel's and a sum's worth of 59."""
    work = step_work(shape_of(NEMOTRON_H), decode_load(1.0, 0.0), BF16, Spread())
    both = replace(NEMOTRON_H, layers=59, mlp_only_layers=0, linear_layers=49)
    assert work.kernels == step_work(shape_of(both), decode_load(1.0, 0.0), BF16, Spread()).kernels


_ONE_EXPERT = 26 * 3 * 2048 * 1408  # of DeepSeek-V2-Lite, in the 26 layers that have experts
_NEED = 1 - (1 - 6 / 64) ** 16  # the chance that one of 16 tokens needs an expert
CONTEXT = 8192 + 1024  # in the mean over 2,048 tokens of thought
READ_A_STEP = {  # name -> (parameters, bytes of a sequence)
    "llama-3.1-8b": (7.505e9, CONTEXT * 131072),
    "gemma-3-27b": (27.008e9, 2 * 16 * 128 * 2 * (52 * 1024 + 10 * CONTEXT)),
    "deepseek-v2-lite": (2.451e9 + (64 * _NEED - 6) * _ONE_EXPERT, CONTEXT * 27 * 576 * 2),
    "nemotron-h-8b": (
        7.562e9,
        2 * 24 * (128 * 64 * 128 * 4 + 10240 * 3 * 2) + CONTEXT * 4 * 2 * 8 * 128 * 2,
    ),
    "qwen3.5-27b": (
        25.622e9,
        2 * 48 * (48 * 128 * 128 * 4 + 10240 * 3 * 2) + CONTEXT * 16 * 2 * 4 * 256 * 2,
    ),
}


@pytest.mark.parametrize("name", READ_A_STEP)
def test_an_ideal_step_takes_its_bytes_over_the_bandwidth(name: str) -> None:
    """Within 1 %: dense, windows, latent attention with experts, Mamba-2, a delta net."""
    parameters, sequence_bytes = READ_A_STEP[name]
    lengths = Lengths(16.0, 1.0, 8192.0, 2048.0, 1.0)
    request = PredictionRequest(named_shape(name), lengths, ideal=True)
    (think,) = (
        phase for phase in predict_on_slice(request, parse_slice("h200")).phases
        if phase.phase == "think"
    )  # fmt: skip
    by_hand = (2 * parameters + 16 * sequence_bytes) / 4.8e12
    assert think.time_s.median / think.steps == pytest.approx(by_hand, rel=0.01)
