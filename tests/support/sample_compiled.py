"""Compiled targets for tests: a TPU slice and a CPU. Their figures are illustrative.

No compiler made them: the bytes are chosen so that counted, excesses and unexplained add up, and
so that each thing that a report must say occurs once: traffic below the asked-for, a whole cache
copied, a loop of unknown length, a custom call without a cost.
"""

from rooflink.profiling.records import (
    CollectiveTraffic,
    CompiledPhase,
    CompiledTarget,
    DeviceMemory,
    Excess,
    HbmBytes,
    HbmRow,
    MemoryLevel,
)

ILLUSTRATIVE = "illustrative figures, not a compilation"
WEIGHTS, KV, KV_TOKEN, ACTIVATIONS = 134_500_000, 11_800_000, 92_160, 420_000  # a device and pass
MLP, ATTENTION, HEAD = 0.59, 0.2, 0.21  # of the weights
LAYOUT_FIX = "keep the cache in one layout from the program's entry through its loops"

Row = tuple[str, str, float, float]  # scope, kind, bytes read, bytes written


def _phase(
    name: str,
    passes: int,
    counted: HbmBytes,
    rows: list[Row],
    excesses: list[tuple[str, int, str, str | None]],
    *,
    on_chip: int = 0,
    collectives: int = 0,
    capacity: float | None = 16e9,
    loops: tuple[str, ...] = (),
    calls: tuple[str, ...] = (),
) -> CompiledPhase:
    hbm = [
        HbmRow(scope=scope, kind=kind, read_bytes=int(read), written_bytes=int(written))
        for scope, kind, read, written in rows
    ]
    read, written = sum(row.read_bytes for row in hbm), sum(row.written_bytes for row in hbm)
    levels = [MemoryLevel(level="HBM", read_bytes=read, written_bytes=written)]
    if on_chip:
        levels.append(MemoryLevel(level="VMEM", read_bytes=2 * on_chip, written_bytes=on_chip))
    named = [
        Excess(
            name=what,
            excess_bytes=size,
            share=size / counted.total,
            evidence=evidence,
            fix=fix,
        )
        for what, size, evidence, fix in excesses
    ]
    return CompiledPhase(
        phase=name,
        passes=passes,
        counted_bytes=counted,
        counted_flops=passes * 540_000_000,
        hbm=hbm,
        levels=levels,
        padding_bytes=sum(size for what, size, _, _ in excesses if what == "tile padding"),
        collectives=_collectives(passes) if collectives else [],
        kernels=passes * 402 + 19,
        compiler_cycles=passes * 260_000 if on_chip else None,
        memory=DeviceMemory(
            argument_bytes=1_310_000_000,
            temporary_bytes=212_000_000,
            peak_bytes=1_530_000_000,
            capacity_bytes=capacity,
        ),
        unresolved_loops=list(loops),
        unknown_calls=list(calls),
        xla_flops=540_000_000 / 30,
        xla_bytes_accessed=(read + written) / passes / 3.3,
        excesses=named,
        unexplained_bytes=read + written - counted.total - sum(e.excess_bytes for e in named),
        compile_s=4.2 + 0.03 * passes,
    )


def _collectives(passes: int) -> list[CollectiveTraffic]:
    return [
        CollectiveTraffic(
            type="all-reduce",
            group_size=2,
            mesh_axis="model",
            count=60 * passes,
            operand_bytes=138_240 * passes,
            time_at_link_speed_s=1.54e-6 * passes,
        ),
        CollectiveTraffic(
            type="all-gather",
            group_size=4,
            mesh_axis="data",
            count=passes,
            operand_bytes=24_576 * passes,
            time_at_link_speed_s=None,
        ),
    ]


def _asked(passes: int, tokens: int) -> HbmBytes:
    return HbmBytes(
        weights=WEIGHTS * passes,
        kv_read=KV * passes,
        kv_write=KV_TOKEN * tokens,
        activations=ACTIVATIONS * tokens,
    )


