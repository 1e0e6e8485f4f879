"""What a prediction is of, and the sentences that say what its figures stand on."""

from collections.abc import Sequence

from ...records import Prediction
from ...records.prediction import HOURS_PER_MONTH
from .. import units

INTERVAL_NOTE = "Intervals hold 80 % of what the calibration leaves possible."
IDEAL_NOTE = (
    "Bare roofline: datasheet figures reached, everything overlapped, no overhead. A lower bound, "
    "without an interval."
)


def workload_text(prediction: Prediction, whole: bool = True) -> str:
    """'8 prompts x 4 attempts; prompt 512, think 1,024, answer 64 tokens'; without the batch where
    that is one of several and not the `whole`."""
    batches = f"{units.count(prediction.batches)} batches of " if prediction.batches != 1 else ""
    prompts, attempts = prediction.prompts, prediction.attempts
    varied = prediction.think_variation
    spread = f", thoughts deviate by {units.share(varied)} of the mean" if varied else ""
    cached = prediction.prefix_tokens
    hit = f" ({in_digits(cached)} of them cached)" if cached else ""
    batch = f"{batches}{in_digits(prompts)} prompt{'' if prompts == 1 else 's'} {units.TIMES} "
    batch = batch if whole else ""
    return (
        f"{batch}{in_digits(attempts)} attempt{'' if attempts == 1 else 's'}; "
        f"prompt {in_digits(prediction.prompt_tokens)}{hit}, "
        f"think {in_digits(prediction.think_tokens)}, "
        f"answer {in_digits(prediction.answer_tokens)} tokens{spread}{_serving(prediction)}"
    )


def _serving(prediction: Prediction) -> str:
    """What few predictions have: requests in flight, chunks of prompts, drafts."""
    text = ""
    if prediction.concurrency is not None and prediction.running is not None:
        text = (
            f"; {in_digits(prediction.concurrency)} requests in flight, of which memory holds "
            f"{in_digits(prediction.prompts)} and {in_digits(prediction.running.median)} decode "
            "at a time"
        )
    if prediction.prefill_chunk is not None:
        text += f"; prompts read {in_digits(prediction.prefill_chunk)} tokens a step"
        if prediction.concurrency is not None:
            text += ", which under prefill also decodes a token of the others"
    drafted = prediction.speculation
    if drafted is not None:
        text += (
            f"; {drafted.drafts} drafts a step by {drafted.draft}, which yield "
            f"{drafted.accepted_tokens:.2f} tokens"
        )
    return text


def slice_text(prediction: Prediction) -> str:
    """'8 TPU v5e, tensor=8; weights int8, KV bfloat16, matmuls bfloat16; vLLM'."""
    mesh = f", {prediction.parallelism}" if prediction.parallelism else ""
    formats = (
        f"weights {prediction.weight_dtype}, KV {prediction.kv_dtype}, "
        f"matmuls at {prediction.matmul_dtype}'s peak"
    )
    stack = "" if prediction.ideal else f"; {prediction.stack or 'serving stack not given'}"
    return f"{prediction.chips} {prediction.chip}{mesh}; {formats}{stack}"


def notes(prediction: Prediction) -> list[str]:
    """Sentences under a prediction: what to beware of, why this mesh, what fits, on what the
    figures stand; then the terms of money, energy and carbon, and what is unknown.
    """
    sentences = list(prediction.cautions)
    if prediction.concurrency is not None:
        held = f"{in_digits(prediction.prompts)} request{'s' * (prediction.prompts > 1)}"
        sentences.append(
            f"In flight: phases, total, money and energy are of the {held} that memory holds, "
            "served once; one request's own times have others' prompts between its steps, and "
            "any wait for a place in memory."
        )
    if prediction.parallelism_reason:
        sentences.append(f"Mesh: {prediction.parallelism_reason}.")
    sentences.append(_fit(prediction))
    sentences.append(f"Basis: {prediction.basis.rstrip('.')}.")
    if prediction.energy_j is not None:
        sentences.append(f"Energy: from a chip's design power of {prediction.energy_basis}.")
    if prediction.chip_confidence:
        confidence = prediction.chip_confidence
        sentences.append(f"Confidence of {prediction.chip}'s figures: {confidence}.")
    sentences.append(IDEAL_NOTE if prediction.ideal else INTERVAL_NOTE)
    return sentences + _economic_notes(prediction)


