"""Rows of served_gpu_agg.csv: servings of GPUs under a closed loop, each the time per token of
output and the time to the first."""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from ....model.architecture import Architecture, shape_of
from ....tpu_configs.chip import Chip
from ....tpu_configs.slice import Slice
from ...predicted.cases import Case
from ...predicted.step.collectives import Parallelism
from ...predicted.step.hardware import hardware_of, quantised_inputs
from ...predicted.step.work import Widths
from .closed_loop import ClosedLoop
from .csv_rows import KEPT, LeftOutError, Row
from .deployments import Deployment, chip_of, slice_of
from .models import Formats, PartFormat, dtype_of, known_sizes, narrowing_of, sizes_named
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
MOST_READING = 0.6
"""Of the time, what reading prompts takes at the chips' peak: no other server comes over 0.46."""


def served_cases(row: Row) -> list[Case]:
    """The case of time per output token and that of time to first token. Raises LeftOutError where
    it cannot be predicted, ProfileInputError for a malformed cell."""
    observed_s: dict[Literal["tpot", "ttft"], float] = {
        "tpot": row.number("tpot_ms") * 1e-3, "ttft": row.number("ttft_ms") * 1e-3,
    }  # fmt: skip
    in_flight = row.number("concurrency")
    loop = ClosedLoop(_deployment(row), _lengths(row), in_flight)
    if row.text("spec_decode") not in ("", "none"):
        raise LeftOutError("it is not stated whether tokens were drafted, nor how many were right")
    _refuse_what_ran_otherwise(loop, observed_s["ttft"], observed_s["tpot"])
    cases = []
    for group, seconds in observed_s.items():
        case = loop.case(row, group, seconds, _note(row))
        stated = row.number("osl")
        cases.append(replace(case, model=_name(row), output_tokens=stated))
    return cases


def _refuse_what_ran_otherwise(loop: ClosedLoop, ttft_s: float, tpot_s: float) -> None:
    """Raise LeftOutError where a server ran fewer than its memory holds, or cannot have read all of
    the prompts: neither is stated."""
    answer_s = loop.lengths.answer * tpot_s
    running = loop.concurrency * answer_s / (ttft_s + answer_s)
    if running < LEAST_RUNNING * loop.held:
        raise LeftOutError(
            f"{running:.0f} sequences ran at a time (Little's law), a limit that is not stated: "
            f"memory holds {loop.held:.0f}"
        )
    prompts_s = loop.concurrency / loop.copies * loop.place.ideal_s(loop.prompt)
    reading = prompts_s / (ttft_s + answer_s)
    if reading > MOST_READING:
        raise LeftOutError(
            f"prompts alone would take {reading:.0%} of the time at the chips' peak: some were "
            "found in a cache, how many is not stated"
        )


def _name(row: Row) -> str:
    """The model's name where it is one model's: 'Llama-3.x-70B' is that of its label."""
    if known_sizes(row.text("model")) is not None:
        return row.text("model")
    return row.text("model_label").rpartition("/")[2]


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
    sizes = sizes_named(_name(row), row.text("model"))
    on_slice = _slice(row.text("gpu"), row.count("n_gpus", 1))
    chip, chips = on_slice.chip, on_slice.chips
    split = served_split(row)
    if split.chips != chips or split.expert_copies not in (1, split.data):
        raise LeftOutError(f"the mesh '{split}' does not fill {chips} chips")
    held = served_formats(row.text("weights_dtype"), row.text("kv_dtype"), chip, sizes)
    hardware = hardware_of(chip, held.matmul_dtype)
    if row.text("backend") == "sglang" and chip.hbm_capacity_bytes < 1e11:
        hardware = replace(hardware, memory_bytes=SGLANG_SHARE * hardware.memory_bytes)
    return Deployment(shape_of(sizes), held, on_slice, split, hardware)


@lru_cache(maxsize=KEPT)
def _slice(gpu: str, chips: int) -> Slice:
    """Of so many GPUs; a table names the same few again and again."""
    return slice_of(chip_of(gpu)[0], chips)


def served_split(row: Row) -> Parallelism:
    """The mesh of columns tp, pp, attention_dp and, of experts over the same chips, moe_tp and
    moe_ep (empty where they are split as attention is, and where there are none)."""
    stated = row.text("moe_tp") or row.text("moe_ep")
    return Parallelism(
        tensor=row.count("tp", 1), data=row.count("attention_dp", 1), pipeline=row.count("pp", 1),
        expert=row.count("moe_ep", 1),
        expert_tensor=row.count("moe_tp", 1) if stated else None,
    )  # fmt: skip


SGLANG_SHARE = 0.88
"""Of what other engines use of a GPU of 80 GB: it keeps 1.5 MiB for each token of its longest step
(mem_fraction_static, in server_args.py)."""

ATTENTION_INPUTS = 2.0
"""Of `quantised_inputs`, those that are attention's."""
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
    narrowing = narrowing_of(operand_dtype, weight_bytes)
    wide_attention = "bf16 rest" in weights or (word == "nvfp4" and sizes.experts > 1)
    attention = replace(WIDE, share=_attention_share(sizes)) if wide_attention else None
    inputs = quantised_inputs(operand_dtype) - ATTENTION_INPUTS * wide_attention
    widths = replace(widths, quantised_inputs=max(inputs, 0.0))
    return Formats(widths, operand_dtype, narrowing, attention, WIDE)


def _attention_share(sizes: Architecture) -> float:
    """Of what every token visits in the layers, MLPs that all tokens share left out."""
    bare = replace(sizes, shared_mlp_dim=0, dense_layers=0, dense_mlp_dim=0)
    return float(shape_of(bare).attention_parameters / shape_of(sizes).attention_parameters)
