"""Kernels of inference engines timed alone on a GPU, by the columns of kernels_gpu.csv: experts,
attention with keys and values or on a compressed cache, gated delta nets, collectives.

The source is aiconfigurator's tables; what a row's sizes mean is what its collectors run.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from ....model.architecture import NO_WINDOW, ModelShape
from ....tpu_configs.slice import Slice
from ...predicted.cases import Case, Group
from ...predicted.step.attention_work import STATE_CHUNK, attention_work
from ...predicted.step.collectives import (
    ALL_GATHER,
    ALL_REDUCE,
    ALL_TO_ALL,
    ONE_CHIP,
    REDUCE_SCATTER,
    Parallelism,
    groups_of,
)
from ...predicted.step.expert_work import EVEN, ExpertLoad, expert_work, power_law
from ...predicted.step.hardware import hardware_of
from ...predicted.step.step_work import elementwise_work, exchange_work
from ...predicted.step.work import Load, Work, decode_load, prefill_load
from .csv_rows import LeftOutError, Row
from .deployments import chip_of, slice_of
from .models import Formats, formats
from .operators import one_chip, operation_case

SIZES = (
    "batch", "new_tokens_per_sequence", "context_tokens", "heads", "kv_heads", "head_dim", "window",
    "tokens", "experts", "experts_per_token", "hidden", "expert_inter", "moe_tp", "moe_ep",
    "distribution", "n_gpus", "message_bytes", "gdn_k_heads", "gdn_k_dim", "gdn_v_heads",
    "gdn_v_dim",
)  # fmt: skip
GPU_KERNELS_COLUMNS = (
    "source", "gpu", "framework", "framework_version", "kernel", "op", "dtype", "kv_dtype", *SIZES,
    "latency_us",
)  # fmt: skip

ATTENTION_KERNELS = 2.0
"""The attention itself, and the cache's write or the sum over parts of a long cache."""
EXPERT_KERNELS, FUSED_EXPERT_KERNELS = 6.0, 4.0
"""Choice of experts, sorting of tokens, two matmuls, the product between them, the sum; TensorRT-
LLM's for Blackwell choose and sort in one and multiply in the first matmul."""
_FUSED = "flashinfer_trtllm|w4a8_mxfp4_mxfp8"


def gpu_kernel_cases(row: Row) -> list[Case]:
    """The case that a row makes. Raises LeftOutError where it cannot be predicted,
    ProfileInputError for a malformed cell."""
    op = row.text("op")
    if op not in _READERS:
        raise LeftOutError(f"the kernel '{op}' is not described")
    group, read = _READERS[op]
    on_slice, held, work = read(row)
    case = operation_case(row, group, on_slice, held, work, row.number("latency_us") * 1e-6, op)
    sizes = (f"{size}={row.text(size)}" for size in SIZES if row.text(size))
    words = (row.text("kernel"), row.text("dtype"), row.text("kv_dtype"), *sizes)
    note = " ".join(filter(None, words))
    return [replace(case, stack=_stack(row), note=note)]


_ENGINES = {"trtllm": "TensorRT-LLM", "sglang": "SGLang", "vllm": "vLLM"}
_LIBRARIES = (
    ("NCCL", r"^nccl$"),
    ("Marlin", r"marlin"),
    ("Triton", r"triton|vllm_fused_moe$"),
    ("TensorRT-LLM", r"trtllm|torch_flow$|^default$|nongated"),
    ("CUTLASS", r"cutlass"),
    ("FlashAttention 4", r"fa4"),
    ("FlashAttention 3", r"fa3"),
    ("FlashMLA", r"flashmla"),
    ("vLLM FlashAttention", r"flash_attn_mla"),  # whose host is in its time, unlike SGLang's
    ("FlashAttention", r"flash_attn|flash_attention"),
    ("FlashInfer", r"flashinfer"),
    ("eager all-reduce", r"allreduce_eager|custom_eager"),
    ("all-reduce", r"allreduce|custom"),
)
"""The first that a kernel's name holds: engines share them, and each is a stack of its own."""
_KINDS = {
    "attention_decode": "decode", "attention_prefill": "prefill", "mla_decode": "MLA decode",
    "mla_prefill": "MLA prefill", "gated_delta_net_generation": "delta net decode",
    "gated_delta_net_context": "delta net prefill", "moe": "experts",
}  # fmt: skip


