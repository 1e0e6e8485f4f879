"""What a prediction says, in the words that every report prints."""

from collections.abc import Iterator, Sequence

from ..records.prediction import Amounts, PredictedPhase, Prediction
from . import amounts, units

LABEL = "predicted, not measured"
INTERVAL_NOTE = "Intervals hold 80 % of what the calibration leaves possible."
IDEAL_NOTE = (
    "The bare roofline: datasheet figures reached, everything overlapped, nothing added. A floor, "
    "without an interval."
)


def working_phases(prediction: Prediction) -> list[PredictedPhase]:
    """Phases that there is something to do in."""
    return [phase for phase in prediction.phases if phase.steps > 0]


def tokens_per_s(prediction: Prediction, phase: PredictedPhase) -> float:
    """Useful tokens of the whole slice per second, at the median."""
    return phase.tokens / phase.time_s.median if phase.time_s.median else 0.0


def workload_text(prediction: Prediction) -> str:
    """'8 prompts x 4 attempts; prompt 512, think 1,024, answer 64 tokens'."""
    batches = f"{units.count(prediction.batches)} batches of " if prediction.batches != 1 else ""
    prompts, attempts = prediction.prompts, prediction.attempts
    many = f"{batches}{_number(prompts)} prompt{'' if prompts == 1 else 's'}"
    tries = f"{_number(attempts)} attempt{'' if attempts == 1 else 's'}"
    lengths = (
        f"prompt {_number(prediction.prompt_tokens)}, think {_number(prediction.think_tokens)}, "
        f"answer {_number(prediction.answer_tokens)} tokens"
    )
    varied = prediction.think_variation
    spread = f", thoughts log-normal, deviation {varied:.0%} of the mean" if varied else ""
    return f"{many} {units.TIMES} {tries}; {lengths}{spread}"


def slice_text(prediction: Prediction) -> str:
    """'8 TPU v5e, tensor=8; weights int8, KV bfloat16, matmuls bfloat16; vLLM'."""
    mesh = f", {prediction.parallelism}" if prediction.parallelism else ""
    formats = (
        f"weights {prediction.weight_dtype}, KV {prediction.kv_dtype}, "
        f"matmuls at {prediction.matmul_dtype}'s peak"
    )
    stack = "" if prediction.ideal else f"; {prediction.stack or 'a stack unknown'}"
    return f"{prediction.chips} {prediction.chip}{mesh}; {formats}{stack}"


def notes(prediction: Prediction) -> list[str]:
    """Sentences under a prediction: why this mesh, what fits, on what the figures stand."""
    said = [_fit(prediction)]
    if prediction.parallelism_reason:
        said.insert(0, f"Mesh: {prediction.parallelism_reason}.")
    said.append(f"Basis: {prediction.basis}.")
    if prediction.energy_j is not None:
        said.append(f"Energy: from a chip's design power of {prediction.energy_basis}.")
    if prediction.chip_confidence:
        said.append(f"Confidence of {prediction.chip}'s figures: {prediction.chip_confidence}.")
    said.append(IDEAL_NOTE if prediction.ideal else INTERVAL_NOTE)
    return said


def economic_notes(prediction: Prediction) -> list[str]:
    """Sentences on the terms of money, energy and carbon, and on what is unknown."""
    economics = prediction.economics
    if economics is None:
        return []
    terms = economics.terms
    said = list(economics.unknown)
    if terms.usd_per_chip_hour is not None:
        said.append(f"Price: ${terms.usd_per_chip_hour:g} a chip-hour, {terms.price}.")
    if prediction.energy_j is not None:
        said += [
            f"At the wall: chips' energy times {terms.host_factor:g} ({terms.host}) "
            f"times a PUE of {terms.pue:g} ({terms.pue_source}).",
            f"Carbon: {terms.grid_g_per_kwh:g} g CO2e a kWh, {terms.grid}.",
        ]
    return said


def notes_apart(predictions: Sequence[Prediction]) -> tuple[list[list[str]], list[str]]:
    """The sentences of each prediction alone, and those that all of them share."""
    every = [[*notes(prediction), *economic_notes(prediction)] for prediction in predictions]
    if len(every) < 2:
        return every, []
    common = [sentence for sentence in every[0] if all(sentence in said for said in every)]
    return [[sentence for sentence in said if sentence not in common] for said in every], common


def amount_facts(each: Amounts) -> Iterator[tuple[str, str]]:
    """Money, energy and carbon with their intervals."""
    yield "money", amounts.with_bounds(each.usd, amounts.usd)
    yield "energy at the wall", amounts.with_bounds(each.wall_j, amounts.joules)
    yield "CO2e", amounts.with_bounds(each.gco2e, amounts.grams)


def _fit(prediction: Prediction) -> str:
    fit = prediction.fit
    copies = "" if fit.kv_copies == 1 else f", each KV head on {_number(fit.kv_copies)} chips"
    return (
        f"Fit: a chip holds {units.bytes_(fit.weight_bytes)} of weights and "
        f"{units.bytes_(fit.kv_bytes)} of KV of {units.bytes_(fit.available_bytes)}{copies}; at "
        f"these lengths up to {units.count(fit.largest_batch)} attempts fit at once."
    )


def _number(value: float) -> str:
    """Every digit of a count; means keep one decimal."""
    return units.count(value) if value == int(value) else f"{value:,.1f}"
