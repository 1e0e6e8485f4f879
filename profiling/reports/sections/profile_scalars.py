"""A profile's figures as TensorBoard scalars, and its sessions of the HPARAMS tab.

Tags begin with the lens (`counted/`, `compiled/`, `measured/`, `at_datasheet_peak/`, `predicted/`),
which TensorBoard shows as groups, so that no curve stands without its lens. Curves under
`thought_...` have tokens thought as their step.
"""

from collections import Counter
from collections.abc import Iterator

from ...records import CompiledPhase, HbmBytes, Prediction, Profile
from ...records.base import BYTE_KINDS
from ...records.profile import TOTAL, total_phase
from ..renderers.tensorboard import (
    Hyperparameters,
    Scalar,
    Session,
    chip_given,
    curves,
    medians,
    tag,
    tags,
)
from .compiled_document import UNEXPLAINED, labelled, moved_by_kind
from .prediction_document import per_query, tokens_per_s, working_phases
from .profile_facts import mean_thought, phases_and_total, settings_text, time_at_peak


def scalars(profile: Profile) -> Iterator[Scalar]:
    """(tag, value, step) of every scalar."""
    yield from _phase_scalars(profile)
    yield from _chip_scalars(profile)
    yield from _thought_scalars(profile)
    yield from _trace_scalars(profile)
    yield from _compiled_scalars(profile)
    yield from _predicted_scalars(profile)


def _phase_scalars(profile: Profile) -> Iterator[Scalar]:
    for phase in phases_and_total(profile):
        name, counted, ran = tag(phase.name), phase.counted, phase.measured
        yield f"counted/{name}/tokens", phase.tokens, 0
        yield f"counted/{name}/flops", counted.flops, 0
        yield f"counted/{name}/intensity", counted.intensity, 0
        yield f"counted/{name}/idle_slots", phase.idle_slots, 0
        for kind, size in _kinds(counted.hbm_bytes):
            yield f"counted/{name}/hbm_bytes/{kind}", size, 0
        if ran:
            yield f"measured/{name}/time_s", ran.time_s.median, 0
            yield f"measured/{name}/time_low_s", ran.time_s.low, 0
            yield f"measured/{name}/time_high_s", ran.time_s.high, 0
            yield f"measured/{name}/tokens_per_s", ran.tokens_per_s, 0
            yield f"measured/{name}/bandwidth_share", ran.bandwidth_share, 0
            yield f"measured/{name}/flops_share", ran.flops_share, 0
    if profile.outcome and profile.outcome.accuracy is not None:
        yield "outcome/accuracy", profile.outcome.accuracy, 0


def _chip_scalars(profile: Profile) -> Iterator[Scalar]:
    chips = tags(placement.chip for placement in profile.placements)
    for placement in profile.placements:
        chip = f"at_datasheet_peak/{chips[placement.chip]}"
        for on_chip in placement.phases:
            yield f"{chip}/{tag(on_chip.phase)}/time_s", on_chip.time_at_peak_s, 0
        yield f"{chip}/{TOTAL}/time_s", time_at_peak(placement), 0


def _thought_scalars(profile: Profile) -> Iterator[Scalar]:
    for point in profile.thought:
        step, moved = point.tokens_thought, point.hbm_bytes
        for kind, size in _kinds(moved):
            yield f"thought_counted/hbm_bytes/{kind}", size, step
        yield "thought_counted/flops", point.flops, step
        yield "thought_counted/intensity", point.flops / moved.total if moved.total else 0.0, step
        yield "thought_counted/active_attempts", point.active_attempts, step
        if point.measured_step_s is not None:
            yield "thought_measured/step_s", point.measured_step_s, step
            if point.active_attempts:
                token_s = point.measured_step_s / point.active_attempts
                yield "thought_measured/token_s", token_s, step


def _trace_scalars(profile: Profile) -> Iterator[Scalar]:
    trace = profile.trace
    if trace is None:
        return
    for row in trace.scopes:
        yield f"measured/trace/{tag(row.phase)}/{tag(row.scope)}/self_time_s", row.self_time_s, 0
    if trace.scopes:
        yield "measured/trace/thread_s", trace.thread_s, 0
        yield "measured/trace/attributed_share", trace.attributed_share, 0
    if trace.overhead is not None:
        yield "measured/trace/overhead", trace.overhead, 0