def _stack(row: Row) -> str:
    """Whose kernel it is, for what and in which format: 'FlashAttention 3 decode fp8 kernels'."""
    kernel, op = row.text("kernel").lower(), row.text("op")
    dtypes = (row.text("dtype"), row.text("kv_dtype"))
    library = next((name for name, words in _LIBRARIES if re.search(words, kernel)), "")
    kind = _KINDS.get(op, "")
    if "conv" in kernel:
        kind = kind.replace("delta net", "convolution")
    narrow = dtypes[0] if op == "moe" else "fp8" * ("fp8" in dtypes)
    if op in _COLLECTIVES:
        library, narrow = library.replace("TensorRT-LLM", "all-reduce"), ""
    # What an engine does around the matmuls of experts is its own.
    engine = _ENGINES.get(row.text("framework"), "") * (op == "moe")
    words = dict.fromkeys((engine, library, kind, narrow, "kernels"))
    return " ".join(filter(None, words))


Read = tuple[Slice, Formats, Work]

_COLLECTIVES = {
    "all_gather": ALL_GATHER,
    "all_reduce": ALL_REDUCE,
    "reduce_scatter": REDUCE_SCATTER,
    "alltoall": ALL_TO_ALL,
}


def _collective(row: Row) -> Read:
    """Of `message_bytes`: those of the gathered array or of the sum, and of one GPU in an
    all-to-all."""
    chip, _ = chip_of(row.text("gpu"))
    gpus, op = row.count("n_gpus", 1), row.text("op")
    if gpus < 2:
        raise LeftOutError("one GPU exchanges nothing")
    on_slice = slice_of(chip, gpus)
    moved = row.number("message_bytes") * (on_slice.chips if op == "alltoall" else 1)
    group = groups_of(on_slice, Parallelism(tensor=on_slice.chips))["tensor"]
    work = exchange_work(_COLLECTIVES[op].over(group, moved))
    return on_slice, formats(_plain(row.text("dtype"))), work


def _plain(dtype: str) -> str:
    return {"half": "fp16", "": "bf16"}.get(dtype, dtype)


_EXPERT_FORMATS = {
    "fp8": ("fp8", "fp8"),
    "fp8_block": ("fp8", "fp8"),
    "int4_wo": ("int4", "bf16"),
    "w4a16_mxfp4": ("mxfp4", "bf16"),
    "w4a8_mxfp4_mxfp8": ("mxfp4", "fp8"),
    "nvfp4": ("nvfp4", "nvfp4"),
}
"""Weights and operands; all others are multiplied as they are held."""
_SLOTTED = "triton|marlin|vllm_fused_moe"
"""Kernels whose product and sum pass over a slot for every choice of every token, those of other
ranks' experts too: nothing was sent to them, as no collector sends tokens."""
_UNGATED = {(512, 22), (128, 6)}
"""Experts, and those of one token, of the Nemotron models: two matrices and no gate."""


