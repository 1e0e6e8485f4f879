"""The tables of plain facts: outcome, model, workload, machine, provenance."""

from collections.abc import Sequence

from ..records import Profile
from . import facts, units
from .lens import MEASURED
from .table import Table, pairs


def outcome_table(profile: Profile) -> Table:
    """What the compute bought."""
    outcome = profile.outcome
    if outcome is None:
        return pairs("Outcome", [])
    mean = facts.mean_thought(outcome)
    answers = sum(length.answer_tokens for length in outcome.lengths)
    return pairs(
        "Outcome",
        [
            ("accuracy", facts.accuracy_text(outcome)),
            ("attempts", units.count(outcome.attempts)),
            ("mean thought", f"{units.significant(mean)} tokens" if mean is not None else ""),
            ("thoughts", facts.stop_text(outcome)),
            ("tokens answered", units.count(answers) if outcome.lengths else ""),
        ],
    )


def model_table(profile: Profile) -> Table:
    """The model as it was costed."""
    model = profile.model
    heads = f"{model.query_heads} query, {model.kv_heads} KV, {model.head_dim} wide"
    return pairs(
        "Model",
        [
            ("name", model.name),
            ("family", model.family),
            ("parameters", units.count(model.parameters)),
            ("weights", f"{units.bytes_(model.weight_bytes)} in {model.dtype}"),
            ("KV cache", f"{units.bytes_(model.kv_bytes_per_token)} a token"),
            ("layers", units.count(model.layers)),
            ("width", units.count(model.embed_dim)),
            ("heads", heads),
            ("MLP width", units.count(model.mlp_dim)),
            ("vocabulary", units.count(model.vocab_size)),
            ("context", f"{units.count(model.context_length)} tokens"),
            ("embedding and head", "tied" if model.tied_embeddings else "separate"),
            ("weights from", model.weights_source),
        ],
    )


def workload_table(profile: Profile) -> Table:
    """What was asked of the model."""
    work = profile.workload
    attempts = "attempts a prompt" if work.strategy is None else "attempts at one time"
    return pairs(
        "Workload",
        [
            ("task", work.task or "plain prompts"),
            ("strategy", work.strategy or ""),
            ("its settings", facts.settings_text(work)),
            ("prompts", units.count(work.prompts)),
            ("prompts at once", units.count(work.batch)),
            (attempts, units.count(work.attempts)),
            ("prompt tokens", _lengths_text(work.prompt_tokens)),
            ("KV cache saved by sharing prompts", _shared_text(profile)),
            ("think budget", f"{units.count(work.think_budget)} tokens"),
            ("answer budget", f"{units.count(work.answer_budget)} tokens"),
            ("sampling", work.sampling),
            ("a thought ends at", repr(work.think_end)),
        ],
    )


def _shared_text(profile: Profile) -> str:
    """What a copy of the prompt's cache for each attempt would take more; '' for one attempt."""
    work = profile.workload
    copies = (work.attempts - 1) * sum(work.prompt_tokens)
    return units.bytes_(copies * profile.model.kv_bytes_per_token) if copies else ""


def machine_table(profile: Profile) -> Table:
    """The limits of the machine at hand, measured beside the run."""
    machine = profile.machine
    if machine is None:
        return pairs("This machine", [])
    ridge = machine.matmul_flops / machine.read_bandwidth if machine.read_bandwidth else 0.0
    return pairs(
        f"This machine's own limits ({MEASURED})",
        [
            ("machine", facts.backend_text(profile)),
            ("read bandwidth", units.bandwidth(machine.read_bandwidth)),
            ("matmul rate", f"{units.flop_rate(machine.matmul_flops)} in {machine.dtype}"),
            ("ridge", units.intensity(ridge)),
        ],
    )


def provenance_table(profile: Profile) -> Table:
    """Enough to run it again."""
    source = profile.provenance
    return pairs(
        "Provenance",
        [
            ("created", source.created),
            ("command", source.command),
            ("backend", facts.backend_text(profile)),
            ("seed", str(source.seed)),
            ("commit", source.git_commit or "not a checkout"),
            ("versions", ", ".join(f"{k} {v}" for k, v in source.versions.items())),
            ("schema", profile.schema_version),
        ],
    )


def _lengths_text(lengths: Sequence[int]) -> str:
    """'61, 74, 52, 88'; many as their range and sum."""
    if len(lengths) <= 8:
        return ", ".join(units.count(n) for n in lengths)
    low, high, total = min(lengths), max(lengths), sum(lengths)
    return f"{units.count(low)} to {units.count(high)}, {units.count(total)} in all"