def _economic_notes(prediction: Prediction) -> list[str]:
    economics = prediction.economics
    if economics is None:
        return []
    terms, sentences = economics.terms, list(economics.unknown)
    if terms.usd_per_chip_hour is not None:
        month = f"the slice costs {units.dollars(prediction.usd_per_month or 0.0)} a month"
        sentences += [
            f"Price: ${terms.usd_per_chip_hour:.4g} per chip-hour, {terms.price}; "
            f"{month} ({HOURS_PER_MONTH} h)."
        ]
    if prediction.energy_j is not None:
        where = "of the device" if terms.place == "edge" else "at the wall"
        sentences += [
            f"Energy {where}: the chips' energy {units.TIMES} {terms.host_factor:g} "
            f"({terms.host}) {units.TIMES} a PUE of {terms.pue:g} ({terms.pue_source}).",
            f"Carbon: {terms.grid_g_per_kwh:g} g CO2e per kWh, {terms.grid}.",
        ]
    return sentences


def sellers_note(predictions: Sequence[Prediction]) -> str:
    """A sentence where prices are not all of one seller, who asks which; else ''."""
    slices: dict[str, list[str]] = {}
    for prediction in predictions:
        seller = prediction.economics.terms.seller if prediction.economics else ""
        if seller:
            slices.setdefault(seller, []).append(prediction.slice)
    if len(slices) < 2:
        return ""
    each = "; ".join(
        f"{seller} for {', '.join(dict.fromkeys(names))}" for seller, names in slices.items()
    )
    return f"Prices are of {len(slices)} sellers: {each}."


def notes_apart(predictions: Sequence[Prediction]) -> tuple[list[list[str]], list[str]]:
    """The sentences of each prediction alone, and those that all of them share."""
    every = list(map(notes, predictions))
    if len(every) < 2:
        return every, []
    common = [note for note in every[0] if all(note in other for other in every)]
    return [[note for note in own if note not in common] for own in every], common


def last_of_each(predictions: Sequence[Prediction]) -> list[Prediction]:
    """The fullest operating point of each slice, with the cautions and the meshes of all of them:
    as the mesh of the whole slice that which all have, else none."""
    by_slice: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        by_slice.setdefault(prediction.slice, []).append(prediction)
    return [
        points[-1].model_copy(
            update={
                "cautions": list(dict.fromkeys(c for p in points for c in p.cautions)),
                "parallelism": points[-1].parallelism * (len({p.parallelism for p in points}) == 1),
                "parallelism_reason": _mesh_reasons(points),
            }
        )
        for points in by_slice.values()
    ]


def _mesh_reasons(points: Sequence[Prediction]) -> str:
    """Why each operating point has its mesh: once where the reason is one for all."""
    named: dict[str, list[str]] = {}
    for point in points:
        named.setdefault(point.parallelism_reason, []).append(f"'{point.operating_point}'")
    if len(named) == 1:
        return points[-1].parallelism_reason
    return "; ".join(f"at {' and '.join(names)} {reason}" for reason, names in named.items())


def _fit(prediction: Prediction) -> str:
    fit = prediction.fit
    copies = "" if fit.kv_copies == 1 else f", each KV head on {in_digits(fit.kv_copies)} chips"
    return (
        f"Fit: a chip holds {units.bytes_(fit.weight_bytes)} of weights and "
        f"{units.bytes_(fit.kv_bytes)} of KV cache of {units.bytes_(fit.available_bytes)}{copies}; "
        f"at these lengths up to {units.count(fit.largest_batch)} attempts fit at once."
    )


def in_digits(value: float) -> str:
    """Every digit of a count; means keep one decimal."""
    return units.count(value) if value == int(value) else f"{value:,.1f}"