def _experts(row: Row) -> Read:
    """The experts of one rank of `moe_tp` x `moe_ep`, the slowest. All `tokens` are there: it reads
    and writes their rows."""
    weights, operands = _EXPERT_FORMATS.get(row.text("dtype"), (_plain(row.text("dtype")),) * 2)
    held, on_slice = formats(weights, operands), one_chip(row.text("gpu"))
    tokens, experts = row.number("tokens"), row.count("experts", 1)
    each, shards = row.count("experts_per_token", 1), row.count("moe_ep", 1)
    if max(each, shards) > experts:
        raise LeftOutError(f"{each} experts a token, or {shards} ranks, for {experts} experts")
    hidden, width = row.number("hidden"), row.number("expert_inter")
    matrices = 2.0 if (experts, each) in _UNGATED else 3.0
    work = expert_work(
        tokens, hidden, width, float(experts), float(each), held.widths, float(shards),
        float(row.count("moe_tp", 1)), tile=hardware_of(on_slice.chip, held.matmul_dtype).tile,
        load=_load(row.text("distribution"), tokens * each > experts, tokens), matrices=matrices,
    )  # fmt: skip
    others = tokens * each - float(work.routed)
    unsent = tokens * 2 * hidden
    if re.search(_SLOTTED, row.text("kernel").lower()):
        unsent += max(others, 0.0) * (2 * hidden + matrices * width / row.count("moe_tp", 1))
    moved = unsent * formats("bf16").widths.activation_bytes
    fused = re.search(_FUSED, f"{row.text('kernel')} {row.text('dtype')}".lower())
    return on_slice, held, work + Work(
        activation_bytes=moved, on_chip_bytes=moved,
        kernels=FUSED_EXPERT_KERNELS if fused else EXPERT_KERNELS,
    )  # fmt: skip


_MOST_OF_TOKENS, _FEW_TOKENS_RATIO = 0.8, 200.0
"""The collectors draw loads between 1 and 0.8 of the tokens, or 0.01 and 2 where there are fewer
choices than experts, and deal tokens out to match them."""


def _load(distribution: str, many: bool, tokens: float) -> ExpertLoad:
    if distribution == "balanced":
        return replace(EVEN, dealt=True)
    drawn = re.fullmatch(r"power_law_(\d\.\d+)", distribution)
    if drawn is None:
        raise LeftOutError(f"the distribution '{distribution}' over experts is not described")
    ratio = max(_MOST_OF_TOKENS * tokens, 2.0) if many else _FEW_TOKENS_RATIO
    return power_law(float(drawn[1]), ratio, dealt=True)


def layer_shape(
    heads: float, kv_heads: float, head_dim: float, window: float | None = None, **others: float
) -> ModelShape:
    """One attention layer by itself, without its projections."""
    return ModelShape(
        layers=1.0, embed_dim=1.0, query_heads=heads, kv_heads=kv_heads, head_dim=head_dim,
        attention_parameters=0.0, mlp_parameters=0.0, active_mlp_parameters=0.0,
        experts_per_token=1.0, head_parameters=0.0, embedding_parameters=0.0,
        vector_parameters=0.0, vocab_size=0.0, window=window or NO_WINDOW,
        windowed_share=float(window is not None), windowed_kv_share=float(window is not None),
        **others,
    )  # fmt: skip


def _attention(row: Row) -> Read:
    heads, head_dim = row.number("heads"), row.number("head_dim")
    window = None if row.text("window") == "0" else row.number("window")
    shape = layer_shape(heads, row.number("kv_heads"), head_dim, window)
    return _attended(row, shape, 2 * heads * head_dim)


LATENT, ROTATED, HEAD = 512.0, 64.0, 128.0
"""Elements of DeepSeek's latent attention (arXiv:2405.04434, section 2.1): compressed keys and
values of a position, their rotated part, and one head of the queries or values."""


def _latent(row: Row) -> Read:
    """Decoding, every head's query is as wide as the compressed cache, its result as its values;
    a prompt has keys and values of every head, which are read beside the cache."""
    heads = row.number("heads")
    shape = layer_shape(heads, 1.0, HEAD + ROTATED / 2, latent_dim=LATENT, rotated_dim=ROTATED)
    decoding = row.text("op").endswith("decode")
    return _attended(
        row, shape, heads * (2 * LATENT + ROTATED if decoding else 4 * HEAD + 2 * ROTATED)
    )


