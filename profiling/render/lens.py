"""The names of the lenses as every report prints them, and a sentence on what each can claim."""

from ..records import Profile

COUNTED = "counted"
COMPILED = "compiled"
MEASURED = "measured"
AT_PEAK = "at datasheet peak"
PREDICTED = "predicted"

GLOSSARY: dict[str, str] = {
    COUNTED: (
        "From the algorithm alone, exact and free of hardware: the matmul FLOPs, and the bytes "
        "that must move between HBM and the chip even if everything else were perfect."
    ),
    MEASURED: (
        "Wall time on the machine named under provenance, blocked at phase borders, the median "
        "of the repeats with their smallest and largest; a claim about that machine only."
    ),
    AT_PEAK: (
        "max(FLOPs / peak, HBM bytes / bandwidth) from a chip's datasheet, links ignored: a floor "
        "that no program goes under, not a prediction and not a measurement."
    ),
}

_COMPILED_GLOSSARY: dict[str, str] = {
    COMPILED: (
        "From the executable that XLA made for a target, a CPU or a TPU slice compiled ahead of "
        "time: what one device moves in one call of a phase's program, loops multiplied out and "
        "whole tiles counted. Nothing was run for it."
    ),
}

_PREDICTED_GLOSSARY: dict[str, str] = {
    PREDICTED: (
        "What the workload would take on a slice: its work on the chips' datasheet figures, at the "
        "shares of them that were reached in published measurements, with links and overheads. "
        "The median, and an interval that holds 80 % of what the calibration leaves possible. "
        "Nothing was run for it."
    ),
}

TERMS: dict[str, str] = {
    "intensity": "FLOPs per HBM byte; low intensity means that the work waits for memory.",
    "ridge": "The intensity where a chip's compute time equals its memory time.",
    "bound": (
        "The limit met first. Measured: the larger of the two shares of the machine's own limits, "
        "'neither' where both are under a third, so that overheads decide."
    ),
    "of bandwidth, of FLOP/s": (
        "Shares of this machine's own read bandwidth and matmul rate, measured beside the run."
    ),
    "idle slots": "Sequence-steps spent on finished attempts while others went on.",
}

CONVENTIONS: tuple[str, ...] = (
    "A multiply-add is 2 FLOP; FLOPs are those of matrix multiplications.",
    "1 GB is 10^9 bytes.",
    "Causal attention is counted as causal: a query meets only the keys that it may see.",
    "Each weight is read once a step; a prompt shared by attempts is read once a step.",
    "tok/s counts useful tokens: no padding, no idle slots; the total counts prompt tokens too.",
)


def glossary(profile: Profile) -> dict[str, str]:
    """The lenses that a profile's report prints."""
    compiled = _COMPILED_GLOSSARY if profile.compiled else {}
    timed = any(phase.predicted_time_s for each in profile.compiled for phase in each.phases)
    predicted = _PREDICTED_GLOSSARY if profile.predictions or timed else {}
    return GLOSSARY | compiled | predicted
