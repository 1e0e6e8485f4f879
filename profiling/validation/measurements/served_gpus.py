"""Rows of served_gpu_agg.csv: servings of GPUs under a closed loop, each the time per token of
output and the time to the first."""

import math
import re
from dataclasses import replace

from ....model.architecture import Architecture, dtype_bytes, shape_of
from ....tpu_configs.chip import Chip
from ...predicted.cases import Case
from ...predicted.collectives import Parallelism
from ...predicted.hardware import hardware_of
from ...predicted.work import Widths
from .closed_loop import ClosedLoop
from .csv_rows import LeftOutError, Row
from .deployments import Deployment, chip_of, slice_of
from .models import Formats, PartFormat, dtype_of, known_sizes
from .steps import Lengths

SERVED_COLUMNS = (
    "source", "location", "model", "gpu", "n_gpus", "backend", "weights_dtype", "kv_dtype", "tp",
    "pp", "attention_dp", "moe_tp", "moe_ep", "concurrency", "isl", "osl", "ttft_ms", "tpot_ms",
)  # fmt: skip

_DRAWN = re.compile(r"_fp[48]_agg_\d+x\d+_c\d+_")
MEAN_DRAWN = 0.9
"""Of the nominal lengths, in the benchmark whose rows have such names: it draws each between 0.8
and 1.0 of them."""
LEAST_RUNNING = 0.4
"""Sequences that ran, by Little's law, over those in flight that memory holds: with fewer, requests
waited for something else. Where all prompts are read together before any answer it is a half."""


def served_cases(row: Row) -> list[Case]:
    """The case of time per output token and that of time to first token. Raises LeftOutError where
    it cannot be predicted, ProfileInputError for a malformed cell."""
    observed_s = {"tpot": row.number("tpot_ms") * 1e-3, "ttft": row.number("ttft_ms") * 1e-3}
    loop = ClosedLoop(_deployment(row), _lengths(row), row.number("concurrency"))
    if row.text("spec_decode") not in ("", "none"):
        raise LeftOutError("it is not stated whether tokens were drafted, nor how many were right")
    answer_s = loop.lengths.answer * observed_s["tpot"]
    running = loop.concurrency * answer_s / (observed_s["ttft"] + answer_s)
    if running < LEAST_RUNNING * loop.held:
        raise LeftOutError(
            f"{running:.0f} sequences ran at a time (Little's law), a limit that is not stated: "
            f"memory holds {loop.held:.0f}"
        )
    cases = [
        replace(loop.case(row, "tpot", observed_s["tpot"], _note(row)), id=f"{row.id} tpot"),
        replace(loop.case(row, "ttft", observed_s["ttft"], _note(row)), id=f"{row.id} ttft"),
    ]
    return [replace(case, output_tokens=row.number("osl")) for case in cases]


def _note(row: Row) -> str:
    """What tells the row from others of its model and slice."""
    said = [f"{row.text('concurrency')} in flight, {row.text('isl')} + {row.text('osl')} tokens"]
    for column in ("tp", "attention_dp", "moe_tp", "moe_ep", "weights_dtype"):
        if row.text(column) not in ("", "1"):
            said.append(f"{column} {row.text(column)}")
    said.append(f"version {row.text('backend_version') or 'not stated'}")
    return ", ".join(said)


def _lengths(row: Row) -> Lengths:
    share = MEAN_DRAWN if _DRAWN.search(row.text("location")) else 1.0
    return Lengths(share * row.number("isl"), share * row.number("osl"))


def _deployment(row: Row) -> Deployment:
    sizes = known_sizes(row.text("model")) or known_sizes(row.text("model_label"))
    if sizes is None:
        raise LeftOutError(f"the sizes of {row.text('model')} are not known by its name")
    chip, _ = chip_of(row.text("gpu"))
    chips = row.count("n_gpus", 1)
    split = served_split(row)
    if split.chips != chips or split.expert_copies not in (1, split.data):
        raise LeftOutError(f"the mesh '{split}' does not fill {chips} chips")
    held = served_formats(row.text("weights_dtype"), row.text("kv_dtype"), chip, sizes)
    hardware = hardware_of(chip, held.matmul_dtype)
    if row.text("backend") == "sglang" and chip.hbm_capacity_bytes < 1e11:
        hardware = replace(hardware, memory_bytes=SGLANG_SHARE * hardware.memory_bytes)
    return Deployment(shape_of(sizes), held, slice_of(chip, chips), split, hardware)


