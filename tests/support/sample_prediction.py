"""A prediction in round figures: 4 prompts x 2 attempts of a small model on 8 TPU v5e."""

from rooflink.profiling.predicted.economics import Terms, economics_of
from rooflink.profiling.records import Interval, MemoryFit, PredictedPhase, Prediction
from rooflink.tpu_configs.catalog import load_chip


def about(median: float) -> Interval:
    """From a fifth less to a half more."""
    return Interval(median=median, low=0.8 * median, high=1.5 * median)


def phase(name: str, tokens: float, steps: float, time_s: float, bound: str) -> PredictedPhase:
    """A phase that draws 100 W a second of its time, bound by what is named."""
    return PredictedPhase(
        phase=name,
        tokens=tokens,
        steps=steps,
        time_s=about(time_s),
        energy_j=about(100 * time_s),
        bound=bound,  # type: ignore[arg-type]
        compute_s=0.2 * time_s,
        memory_s=0.5 * time_s,
        on_chip_s=0.0,
        links_s=0.1 * time_s,
        overhead_s=0.1 * time_s,
        flops=3e12 * tokens,
        memory_bytes=1e9 * steps,
        link_bytes=1e6 * steps,
    )


def sample_prediction(**changes: object) -> Prediction:
    """The prediction with `changes`: 10 s in all, 1 kJ."""
    found = Prediction(
        model="small",
        slice="v5e:2x4",
        chip="TPU v5e",
        chips=8,
        parallelism="tensor=8",
        stack=None,
        ideal=False,
        basis="7 measurements of TPU v5e; serving stack not given: averaged over those measured",
        weight_dtype="int8",
        kv_dtype="bfloat16",
        matmul_dtype="bfloat16",
        prompts=4,
        attempts=2,
        prompt_tokens=500,
        think_tokens=1000,
        answer_tokens=50,
        phases=[
            phase("prefill", 2000, 1, 0.5, "compute"),
            phase("think", 8000, 999, 9.0, "memory"),
            phase("answer", 400, 50, 0.5, "links"),
        ],
        time_s=about(10.0),
        energy_j=about(1000.0),
        fit=MemoryFit(
            weight_bytes=1e9, kv_bytes=5e8, available_bytes=16e9, largest_batch=240, kv_copies=2.0
        ),
        parallelism_reason="tensor=8 is the most that divides 16 query heads",
        chip_confidence="high",
        energy_basis="about 215 W, estimated from chips like it",
    )
    return found.model_copy(update=changes)


def priced(price: str = "on_demand", **changes: object) -> Prediction:
    """The sample prediction on v5e with what it costs."""
    found = sample_prediction(**changes)
    return found.model_copy(
        update={"economics": economics_of(found, load_chip("v5e"), Terms(price=price))}
    )
