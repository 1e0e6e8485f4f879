"""A co-design report in round figures: two cases of a small model, made up but consistent.

Bounds of the map follow from a toy chip: weights 100 units a step, keys and values one unit for
each 100 cached tokens of a sequence, arithmetic one unit a sequence.
"""

from sample_codesign_center import data_center, pareto_points, search
from sample_prediction import sample_prediction

from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.codesign import (
    Ask,
    Assumption,
    BoundFlip,
    BoundMap,
    Changed,
    CodesignCase,
    CodesignReport,
    Elasticity,
    Lever,
    LeverArrow,
    Parameter,
    ProfileRead,
    Quality,
    Roofline,
    RooflinePoint,
    Seed,
    SeedRow,
    Side,
    ThoughtCrossovers,
    WhatIf,
)

PHASES = ("prefill", "think", "answer")
CONTEXTS = [128.0 * 2 ** (n / 2) for n in range(21)]
BATCHES = [2.0**n for n in range(13)]
PARAMETERS = {  # name: words, unit, value, elasticity of time for prefill, think, answer
    "matrix_flops": ("matrix FLOP/s", "FLOP/s", 197e12, (-0.82, -0.06, -0.02)),
    "hbm_bandwidth": ("HBM bandwidth", "B/s", 819e9, (-0.05, -0.71, -0.62)),
    "hbm_capacity": ("HBM capacity", "B", 16e9, (0.0, 0.0, 0.0)),
    "link_bandwidth": ("link bandwidth", "B/s", 45e9, (-0.10, -0.04, -0.06)),
    "link_latency": ("link latency", "s", 1e-6, (0.0, 0.09, 0.15)),
    "kernel_overhead": ("kernel overhead", "1", None, (0.03, 0.10, 0.15)),
    "on_chip_capacity": ("on-chip capacity", "B", 128e6, (0.0, -0.01, -0.02)),
}


def around(median: float, spread: float = 0.2) -> Interval:
    """So far to either side."""
    ends = sorted((median * (1 - spread), median * (1 + spread)))
    return Interval(median=median, low=ends[0], high=ends[1])


def elasticities() -> list[Elasticity]:
    """Time as in PARAMETERS; joules half of it, dollars a fifth more; think is most of a query."""
    rows = []
    for name, (*_, values) in PARAMETERS.items():
        whole = 0.1 * values[0] + 0.8 * values[1] + 0.1 * values[2]
        for phase, value in zip((*PHASES, "query"), (*values, whole), strict=True):
            for quantity, shift in (
                ("time", 0.0),
                ("energy", -value / 2),
                ("usd", 0.2 * abs(value)),
            ):
                for regime in ("as run", "memory full"):
                    capacity = -0.3 if (name, regime) == ("hbm_capacity", "memory full") else 0.0
                    rows.append(
                        Elasticity(
                            phase=phase,
                            parameter=name,
                            quantity=quantity,  # type: ignore[arg-type]
                            regime=regime,  # type: ignore[arg-type]
                            value=around(value + shift + capacity),
                        )
                    )
    return rows


def bound_map(attempts: float) -> BoundMap:
    """The toy chip's map."""
    bound, fits, share, step = [], [], [], []
    for batch in BATCHES:
        kv = [batch * (context / 100 + 1) / min(attempts, 2.0) for context in CONTEXTS]
        terms = [{"overhead": 108.0, "memory": 100 + x, "compute": 2 * batch} for x in kv]
        bound.append([max(each, key=each.__getitem__) for each in terms])
        fits.append([x < 2e4 for x in kv])
        share.append([x / (100 + x) for x in kv])
        step.append([max(each.values()) * 1e-4 for each in terms])
    return BoundMap(
        attempts=attempts,
        contexts=CONTEXTS,
        batches=BATCHES,
        bound=bound,  # type: ignore[arg-type]
        fits=fits,
        kv_share=share,
        step_s=step,
    )


def lever(name: str, change: str, factor: float, quality: Quality = "not measured") -> Lever:
    """A lever that makes think so much faster and as much more intense."""
    said = {
        "not measured": "cost only, quality not measured",
        "measured": "measured: sums accuracy 62% [55%, 69%] at think budget 256, 58% at 128",
        "unchanged by construction": "every prompt is decoded as before",
    }
    start = RooflinePoint(phase="think", intensity=16.0, flops_per_s=8e12)
    end = RooflinePoint(phase="think", intensity=16.0 / factor, flops_per_s=8e12 / factor)
    return Lever(
        name=name,
        change=change,
        by_phase={"prefill": around(1.0, 0.01), "think": around(factor), "answer": around(factor)},
        whole=Changed(time=around(factor), energy=around(factor), usd=around(factor)),
        quality=quality,
        evidence=said[quality],
        fits=name != "batch",
        arrows=[LeverArrow(phase="think", start=start, end=end)],
    )


def ask(rank: int, side: Side, name: str, change: str, saving: float) -> Ask:
    """One recommendation."""
    return Ask(
        rank=rank,
        side=side,
        sentence=f"{change} saves {saving:.0%} of a query's time over 2 cases, and beats the next "
        "change with p = 0.97.",
        change=change,
        name=name,
        saving=around(saving),
        quantity="time",
        steps="a quarter more of each part",
        beats_next=0.97 if rank < 5 else None,
        next_change="the next change" if rank < 5 else None,
        quality="unchanged by construction" if side == "hardware" else "not measured",
        evidence=[
            "predicted lens: small on v5e:2x4, think is memory-bound",
            f"{side} lens: of {side} alone",
            f"this ask's own: {name}",
        ],
    )


