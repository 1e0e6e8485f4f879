"""Any file of measurements, by its columns; and the rows of two tables that state little.

measured_energy_h100.csv has one decode step of a server, its time and its energy;
measured_v6e_llama3_8b_layers.csv the matmuls of one layer, and of the head, by tokens. The second
says neither model, chip nor dtype in its rows: they are those of its name's source (LLMServingSim,
MIT): Llama-3.1-8B in bfloat16 on one TPU v6e.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ....model.architecture import shape_of
from ....model.config import preset
from ...errors import ProfileInputError
from ...predicted.cases import Case, Piece
from ...predicted.step.hardware import hardware_of
from ...records.validation import UnpredictedRow
from .csv_rows import LeftOutError, Row, read_rows
from .deployments import Deployment, chip_of, slice_of, split_of
from .drafted import DRAFTED_COLUMNS, drafted_cases
from .gpu_kernels import GPU_KERNELS_COLUMNS, gpu_kernel_cases
from .models import formats, known_sizes, sizes_named
from .operators import (
    OPS_COLUMNS,
    PREFILL_TOKENS,
    matmuls,
    one_chip,
    operation_case,
    ops_cases,
)
from .served_gpus import SERVED_COLUMNS, served_cases
from .served_tpus import TPU_SERVED_COLUMNS, tpu_served_cases
from .steps import INFERENCE_COLUMNS, inference_cases
from .tpu_kernels import TPU_KERNELS_COLUMNS, TPU_OPS_COLUMNS, tpu_kernels_cases, tpu_ops_cases

ENERGY_COLUMNS = (
    "model", "task", "weight_precision", "gpu", "n_gpus", "tp", "ep", "dp", "avg_batch",
    "avg_output_len", "median_itl_ms", "J_per_token",
)  # fmt: skip
ENERGY_SOURCE = "ML.ENERGY leaderboard"

PROMPT_TOKENS = {
    "lm-arena-chat": 400.0,
    "gpqa": 300.0,
    "sourcegraph-fim": 1100.0,
    "image-chat": 1200.0,
    "video-chat": 3000.0,
}
"""Mean tokens of a prompt by task, which the rows do not have. Those of lm-arena-chat, sourcegraph-
fim and image-chat are what fills the cache, at the batch that stops short of max_num_seqs, less
half an answer; the others are assumed. An image's or film's encoder is not counted."""
OTHER_PROMPT_TOKENS = 500.0


def energy_cases(row: Row) -> list[Case]:
    """The time of a decode step without prompts in between, and the joules of a step with its share
    of them, on all chips together. Raises LeftOutError where model or chips are not known,
    ProfileInputError for a malformed cell."""
    batch, answer = row.number("avg_batch"), row.number("avg_output_len")
    prompt = PROMPT_TOKENS.get(row.text("task"), OTHER_PROMPT_TOKENS)
    place = _deployment(row)
    step = Piece("decode", 1.0, place.decode(batch, prompt + answer / 2))
    # Every sequence that ends is followed by another, whose prompt is read.
    together = float(place.split.copies)
    prefill = place.prefill(together, prompt)
    prompts = Piece("prefill", batch / answer / together, prefill)
    note = f"{row.text('task')}; the length of its prompts is assumed"
    joules = row.number("J_per_token") * batch
    decode = place.case(row, "decode", (step,), row.number("median_itl_ms") * 1e-3, note=note)
    energy = place.case(row, "energy", (step, prompts), joules, "J", note)
    return [
        replace(decode, id=f"{row.id} step", source=ENERGY_SOURCE, stack="vLLM"),
        replace(energy, id=f"{row.id} energy", source=ENERGY_SOURCE, stack="vLLM"),
    ]


def _deployment(row: Row) -> Deployment:
    sizes = sizes_named(row.text("model"))
    chip, _ = chip_of(row.text("gpu"))
    chips = row.count("n_gpus", 1)
    axes = {"tensor": row.count("tp", 1), "expert": row.count("ep", 1), "data": row.count("dp", 1)}
    split = split_of(axes, chips)
    precision = row.text("weight_precision")
    # Engines multiply 4-bit blocks of weights in bfloat16, 8-bit weights in their own format.
    held = formats(precision, precision if precision in ("fp8", "int8") else "bf16", "bf16")
    hardware = hardware_of(chip, held.matmul_dtype)
    return Deployment(shape_of(sizes), held, slice_of(chip, chips), split, hardware)


TPU_LAYERS_COLUMNS = ("tokens", "projections_per_layer_ns", "lm_head_ns")
TPU_LAYERS_SOURCE = "LLMServingSim, TPU v6e, Llama-3.1-8B"


def tpu_layers_cases(row: Row) -> list[Case]:
    """The layer's case and the head's. Raises ProfileInputError for a malformed cell."""
    tokens = row.number("tokens")
    model = preset("llama3-8b")
    sizes = known_sizes(model.name)
    assert sizes is not None
    on_slice, widths = one_chip("TPU v6e"), formats("bf16")
    phase = "prefill" if tokens >= PREFILL_TOKENS else "decode"
    head: list[tuple[float, float]] = [(sizes.embed_dim, sizes.vocab_size)]
    matrices = {"projections": sizes.layer_matmuls(), "lm_head": head}
    cases = []
    for (name, of_part), column in zip(matrices.items(), TPU_LAYERS_COLUMNS[1:], strict=True):
        work, observed_s = matmuls(on_slice, widths, tokens, of_part), row.number(column) * 1e-9
        case = operation_case(row, "matmul", on_slice, widths, work, observed_s, phase)
        model_part = f"{model.name} {name}"
        cases.append(
            replace(case, id=f"{case.id} {name}", source=TPU_LAYERS_SOURCE, model=model_part)
        )
    return cases


_FORMATS: tuple[tuple[str, tuple[str, ...], Callable[[Row], list[Case]]], ...] = (
    ("measured_inference.csv", INFERENCE_COLUMNS, inference_cases),
    ("served_gpu_agg.csv", SERVED_COLUMNS, served_cases),
    ("tpu_served.csv", TPU_SERVED_COLUMNS, tpu_served_cases),
    ("speculative.csv", DRAFTED_COLUMNS, drafted_cases),
    ("measured_ops.csv", OPS_COLUMNS, ops_cases),
    ("measured_energy_h100.csv", ENERGY_COLUMNS, energy_cases),
    ("measured_v6e_llama3_8b_layers.csv", TPU_LAYERS_COLUMNS, tpu_layers_cases),
    ("kernels_gpu.csv", GPU_KERNELS_COLUMNS, gpu_kernel_cases),
    ("tpu_ops.csv", TPU_OPS_COLUMNS, tpu_ops_cases),
    ("tpu_kernels.csv", TPU_KERNELS_COLUMNS, tpu_kernels_cases),
)


def read_measurements(file: Path) -> tuple[list[Case], list[UnpredictedRow]]:
    """Every row of a file as one or more cases, or as left out with the reason.

    The columns say which of the formats it has; further ones are passed over.

    Raises ProfileInputError where the file is none of them, or a line is malformed (file, line
    and column are named).
    """
    rows = read_rows(file)
    read = _reader(file, set(rows[0].cells))
    cases: list[Case] = []
    left_out: list[UnpredictedRow] = []
    for row in rows:
        try:
            cases += read(row)
        except LeftOutError as error:
            left_out.append(UnpredictedRow(id=row.id, source=row.text("source"), reason=str(error)))
    return cases, left_out


def _reader(file: Path, columns: set[str]) -> Callable[[Row], list[Case]]:
    for _, needed, read in _FORMATS:
        if columns.issuperset(needed):
            return read
    present = {name: len(columns.intersection(needed)) for name, needed, _ in _FORMATS}
    name, needed, _ = max(_FORMATS, key=lambda form: present[form[0]] / len(form[1]))
    if not present[name]:
        raise ProfileInputError(f"{file}, line 1: the columns are of none of {', '.join(present)}")
    missing = next(column for column in needed if column not in columns)
    raise ProfileInputError(
        f"{file}, line 1: column '{missing}' is missing, without which it is no {name}"
    )
