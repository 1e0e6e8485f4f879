"""A realistic Profile for tests: SmolLM2-135M, 4 prompts x 4 attempts, think budget 128.

Every figure follows from the lengths, the model's shape and two machine limits, so that shares,
rates, bounds and times agree with each other; only the efficiencies are chosen.
"""

from sample_compiled import sample_cpu, sample_slice

from rooflink.profiling.findings import find
from rooflink.profiling.records import (
    ChipPlacement,
    CountedCost,
    Finding,
    HbmBytes,
    Length,
    MachineLimits,
    MeasuredCost,
    ModelFacts,
    Outcome,
    Phase,
    PhaseOnChip,
    Profile,
    Provenance,
    Sample,
    Spread,
    StopReason,
    ThoughtPoint,
    Workload,
)

PROMPT_TOKENS = [61, 74, 52, 88]
THINK_TOKENS = [96, 128, 71, 104, 128, 113, 128, 87, 44, 58, 39, 66, 128, 128, 121, 128]
ANSWER_TOKENS = [7, 9, 6, 8, 9, 7, 9, 6, 5, 6, 5, 6, 9, 9, 8, 9]
BUDGET = 128
ATTEMPTS = 4
LAYERS, EMBED, HEADS, KV_HEADS, HEAD_DIM, MLP, VOCAB = 30, 576, 9, 3, 64, 1536, 49152
PARAMETERS = 134_515_008
MATMUL_PARAMETERS = PARAMETERS - (2 * LAYERS + 1) * EMBED  # all but the norms' scales
VALUE_BYTES = 4  # float32
WEIGHT_BYTES = PARAMETERS * VALUE_BYTES
KV_BYTES = 2 * LAYERS * KV_HEADS * HEAD_DIM * VALUE_BYTES
READ_BANDWIDTH, MATMUL_FLOPS = 21.4e9, 182e9
CHIPS = [  # name, HBM bytes, bf16 FLOP/s, HBM bytes/s
    ("TPU v4", 32e9, 275e12, 1228e9),
    ("TPU v5e", 16e9, 197e12, 819e9),
    ("TPU v5p", 95e9, 459e12, 2765e9),
    ("TPU v6e", 32e9, 918e12, 1640e9),
    ("TPU v7x", 192e9, 2307e12, 7380e9),
    ("H100 SXM", 80e9, 989e12, 3350e9),
]


def _flops(tokens: int, keys: int) -> int:
    """Matmul FLOPs of `tokens` positions that meet `keys` query-key pairs in all."""
    return 2 * MATMUL_PARAMETERS * tokens + 4 * LAYERS * HEADS * HEAD_DIM * keys


def _activations(tokens: int) -> int:
    """Inputs and results of each matmul, once each."""
    per_layer = 4 * EMBED + 2 * KV_HEADS * HEAD_DIM + 2 * HEADS * HEAD_DIM + 4 * MLP
    return tokens * VALUE_BYTES * (LAYERS * per_layer + EMBED + VOCAB)


