"""Operators timed by themselves on TPUs, by the columns of tpu_ops.csv; and of tpu_kernels.csv:
matmuls with the host's dispatch in their time, fused experts, links by axis.
"""

import re
from dataclasses import replace

from ....tpu_configs.chip import Chip
from ....tpu_configs.slice import Slice
from ...predicted.cases import Case
from ...predicted.step.collectives import ALL_TO_ALL, Parallelism, groups_of
from ...predicted.step.expert_work import expert_work, hot_experts
from ...predicted.step.hardware import hardware_of
from ...predicted.step.step_work import elementwise_work, exchange_work
from ...predicted.step.work import Work
from .csv_rows import LeftOutError, Row
from .deployments import chip_of, slice_of
from .models import Formats, formats
from .operators import (
    LARGE_BYTES,
    batched_matmul,
    collective,
    matmuls,
    one_chip,
    operation_case,
)

TPU_OPS_COLUMNS = (
    "source", "hardware", "op", "dtype", "batch", "M", "N", "K", "d0", "d1", "d2", "min_bytes",
    "latency_us", "timing",
)  # fmt: skip
_ELEMENTWISE = {
    "add", "compare", "convert", "divide", "exponential", "logistic", "multiply", "reduce", "rsqrt",
    "select", "transpose",
}  # fmt: skip


def tpu_ops_cases(row: Row) -> list[Case]:
    """The case that a row makes. Raises LeftOutError where it cannot be predicted,
    ProfileInputError for a malformed cell."""
    op, on_slice = row.text("op"), one_chip(row.text("hardware"))
    held = formats(row.text("dtype"), row.text("dtype"))
    observed = row.number("latency_us") * 1e-6
    if op in ("gemm", "batched_gemm"):
        rows, columns, depth = (row.number(size) for size in "MNK")
        batch = float(row.count("batch", 1))
        if op == "gemm":
            work = matmuls(on_slice, held, rows, [(depth, columns)])
        else:
            work = batched_matmul(on_slice, held, batch, rows, depth, columns)
        case = operation_case(row, "matmul", on_slice, held, work, observed)
        return [_of_harness(case, row, "batch", "M", "N", "K")]
    if op not in _ELEMENTWISE:
        raise LeftOutError(f"the operation '{op}' is not described")
    # The compiler lays arrays out so that a small last dimension is not padded.
    work = elementwise_work(row.number("min_bytes"))
    case = operation_case(row, "vector", on_slice, held, work, observed)
    return [_of_harness(case, row, "d0", "d1", "d2")]


def _of_harness(case: Case, row: Row, *sizes: str) -> Case:
    """With its sizes as its note. In a loop a matmul reads its operands from HBM; one timed by its
    span in a trace may find them on the chip, fetched at the end of the program before."""
    loop = " in a loop" * ("loop" in row.text("timing"))
    stack = case.stack.replace(" kernels", f"{loop} kernels")
    return replace(case, stack=stack, note=_sizes(row, *sizes))


def _sizes(row: Row, *names: str) -> str:
    return " ".join(f"{name}={row.text(name)}" for name in names if row.text(name))


TPU_KERNELS_COLUMNS = (
    "source", "hardware", "n_devices", "op", "dtype", "weights_dtype", "tokens", "K", "N",
    "experts", "experts_per_token", "hidden", "expert_inter", "ep", "hot_experts", "version",
    "latency_us", "bandwidth_GBps", "timing",
)  # fmt: skip


def tpu_kernels_cases(row: Row) -> list[Case]:
    """The case that a row makes. Raises LeftOutError where it cannot be predicted,
    ProfileInputError for a malformed cell."""
    readers = {"gemm": _dispatched_matmul, "moe_fused": _fused_experts, "all_gather": _axis}
    if row.text("op") not in readers:
        raise LeftOutError(f"the operation '{row.text('op')}' is not described")
    return [readers[row.text("op")](row)]


