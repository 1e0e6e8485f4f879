"""The parts of the sample co-design report that are not of one case: search, frontier, center."""

from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.codesign import (
    ChipDesign,
    DataCenter,
    DesignSearch,
    ParetoPoint,
    PowerTrace,
    PriceTier,
    Smoothing,
)


def around(median: float, spread: float = 0.2) -> Interval:
    """So far to either side."""
    return Interval(median=median, low=median * (1 - spread), high=median * (1 + spread))


def pareto_points(profile: str) -> list[ParetoPoint]:
    """Two slices: the larger is faster and dearer; batches trade latency for money."""
    points = []
    for slice_name, latency, usd in (("v5e:2x4", 4.0, 0.008), ("v5p:2x2x1", 2.0, 0.020)):
        for n in range(6):
            points.append(
                ParetoPoint(
                    profile=profile,
                    slice=slice_name,
                    batch=2.0**n,
                    attempts=2.0,
                    think_tokens=1000.0,
                    latency_s=around(latency * 1.25**n),
                    usd_per_query=around(usd / 1.6**n),
                    accuracy=0.5,
                    usd_per_correct=around(2 * usd / 1.6**n),
                    on_frontier=n >= 3 or slice_name != "v5e:2x4",
                )
            )
    return points


def design(flops: float, bandwidth: float, capacity: float) -> ChipDesign:
    """A chip of 600 mm2 and 400 W."""
    return ChipDesign(
        matrix_flops=flops,
        hbm_bandwidth=bandwidth,
        hbm_capacity=capacity,
        on_chip_capacity=128e6,
        link_bandwidth=180e9,
        area_mm2=600.0,
        watts=400.0,
        usd=5200.0,
    )


def search(purpose: str, other: str) -> DesignSearch:
    """Bandwidth for reasoning, arithmetic for prefill."""
    reasoning = purpose == "reasoning"
    best = design(120e12, 3.1e12, 64e9) if reasoning else design(800e12, 0.9e12, 16e9)
    return DesignSearch(
        purpose=purpose,
        mix=["60%: 512 + 2048 + 256 tokens", "40%: 512 + 8192 + 256 tokens x 64 attempts"],
        model="small",
        chips=8,
        budget_kind="area",
        budget=600.0,
        reference=design(197e12, 0.819e12, 16e9),
        reference_chip="TPU v5e",
        swept=304317,
        swept_best=best,
        best=best,
        sequences=256.0 if reasoning else 32.0,
        slowest_token_s=0.05,
        time_per_query_s=around(0.8),
        usd_per_query=around(0.002),
        speedup=around(2.4 if reasoning else 3.1),
        spent={"matrix_flops": 0.2, "hbm_bandwidth": 0.4, "hbm_capacity": 0.2, "other": 0.2},
        other_purpose_slowdown=2.7,
        sentence=f"Under 600 mm2 the best {purpose} chip is not the best {other} chip.",
    )


def data_center(profile: str) -> DataCenter:
    """100 queries a second on 50 slices."""
    times = [0.1 * n for n in range(200)]
    phases = ["prefill" if t % 5 < 0.5 else "think" for t in times]
    watts = [80e3 if phase == "prefill" else 52e3 for phase in phases]
    return DataCenter(
        profile=profile,
        slice="v5e:2x4",
        queries_per_s=100.0,
        latency_target_s=20.0,
        think_variation=0.5,
        batch=16.0,
        latency_s=around(12.0),
        slices=50,
        chips=400,
        chips_interval=around(400.0),
        sustained=0.041,
        tokens_per_s=210000.0,
        power_w=around(70e3),
        provisioned_w=120e3,
        link_bytes_per_s=4e9,
        network_bytes_per_s=3e5,
        prompt_kv_bytes_per_s=6e9,
        traces=[
            PowerTrace(
                label="synchronised",
                time_s=times,
                watts=watts,
                phase=phases,
                mean_w=54.8e3,
                peak_w=80e3,
                low_w=52e3,
            ),
            PowerTrace(
                label="unsynchronised",
                time_s=times,
                watts=[54.8e3 + 400 * ((n * 7) % 5 - 2) for n in range(200)],
                phase=[],
                mean_w=54.8e3,
                peak_w=55.6e3,
                low_w=54.0e3,
            ),
        ],
        smoothing=[
            Smoothing(
                way="burn idle power",
                remaining_swing=0.0,
                extra_energy=0.46,
                stored_j_per_chip=0.0,
                sentence="Holding every chip at its peak makes power even for 46 % more energy.",
            )
        ],
        wall_kwh_per_day=around(1700.0),
        kgco2e_per_day=around(510.0),
        usd_per_day=around(11520.0),
        tiers=[
            PriceTier(
                think_tokens=tokens,
                attempts=1.0,
                batch=16.0,
                latency_s=around(0.5 + tokens * 0.01),
                usd=around(0.001 + tokens * 1e-6),
                wall_j=around(20 + tokens * 0.1),
                gco2e=None,
            )
            for tokens in (0.0, 1000.0, 8000.0)
        ],
    )