def served_split(row: Row) -> Parallelism:
    """The mesh of columns tp, pp, attention_dp and, of experts over the same chips, moe_tp and
    moe_ep (empty where they are split as attention is, and where there are none)."""
    return Parallelism(
        tensor=row.count("tp", 1), data=row.count("attention_dp", 1), pipeline=row.count("pp", 1),
        expert=row.count("moe_ep", 1),
        expert_tensor=row.count("moe_tp", 1) if row.text("moe_tp") else None,
    )  # fmt: skip


SGLANG_SHARE = 0.88
"""Of what other engines use of a GPU of 80 GB: it keeps 1.5 MiB for each token of its longest step
(mem_fraction_static, in server_args.py)."""

WIDE = PartFormat(2.0, "bfloat16")
"""Quantised checkpoints keep the head and the embedding, and some attention, in bfloat16."""


def served_formats(weights: str, cache: str, chip: Chip, sizes: Architecture) -> Formats:
    """Of text such as 'fp8 block-128', 'nvfp4 (attention may stay bf16/fp8)' or 'mxfp4 experts,
    bf16 rest'. A model of experts in nvfp4 keeps attention wide, a dense one only its head. Eight
    bits are multiplied as they are, nvfp4 where the chip has a unit for it, mxfp4 with activations
    of 8 bits there; else both are widened. Activations are exchanged in bfloat16.

    An unstated cache has 8 bits beside quantised weights on chips with a 4-bit unit, as that
    benchmark's recipes ask for, and where the checkpoint brings scales for it (NVIDIA's fp8 of
    dense models); else it is bfloat16. So say the times (64 sequences of Llama 70B on a B200 take
    3.2 ms longer for 3,200 more positions each, which in bfloat16 are 8.5 ms of its bandwidth) and
    how many run (261 of DeepSeek-R1 on 8 B200, whose memory holds half of that in bfloat16).

    Raises LeftOutError for a dtype that is not known."""
    weights = weights.lower()
    word = (weights.split() or ["bf16"])[0].strip(",")
    weight_dtype, weight_bytes = dtype_of(word)
    fp4_unit = chip.peak_flops("float4_e2m1fn").dtype == "float4_e2m1fn"
    quantised = weight_bytes < WIDE.weight_bytes
    scaled = quantised and (fp4_unit or (weights == "fp8" and sizes.experts == 1))
    widths = Widths(weight_bytes, dtype_of(cache or ("fp8" if scaled else "bf16"))[1], 2.0)
    if not quantised:
        return Formats(widths, weight_dtype, 0.0)
    operands = {"nvfp4": weight_dtype, "mxfp4": "float8_e4m3fn"} if fp4_unit else {}
    if weight_bytes >= 1:
        operands[word] = chip.peak_flops(weight_dtype).dtype
    operand_dtype = operands.get(word, "bfloat16")
    narrowing = math.log2(dtype_bytes(operand_dtype) / weight_bytes)
    wide_attention = "bf16 rest" in weights or (word == "nvfp4" and sizes.experts > 1)
    attention = replace(WIDE, share=_attention_share(sizes)) if wide_attention else None
    return Formats(widths, operand_dtype, narrowing, attention, WIDE)


def _attention_share(sizes: Architecture) -> float:
    """Of what every token visits in the layers, MLPs that all tokens share left out."""
    bare = replace(sizes, shared_mlp_dim=0, dense_layers=0, dense_mlp_dim=0)
    return float(shape_of(bare).attention_parameters / shape_of(sizes).attention_parameters)