def _compiled_scalars(profile: Profile) -> Iterator[Scalar]:
    """Bytes are of one device and one call."""
    for target in labelled(profile.compiled):
        for phase in target.phases:
            under = f"compiled/{tag(target.target)}/{tag(phase.phase)}"
            for name, value in _compiled_figures(phase):
                yield f"{under}/{name}", value, 0


def _compiled_figures(phase: CompiledPhase) -> Iterator[tuple[str, float]]:
    for kind, size in moved_by_kind(phase).items():
        yield f"hbm_bytes/{tag(kind)}", size
    yield f"hbm_bytes/{TOTAL}", phase.hbm_bytes
    yield "ratio", phase.ratio
    named: Counter[str] = Counter()
    for excess in phase.excesses:
        named[tag(excess.name)] += excess.excess_bytes
    named[UNEXPLAINED] += phase.unexplained_bytes
    for name, size in named.items():
        yield f"excess/{name}", size
    yield "peak_bytes", phase.memory.peak_bytes
    yield "kernels", phase.kernels
    yield "unresolved_loops", len(phase.unresolved_loops)


def _predicted_scalars(profile: Profile) -> Iterator[Scalar]:
    """Money, energy and carbon are of one query."""
    slices = tags(prediction.slice for prediction in profile.predictions)
    for prediction in profile.predictions:
        under = f"predicted/{slices[prediction.slice]}"
        for phase in working_phases(prediction):
            name = f"{under}/{tag(phase.phase)}"
            yield from curves(f"{name}/time", phase.time_s, unit="_s")
            yield f"{name}/tokens_per_s", tokens_per_s(phase), 0
        yield from curves(f"{under}/{TOTAL}/time", prediction.time_s, unit="_s")
        query = per_query(prediction)
        yield from curves(f"{under}/query/cost", query.usd, unit="_usd")
        yield from curves(f"{under}/query/wall_energy", query.wall_j, unit="_j")
        yield from curves(f"{under}/query/co2e", query.gco2e, unit="_g")


def _kinds(moved: HbmBytes) -> Iterator[tuple[str, int]]:
    for kind in (*BYTE_KINDS, TOTAL):
        yield kind, getattr(moved, kind)


def sessions(profile: Profile) -> Iterator[Session]:
    """The machine that ran it, each prediction, and the lower bound of each chip that has none."""
    workload, bought = _workload(profile), _outcome(profile)
    for folder, chip, costs in _chips(profile):
        costs["cost/query_s"] = costs["cost/time_s"] / profile.workload.prompts
        yield Session(folder, workload | chip, bought | costs)


def _chips(profile: Profile) -> Iterator[tuple[str, Hyperparameters, dict[str, float]]]:
    measured = total_phase(profile).measured
    if measured:
        chip = chip_given(profile.provenance.device, 1, "measured")
        yield "this_machine", chip, {"cost/time_s": measured.time_s.median}
    for prediction in profile.predictions:
        chip = chip_given(prediction.chip, prediction.chips, "predicted")
        yield tag(prediction.slice), chip | {"slice": prediction.slice}, _predicted(prediction)
    known = {prediction.chip for prediction in profile.predictions}
    for placement in profile.placements:
        if placement.chip not in known:
            chip = chip_given(placement.chip, placement.chips, "lower bound from the datasheet")
            yield tag(placement.chip), chip, {"cost/time_s": time_at_peak(placement)}


def _workload(profile: Profile) -> Hyperparameters:
    work = profile.workload
    return {
        "made_by": "profile",
        "model": profile.model.name,
        "parameters": profile.model.parameters,
        "dtype": profile.model.dtype_words,
        "task": work.task or "none",
        "strategy": work.strategy or "none",
        "strategy_settings": settings_text(work) or "none",
        "prompts": work.prompts,
        "batch": work.batch,
        "attempts": work.attempts,
        "think_budget": work.think_budget,
        "sampling": work.sampling,
    }


def _outcome(profile: Profile) -> dict[str, float]:
    outcome = profile.outcome
    thought = mean_thought(outcome) if outcome else None
    accuracy = outcome.accuracy if outcome else None
    known = {"outcome/accuracy": accuracy, "outcome/think_tokens": thought}
    return {name: value for name, value in known.items() if value is not None}


def _predicted(prediction: Prediction) -> dict[str, float]:
    query = per_query(prediction)
    return medians(
        {
            "cost/time_s": prediction.time_s,
            "cost/query_usd": query.usd,
            "cost/query_wall_j": query.wall_j,
            "cost/query_gco2e": query.gco2e,
        }
    )