def _prefill() -> CountedCost:
    tokens, pairs = sum(PROMPT_TOKENS), sum(n * (n + 1) // 2 for n in PROMPT_TOKENS)
    moved = HbmBytes(
        weights=WEIGHT_BYTES,
        kv_read=tokens * KV_BYTES,
        kv_write=tokens * KV_BYTES,
        activations=_activations(tokens),
    )
    return CountedCost(
        flops=_flops(tokens, pairs), vector_flops=tokens * 2_100_000, hbm_bytes=moved
    )


def _step(lengths: list[int], before: list[int], step: int) -> tuple[int, CountedCost]:
    """Active attempts and cost of decode step `step` where attempt i makes `lengths[i]` tokens."""
    active = [i for i, n in enumerate(lengths) if n > step]
    own = sum(before[i] + step + 1 for i in active)
    shared = sum(PROMPT_TOKENS[p] for p in {i // ATTEMPTS for i in active})
    pairs = own + sum(PROMPT_TOKENS[i // ATTEMPTS] for i in active)
    moved = HbmBytes(
        weights=WEIGHT_BYTES,
        kv_read=(own + shared) * KV_BYTES,
        kv_write=len(active) * KV_BYTES,
        activations=_activations(len(active)),
    )
    cost = CountedCost(
        flops=_flops(len(active), pairs), vector_flops=len(active) * 2_300_000, hbm_bytes=moved
    )
    return len(active), cost


def _sum(costs: list[CountedCost]) -> CountedCost:
    moved = HbmBytes(
        weights=sum(c.hbm_bytes.weights for c in costs),
        kv_read=sum(c.hbm_bytes.kv_read for c in costs),
        kv_write=sum(c.hbm_bytes.kv_write for c in costs),
        activations=sum(c.hbm_bytes.activations for c in costs),
    )
    return CountedCost(
        flops=sum(c.flops for c in costs),
        vector_flops=sum(c.vector_flops for c in costs),
        hbm_bytes=moved,
    )


def _measured(cost: CountedCost, tokens: int, efficiency: float) -> MeasuredCost:
    """Wall time at `efficiency` of the machine's roofline, with three repeats."""
    floor = max(cost.hbm_bytes.total / READ_BANDWIDTH, cost.flops / MATMUL_FLOPS)
    median = floor / efficiency
    repeats = [median * 1.031, median, median * 0.984]
    return MeasuredCost(
        time_s=Spread(median=median, low=min(repeats), high=max(repeats), repeats=repeats),
        tokens_per_s=tokens / median,
        flops_per_s=cost.flops / median,
        bytes_per_s=cost.hbm_bytes.total / median,
        bandwidth_share=cost.hbm_bytes.total / median / READ_BANDWIDTH,
        flops_share=cost.flops / median / MATMUL_FLOPS,
    )


def _phase(
    name: str, cost: CountedCost, tokens: int, steps: int, efficiency: float, ran: bool
) -> Phase:
    decode = name != "prefill"
    return Phase(
        name=name,
        tokens=tokens,
        forced_tokens=18 if name == "answer" else 0,
        sequences=16 if decode else 4,
        steps=steps,
        idle_slots=16 * steps - tokens if decode else 0,
        padded_tokens=0 if decode else 4 * max(PROMPT_TOKENS) - tokens,
        counted=cost,
        measured=_measured(cost, tokens, efficiency) if ran else None,
    )


def _placement(chip: tuple[str, float, float, float], phases: list[Phase]) -> ChipPlacement:
    name, capacity, peak, bandwidth = chip
    rows = []
    for phase in phases:
        compute = phase.counted.flops / peak
        memory = phase.counted.hbm_bytes.total / bandwidth
        rows.append(
            PhaseOnChip(
                phase=phase.name,
                bound="compute" if compute > memory else "memory",
                time_at_peak_s=max(compute, memory),
            )
        )
    cached = sum(PROMPT_TOKENS) + sum(THINK_TOKENS) + sum(ANSWER_TOKENS)
    return ChipPlacement(
        chip=name,
        chips=1,
        resident_bytes=WEIGHT_BYTES + cached * KV_BYTES,
        hbm_capacity_bytes=capacity,
        peak_flops=peak,
        peak_dtype="bfloat16",
        hbm_bandwidth=bandwidth,
        ridge=peak / bandwidth,
        phases=rows,
    )


def _outcome() -> Outcome:
    def stop(tokens: int, index: int) -> StopReason:
        if tokens == BUDGET:
            return "budget"
        return "end_of_sequence" if index == 9 else "marker"

    lengths = [
        Length(prompt=i // ATTEMPTS, think_tokens=t, answer_tokens=a, stop_reason=stop(t, i))
        for i, (t, a) in enumerate(zip(THINK_TOKENS, ANSWER_TOKENS, strict=True))
    ]
    samples = [
        Sample(
            prompt="Tom has 3 boxes of 12 pencils and gives away 7. How many are left?",
            thought="Tom has 3 boxes of 12 pencils, so 3 * 12 = 36 pencils.\n"
            "He gives away 7, so 36 - 7 = 29.",
            answer="29",
            expected="29",
            correct=True,
        ),
        Sample(
            prompt="Is 5 < 7 & 7 > 5? <script>alert('x')</script> | yes or no",
            thought="Five is less than seven. [bold]Both[/bold] hold: `5 < 7`.\n```\ncode\n```",
            answer="<b>no</b>",
            expected="yes",
            correct=False,
        ),
    ]
    return Outcome(
        attempts=16,
        correct=5,
        accuracy=5 / 16,
        accuracy_low=0.1416,
        accuracy_high=0.5559,
        lengths=lengths,
        samples=samples,
    )


def _findings(profile: Profile) -> list[Finding]:
    note = Finding(
        kind="note",
        what="Six of sixteen thoughts were cut off by the budget.",
        evidence="stop reason 'budget' in the attempts' lengths",
        phase=None,
    )
    return [note, *find(profile)]


def sample_profile(
    name: str = "smollm2-135m cot", ran: bool = True, compiled: bool = False
) -> Profile:
    """The profile; with `ran=False` everything that only a run can know is None or empty.

    `compiled` adds two targets whose figures are illustrative (see sample_compiled).
    """
    think_steps = [_step(THINK_TOKENS, [0] * 16, s) for s in range(max(THINK_TOKENS))]
    answer_steps = [_step(ANSWER_TOKENS, THINK_TOKENS, s) for s in range(max(ANSWER_TOKENS))]
    think_cost = _sum([cost for _, cost in think_steps])
    answer_cost = _sum([cost for _, cost in answer_steps])
    phases = [
        _phase("prefill", _prefill(), sum(PROMPT_TOKENS), 1, 0.58, ran),
        _phase("think", think_cost, sum(THINK_TOKENS), len(think_steps), 0.62, ran),
        _phase("answer", answer_cost, sum(ANSWER_TOKENS), len(answer_steps), 0.57, ran),
    ]
    thought = [
        ThoughtPoint(
            tokens_thought=step,
            active_attempts=active,
            flops=cost.flops,
            hbm_bytes=cost.hbm_bytes,
            measured_step_s=cost.hbm_bytes.total / READ_BANDWIDTH / 0.62 if ran else None,
        )
        for step, (active, cost) in list(enumerate(think_steps))[::4]
    ]
    profile = Profile(
        name=name,
        provenance=Provenance(
            created="2025-11-22T18:10:00+00:00",
            command="rooflink profile smollm2-135m --attempts 4",
            versions={"python": "3.11.9", "jax": "0.10.0", "flax": "0.12.6"},
            git_commit="b52aa75",
            backend="cpu" if ran else "none",
            device="AMD EPYC 9B14" if ran else "none",
            cores=2,
            seed=0,
        ),
        model=ModelFacts(
            name="smollm2-135m",
            family="llama",
            parameters=PARAMETERS,
            layers=LAYERS,
            embed_dim=EMBED,
            query_heads=HEADS,
            kv_heads=KV_HEADS,
            head_dim=HEAD_DIM,
            mlp_dim=MLP,
            vocab_size=VOCAB,
            context_length=8192,
            tied_embeddings=True,
            dtype="float32",
            weight_bytes=WEIGHT_BYTES,
            kv_bytes_per_token=KV_BYTES,
            weights_source="SmolLM2-135M-Instruct-F16.gguf" if ran else "none",
        ),
        workload=Workload(
            prompts=4,
            batch=4,
            attempts=ATTEMPTS,
            prompt_tokens=PROMPT_TOKENS,
            think_budget=BUDGET,
            answer_budget=16,
            sampling="temperature 0.6, top-p 0.95",
            think_end="\n\nAnswer:",
            task="gsm8k",
        ),
        phases=phases,
        thought=thought,
        outcome=_outcome() if ran else None,
        machine=MachineLimits(
            read_bandwidth=READ_BANDWIDTH, matmul_flops=MATMUL_FLOPS, dtype="float32"
        )
        if ran
        else None,
        placements=[_placement(chip, phases) for chip in CHIPS],
        compiled=[sample_slice(), sample_cpu()] if compiled else [],
        findings=[],
    )
    return profile.model_copy(update={"findings": _findings(profile)})