def _dispatched_matmul(row: Row) -> Case:
    """Of one device, as the host sees it: its own work is a step of the program."""
    weights, dtype = row.text("weights_dtype"), row.text("dtype")
    blocks = weights.startswith("fp8 block")
    held = formats("fp8" if blocks else weights, dtype)
    on_slice = one_chip(_whole_chip(row))
    matrix = (row.number("K"), row.number("N"))
    work = matmuls(on_slice, held, row.number("tokens"), [matrix]) * _cores(row, on_slice.chip)
    if "wall" in row.text("timing"):
        work = replace(work, steps=1.0)
    observed = row.number("latency_us") * 1e-6
    case = operation_case(row, "matmul", on_slice, held, work, observed)
    untuned = " untuned fp8" * blocks
    note = _sizes(row, "dtype", "weights_dtype", "tokens", "K", "N", "n_devices")
    return replace(case, stack=case.stack.replace(" kernels", f"{untuned} kernels"), note=note)


PER_CORE = " per core"


def _whole_chip(row: Row) -> str:
    """'TPU7x' of 'TPU7x per core (JAX device)'."""
    return row.text("hardware").partition(PER_CORE)[0]


def _cores(row: Row, chip: Chip) -> float:
    """Cores that take as long together as the one that is timed."""
    return float(chip.jax_devices) if PER_CORE in row.text("hardware") else 1.0


def _fused_experts(row: Row) -> Case:
    """Experts over all cores, with both exchanges of tokens in the kernel. The core of the busiest
    experts is the slowest; each core of its chip is taken to work as long."""
    chip, _ = chip_of(row.text("hardware"))
    cores, experts = row.count("ep", 1), row.number("experts")
    hot = row.number("hot_experts")
    if hot > experts or cores > experts:
        raise LeftOutError(f"{hot:g} hot experts and {cores} devices for {experts:g} experts")
    held = formats("bf16", row.text("dtype"))
    # 8, 16 and 32 hot experts take 10, 6 and 4 times as long as all: they are neighbours.
    load = replace(hot_experts(hot / experts), dealt=True, together=True)
    tokens, each = row.number("tokens"), row.number("experts_per_token")
    one = expert_work(
        tokens, row.number("hidden"), row.number("expert_inter"), experts, each, held.widths,
        float(cores), 1.0, tile=hardware_of(chip, held.matmul_dtype).tile, load=load,
    )  # fmt: skip
    on_slice = slice_of(chip, max(cores // chip.jax_devices, 1))
    work = one * float(chip.jax_devices) + _routed(row, on_slice, held, tokens * each)
    observed = row.number("latency_us") * 1e-6
    case = operation_case(row, "experts", on_slice, held, replace(work, kernels=1.0), observed)
    return replace(case, note=_sizes(row, "tokens", "hot_experts", "version"))


def _routed(row: Row, on_slice: Slice, held: Formats, choices: float) -> Work:
    """Tokens dealt to their experts' chips and back."""
    group = groups_of(on_slice, Parallelism(tensor=on_slice.chips))["tensor"]
    moved = choices * row.number("hidden") * held.widths.activation_bytes
    return exchange_work(ALL_TO_ALL.over(group, moved) * 2)


_BETWEEN_CHIPS = re.compile(r"[xyz]|between chips.*")


def _axis(row: Row) -> Case:
    """An all-gather of two neighbours, of so many bytes that latency is none."""
    version = row.text("version")
    if not _BETWEEN_CHIPS.fullmatch(version):
        raise LeftOutError(f"'{version}' is not a link between chips")
    if row.count("n_devices", 2) != 2:
        raise LeftOutError("an axis of more than two devices is not described")
    on_slice, held = slice_of(chip_of(row.text("hardware"))[0], 8, "2x2x2"), formats("bf16")
    work, sent = collective("all_gather", on_slice, LARGE_BYTES, 2)
    observed = sent / (row.number("bandwidth_GBps") * 1e9)
    case = operation_case(row, "collective", on_slice, held, work, observed)
    return replace(case, note=version)
