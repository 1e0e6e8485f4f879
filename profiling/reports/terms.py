"""The words of every report: the lenses and what each can claim, and the terms of the field."""

from collections.abc import Iterable

from ...model.phases import PHASES, PREFILL, THINK

COUNTED = "counted"
COMPILED = "compiled"
MEASURED = "measured"
AT_PEAK = "at datasheet peak"
PREDICTED = "predicted"

LENSES: dict[str, str] = {
    COUNTED: (
        "From the algorithm alone, exact and independent of hardware: the matmul FLOPs, and the "
        "bytes that must move between HBM and the chip even if everything else were perfect."
    ),
    MEASURED: (
        "Wall time on the machine named under provenance, blocked at phase borders: the median "
        "of the repeats with their smallest and largest. A claim about that machine only."
    ),
    AT_PEAK: (
        "Lower bound from the datasheet: max(FLOPs / peak, HBM bytes / bandwidth), without "
        "interconnect and overhead. No program is faster; most are far slower."
    ),
    PREDICTED: (
        "The expected cost on a slice: its work at the shares of the datasheet that published "
        "measurements reached, with interconnect and overheads. The median, and an interval "
        "that holds 80 % of what the calibration leaves possible. Nothing was run for it."
    ),
    COMPILED: (
        "From the executable that XLA made for a target, a CPU or a TPU slice compiled ahead of "
        "time: what one device moves in one call of a phase's program, loops multiplied out and "
        "whole tiles counted. Nothing was run for it."
    ),
}

TERMS: dict[str, str] = {
    "HBM": "The chip's main memory (high-bandwidth memory).",
    "FLOP/B": "FLOPs per HBM byte, the arithmetic intensity; low means waiting for memory.",
    "intensity": "FLOPs per HBM byte; low intensity means that the work waits for memory.",
    "ridge": "The intensity where a chip's compute time equals its memory time.",
    "bound": (
        "The limit met first. Measured: the larger of the two shares of the machine's own limits, "
        "'neither' where both are under a third, so that overheads decide. Predicted: what takes "
        "longest by itself; 'overhead' is what each launch, collective, step and sequence adds, "
        "however many tokens are read in it."
    ),
    "KV cache": "Keys and values of the tokens so far, read again in every decode step.",
    "idle slots": "Batch slots of finished attempts that wait for the longest one.",
    "slice": "N chips of one kind, joined by links.",
    "80 % interval": "Holds 80 % of what the calibration leaves possible.",
    "of bandwidth": "Share of this machine's own read bandwidth, measured beside the run.",
    "of FLOP/s": "Share of this machine's own matmul rate, measured beside the run.",
}

PURPOSE = "what a reasoning model's thinking costs a chip, phase by phase"
"""rooflink in a line."""

FIRST_WORDS: dict[str, str] = {
    PREFILL: "Reading the prompt: all of its tokens in one pass, in parallel.",
    THINK: "The tokens that a model writes before its answer, one pass per token.",
    "HBM": "The chip's main memory. Each pass reads the weights and the KV cache from it.",
    "arithmetic intensity": "FLOPs per byte of HBM (FLOP/B). Low: the chip waits for memory.",
    "ridge": "The intensity from which a chip waits for its arithmetic instead of its memory.",
}
"""What a stranger needs to read the first page of any report."""

CONVENTIONS: tuple[str, ...] = (
    "A multiply-add is 2 FLOP; FLOPs are those of matrix multiplications.",
    "1 GB is 10^9 bytes.",
    "Causal attention is counted as causal: a query meets only the keys that it may see.",
    "Each weight is read once a step; a prompt shared by attempts is read once a step.",
    "Counted tokens of think are those that its passes read. The first of a thought comes out of "
    "prefill: predicted from lengths, tokens of think are the thoughts', one more per attempt.",
    "tok/s counts useful tokens: no padding, no idle slots; the total counts prompt tokens too.",
)


_PROGRAMS: dict[str, str] = {
    "prompt": "one pass over all positions, in parallel",
    "decode": "one token per attempt and step",
    "read": "one pass over tokens that are there already",
    "check": "one pass over drafts of the next tokens, and what the model says after each",
    "copy": "cached positions are copied between attempts, without a pass",
}


def phases(names: Iterable[str]) -> dict[str, str]:
    """What each of these phases is; those that nobody declared are left out."""
    known = [PHASES[name] for name in names if name in PHASES]
    return {phase.label: f"{phase.verb}: {_PROGRAMS[phase.program]}." for phase in known}


def lenses(used: Iterable[str]) -> dict[str, str]:
    """The lenses in use, in the order of LENSES, with what each can claim."""
    wanted = set(used)
    return {name: claim for name, claim in LENSES.items() if name in wanted}