HARDWARE_ASKS = [
    ask(n + 1, "hardware", name, f"{words} +25 %", 0.19 / (n + 1))
    for n, (name, (words, *_)) in enumerate(list(PARAMETERS.items())[1:6])
]
MODEL_ASKS = [
    ask(1, "model", "kv_dtype", "KV cache bfloat16 -> int8", 0.31),
    ask(2, "model", "kv_heads", "KV heads 8 -> 4", 0.22),
    ask(3, "model", "weight_dtype", "weights bfloat16 -> int8", 0.15),
    ask(4, "model", "early_exit", "tokens leave after 75% of the layers", 0.11),
    ask(5, "model", "layers", "layers 32 -> 24", 0.05),
]


def what_if() -> WhatIf:
    """Twice the bandwidth."""
    return WhatIf(
        text="hbm_bandwidth=2x",
        changes=["hbm_bandwidth 8.19e+11 -> 1.638e+12 (2x)"],
        before_s=around(10.0),
        after_s=around(6.0),
        by_phase={"prefill": around(0.98, 0.01), "think": around(0.55), "answer": around(0.6)},
        whole=Changed(time=around(0.6), energy=around(0.8), usd=None),
        bound_before=dict(zip(PHASES, ("compute", "memory", "links"), strict=True)),  # type: ignore[arg-type]
        bound_after=dict(zip(PHASES, ("compute", "overhead", "links"), strict=True)),  # type: ignore[arg-type]
        fits=True,
        sentence="With hbm_bandwidth 2x a query takes 0.60 of the time [0.48, 0.72] on v5e:2x4.",
    )


def case(profile: str, slice_name: str) -> CodesignCase:
    """The small model on a slice."""
    points = [
        RooflinePoint(phase="prefill", intensity=480.0, flops_per_s=90e12),
        RooflinePoint(phase="think", intensity=16.0, flops_per_s=8e12),
        RooflinePoint(phase="answer", intensity=14.0, flops_per_s=5e12),
    ]
    return CodesignCase(
        profile=profile,
        workload="4 prompts x 2 attempts together, 500 + 1000 + 50 tokens, int8",
        prediction=sample_prediction(slice=slice_name),
        accuracy=Interval(median=0.5, low=0.4, high=0.6),
        usd_per_query=around(0.0083),
        usd_per_correct=around(0.0166),
        energy_per_query_j=around(250.0),
        parameters=[
            Parameter(name=name, words=words, unit=unit, value=value, step=None)
            for name, (words, unit, value, _) in PARAMETERS.items()
        ],
        elasticities=elasticities(),
        flips=[
            BoundFlip(
                phase="think",
                parameter="hbm_bandwidth",
                factor=around(1.9),
                before="memory",
                after="compute",
                flips=0.93,
                sentence="beyond 1.9x HBM bandwidth, think becomes compute-bound with 8 sequences",
            )
        ],
        levers=[
            lever("kv_dtype", "KV cache bfloat16 -> int8", 0.69),
            lever("kv_heads", "KV heads 8 -> 4", 0.78),
            lever("think", "thoughts 1000 -> 500 tokens", 0.51, "measured"),
            lever("batch", "4 -> 8 prompts together", 0.62, "unchanged by construction"),
            lever("shared_prompt", "prompt's KV held by each attempt", 1.12),
        ],
        roofline=Roofline(
            chip="TPU v5e",
            peak_flops=197e12,
            peak_dtype="bfloat16",
            memory_bandwidth=819e9,
            ridge=197e12 / 819e9,
            points=points,
        ),
        bound_maps=[bound_map(1.0), bound_map(2.0)],
        thought=ThoughtCrossovers(
            batch=8.0,
            kv_over_weights_tokens=1250.0,
            memory_full_tokens=None,
            links_over_memory_batch=None,
            largest_batch={"1024": 512.0, "4096": 128.0},
            sentences=["with 8 sequences, KV bytes exceed the weights' beyond 1,250 tokens"],
        ),
        what_ifs=[what_if()],
        asks=[HARDWARE_ASKS[0], MODEL_ASKS[0]],
    )


def sample_codesign(**changes: object) -> CodesignReport:
    """The report with `changes`."""
    found = CodesignReport(
        command="rooflink codesign small.json --slice v5e-8 --slice v5p-8",
        profiles=[
            ProfileRead(
                name="small <b>", model="small", file="small.json", ran=True, weights="random"
            )
        ],
        cases=[case("small <b>", "v5e:2x4"), case("small <b>", "v5p:2x2x1")],
        hardware_asks=HARDWARE_ASKS,
        model_asks=MODEL_ASKS,
        pareto=pareto_points("small <b>"),
        searches=[search("reasoning", "prefill-heavy"), search("prefill-heavy", "reasoning")],
        data_centers=[data_center("small <b>")],
        seeds=[
            Seed(
                name="tokens per dollar",
                claim="More than a million tokens per dollar.",
                verdict="holds in part",
                finding="1.9 M tokens a dollar on v5e-8, 0.4 M on v5p-8.",
                method="tokens thought and answered over the slice's rent, predicted",
                rows=[
                    SeedRow(label="small on v5e-8", value=1.9e6, unit="tok/$"),
                    SeedRow(label="small on v5p-8", value=4e5, unit="tok/$", note="on demand"),
                ],
            )
        ],
        assumptions=[
            Assumption(
                sentence="HBM costs 10 USD a GB", source="TrendForce 2025", confidence="medium"
            ),
            Assumption(
                sentence="20 tokens a second are fast enough", source="judgement", confidence="low"
            ),
        ],
        notes=["fp8 was left out on TPU v5e: its matrix units have no fp8."],
    )
    return found.model_copy(update=changes)