def _model_rows(asked: HbmBytes, head: float, gathered: float) -> list[Row]:
    """What the model's scopes move; of the head's weights the share `head`."""
    w, act = asked.weights, asked.activations
    return [
        ("mlp", "weights", MLP * w, 0),
        ("head", "weights", HEAD * w * head, 0),
        ("attention/projections", "weights", ATTENTION * w, 0),
        ("attention/scores", "kv", asked.kv_read * 1.04, 0),
        ("attention/cache", "kv", 0, asked.kv_write),
        ("mlp", "activations", act * 0.3, act * 0.2),
        ("attention/projections", "activations", act * 0.14, act * 0.1),
        ("norms", "activations", act * 0.16, act * 0.12),
        ("mlp", "collectives", gathered, gathered),
        ("attention/projections", "collectives", gathered / 2, gathered / 2),
    ]


def _decode(name: str, passes: int, copied: int, head: float) -> CompiledPhase:
    """A loop of `passes`, the cache copied `copied` times, part of the head kept on the chip."""
    asked = _asked(passes, passes)
    gathered = 46_000 * passes
    rows = _model_rows(asked, head, gathered)
    kept = int(HEAD * asked.weights * (1 - head))
    found = [
        ("copy of kv", 2 * copied * KV, "copy copy.31: bf16[30,4,3,512,64]", LAYOUT_FIX),
        ("weights kept on the chip", -kept, "the head's operand lies in VMEM (S(1))", None),
        ("tile padding", asked.kv_read // 25, "padded less logical bytes of KV", "whole tiles"),
        ("collectives", 3 * gathered, "all-reduce.7 in mlp", "a smaller model axis"),
    ]
    if copied:
        rows.append(("unattributed", "copy of kv", copied * KV, copied * KV))
    return _phase(
        name,
        passes,
        asked,
        rows,
        [one for one in found if one[1]],
        on_chip=kept or 9_000_000,
        collectives=gathered,
    )


def _prefill(capacity: float | None) -> CompiledPhase:
    asked, act = _asked(1, 512), ACTIVATIONS * 512
    rows = [
        *_model_rows(asked, 1.0, 9_000_000),
        ("attention/values", "activations", act * 0.12, act * 0.1),
        ("attention/scores", "copy of activations", 31_000_000, 31_000_000),
    ]
    found = [
        ("activations read again", int(act * 0.24), "fusion fusion.88 in attention/values", None),
        (
            "copy of activations",
            62_000_000,
            "transpose copy.4 in attention/scores: f32[4,9,128,128]",
            "the order of axes that the matmul after it reads",
        ),
        ("collectives", 27_000_000, "all-reduce.2 in mlp", "a smaller model axis"),
        ("tile padding", 470_000, "padded less logical bytes of KV", None),
    ]
    return _phase(
        "prefill",
        1,
        asked,
        rows,
        found,
        on_chip=44_000_000 if capacity else 0,
        collectives=1 if capacity else 0,
        capacity=capacity,
    )


def sample_slice() -> CompiledTarget:
    """Four phases on a v5e slice; `step` is a decode program of one token a call."""
    return CompiledTarget(
        target="v5e:2x4",
        devices=8,
        mesh=f"data=4,model=2; {ILLUSTRATIVE}",
        prompt_tokens=128,
        context=512,
        batch=4,
        attempts=4,
        versions={"jax": "0.10.0", "libtpu": "0.0.52"},
        phases=[
            _prefill(16e9),
            _decode("think", 64, 4, 0.6),
            _decode("answer", 16, 4, 0.8),
            _decode("step", 1, 8, 1.0),
        ],
    )


def sample_cpu() -> CompiledTarget:
    """A CPU, whose think loop has an unknown length and calls an unknown kernel."""
    asked = _asked(1, 1)
    think = _phase(
        "think",
        1,
        asked,
        [*_model_rows(asked, 1.0, 0), ("mlp", "copy of weights", 0.5 * WEIGHTS, 0.5 * WEIGHTS)],
        [("copy of weights", WEIGHTS, "transpose transpose.9 in mlp", "store them transposed")],
        capacity=None,
        loops=("while.12: its bound is read from a tuple that the loop changes",),
        calls=("custom-call.3 (onednn$matmul)",),
    )
    return CompiledTarget(
        target="cpu",
        devices=1,
        mesh=f"data=1,model=1; {ILLUSTRATIVE}",
        prompt_tokens=128,
        context=512,
        batch=4,
        attempts=4,
        versions={"jax": "0.10.0"},
        phases=[_prefill(None), think],
    )