def _attended(row: Row, shape: ModelShape, row_elements: float) -> Read:
    """Attention of new tokens to the cache and to each other; `row_elements` are those of a
    token's queries and results."""
    operands = _plain(row.text("dtype"))
    held = formats(operands, operands, _plain(row.text("kv_dtype")))
    load = _tokens(row)
    attended = attention_work(shape, load, held.widths, ONE_CHIP)
    moved = load.tokens * row_elements * formats("bf16").widths.activation_bytes
    work = attended + Work(activation_bytes=moved, on_chip_bytes=moved, kernels=ATTENTION_KERNELS)
    return one_chip(row.text("gpu")), held, work


def _tokens(row: Row) -> Load:
    """`context_tokens` hold the new ones too, except for the one that is decoded."""
    batch, new = row.number("batch"), row.number("new_tokens_per_sequence")
    context = row.number("context_tokens")
    if row.text("op").endswith("decode"):
        return decode_load(batch, context)
    if new > context:
        raise LeftOutError(f"{new:g} new tokens are more than the {context:g} of the context")
    return prefill_load(batch, new, context - new)


CONVOLVED = 4.0
"""Positions that the convolution before a delta net sees."""
STATE_BYTES, OLD_STATE_BYTES = 4.0, 3.0
"""Of an element of a delta net's state: float32; read as bfloat16 and written as float32."""


def _delta_net(row: Row) -> Read:
    """The recurrence, or the convolution before it, of one layer. The collectors of TensorRT-LLM
    and of SGLang before 0.5.14 convolve the keys alone and begin with a state in bfloat16."""
    held, on_slice = formats("bf16"), one_chip(row.text("gpu"))
    width = held.widths.activation_bytes
    keys = row.number("gdn_k_heads") * row.number("gdn_k_dim")
    heads = row.number("gdn_v_heads")
    values = heads * row.number("gdn_v_dim")
    sequences, new = row.number("batch"), row.number("new_tokens_per_sequence")
    old = row.text("framework") == "trtllm" or row.text("framework_version") == "0.5.10"
    rows = sequences * new
    if "conv" in row.text("kernel"):
        channels = keys if old else 2 * keys + values
        kept = sequences * 2 * (CONVOLVED - 1) * channels
        moved = (2 * rows * channels + kept) * width
        # The old prefill takes 2 us a sequence, one after another.
        kernels = sequences if old and new > 1 else 1.0
        return on_slice, held, replace(elementwise_work(moved), kernels=kernels)
    state = heads * row.number("gdn_k_dim") * row.number("gdn_v_dim")
    among = 4 * min(new, STATE_CHUNK) * (values + heads * row.number("gdn_k_dim")) * (new > 1)
    shape = layer_shape(
        heads, heads, 1.0, attention_share=0.0, state_flops=6 * state + among,
        state_bytes=state * (OLD_STATE_BYTES if old else STATE_BYTES),
    )  # fmt: skip
    work = attention_work(shape, prefill_load(sequences, new), held.widths, ONE_CHIP)
    if "flashinfer" in row.text("kernel"):  # one kernel, in which a sequence's state stays
        work = replace(work, kv_bytes=2 * sequences * shape.state_bytes, on_chip_bytes=0.0)
    moved = rows * (2 * keys + 2 * values) * width
    kernels = DELTA_KERNELS if new > 1 else 1.0
    return on_slice, held, work + Work(
        activation_bytes=moved, on_chip_bytes=moved, kernels=kernels
    )  # fmt: skip


DELTA_KERNELS = 6.0
"""Of one chunked prefill: cumulated gates, products within chunks, their inverse, states, results,
norms."""

_READERS: dict[str, tuple[Group, Callable[[Row], Read]]] = {
    **dict.fromkeys(_COLLECTIVES, ("collective", _collective)),
    "moe": ("experts", _experts),
    "attention_decode": ("attention", _attention),
    "attention_prefill": ("attention", _attention),
    "mla_decode": ("attention", _latent),
    "mla_prefill": ("attention", _latent),
    "gated_delta_net_context": ("attention", _delta_net),
    "gated_delta_net_generation": ("attention", _delta_net),
}
