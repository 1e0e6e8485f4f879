"""The figures of each command's record, by names that stay when the record's own keys change.

One function a kind of record reads it; a renamed key of the record is a change of one line here.
Read are the counted, the compiled and the predicted figures and the outcome: nothing that a clock
or a host has a say in. Every function gives nested dictionaries by name (phase, slice, lens, field)
whose leaves are numbers, words, lists of them, or None.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Tree = dict[str, Any]
Json = Mapping[str, Any]


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Every leaf with its path, parts of which are joined by slashes."""
    if isinstance(tree, Mapping):
        for name, branch in tree.items():
            yield from leaves(branch, f"{path}/{name}" if path else str(name))
    elif isinstance(tree, list):
        for index, branch in enumerate(tree):
            yield from leaves(branch, f"{path}/{index}")
    else:
        yield path, tree


def profile_figures(profile: Json) -> Tree:
    """Of `rooflink profile` and of `rooflink compile`."""
    model, workload = profile["model"], profile["workload"]
    return {
        "model": {
            "parameters": model["parameters"],
            "weight_bytes": model["weight_bytes"],
            "kv_bytes_per_token": model["kv_bytes_per_token"],
            "dtype": model["dtype"],
        },
        "workload": {
            "prompts": workload["prompts"],
            "batch": workload["batch"],
            "attempts": workload["attempts"],
            "prompt_tokens": workload["prompt_tokens"],
            "think_budget": workload["think_budget"],
            "answer_budget": workload["answer_budget"],
        },
        "counted": {phase["name"]: counted_figures(phase) for phase in profile["phases"]},
        "thought": _thought(profile["thought"]),
        "outcome": _outcome(profile["outcome"]) if profile["outcome"] else None,
        "at_peak": {place["chip"]: _at_peak(place) for place in profile["placements"]},
        "compiled": {target["target"]: _compiled(target) for target in profile["compiled"]},
        "predicted": {each["slice"]: prediction_figures(each) for each in profile["predictions"]},
    }


def counted_figures(phase: Json) -> Tree:
    counted = phase["counted"]
    return {
        "tokens": phase["tokens"],
        "forced_tokens": phase["forced_tokens"],
        "sequences": phase["sequences"],
        "steps": phase["steps"],
        "idle_slots": phase["idle_slots"],
        "padded_tokens": phase["padded_tokens"],
        "flops": counted["flops"],
        "vector_flops": counted["vector_flops"],
        **_hbm(counted["hbm_bytes"]),
    }


def _hbm(moved: Json) -> Tree:
    return {
        "weights_bytes": moved["weights"],
        "kv_read_bytes": moved["kv_read"],
        "kv_write_bytes": moved["kv_write"],
        "activations_bytes": moved["activations"],
    }


def _thought(points: list[Json]) -> Tree:
    """Columns: a row for each point along the thought."""
    return {
        "tokens_thought": [point["tokens_thought"] for point in points],
        "active_attempts": [point["active_attempts"] for point in points],
        "flops": [point["flops"] for point in points],
        "hbm_bytes": [sum(_hbm(point["hbm_bytes"]).values()) for point in points],
    }


def _outcome(outcome: Json) -> Tree:
    lengths = outcome["lengths"]
    return {
        "attempts": outcome["attempts"],
        "answers": outcome["answers"],
        "correct": outcome["correct"],
        "accuracy": [outcome["accuracy"], outcome["accuracy_low"], outcome["accuracy_high"]],
        "think_tokens": " ".join(str(each["think_tokens"]) for each in lengths),
        "answer_tokens": " ".join(str(each["answer_tokens"]) for each in lengths),
        "stops": " ".join(each["stop_reason"] for each in lengths),
        "words": [each["thought"] + each["answer"] for each in outcome["samples"]],
    }


def _at_peak(place: Json) -> Tree:
    return {
        "chips": place["chips"],
        "resident_bytes": place["resident_bytes"],
        "ridge": place["ridge"],
        "bound": {each["phase"]: each["bound"] for each in place["phases"]},
        "time_s": {each["phase"]: each["time_at_peak_s"] for each in place["phases"]},
    }


def _compiled(target: Json) -> Tree:
    return {
        "devices": target["devices"],
        "phases": {phase["phase"]: _compiled_phase(phase) for phase in target["phases"]},
    }


def _compiled_phase(phase: Json) -> Tree:
    memory = phase["memory"]
    return {
        "passes": phase["passes"],
        "counted": _hbm(phase["counted_bytes"]),
        "counted_flops": phase["counted_flops"],
        "hbm_read": _totals(phase["hbm"], "kind", "read_bytes"),
        "hbm_written": _totals(phase["hbm"], "kind", "written_bytes"),
        "hbm_of_scope": _totals(phase["hbm"], "scope", "read_bytes", "written_bytes"),
        "levels": _totals(phase["levels"], "level", "read_bytes", "written_bytes"),
        "collective_operands": _totals(phase["collectives"], "type", "operand_bytes"),
        "collectives": _totals(phase["collectives"], "type", "count"),
        "excesses": _totals(phase["excesses"], "name", "excess_bytes"),
        "unexplained_bytes": phase["unexplained_bytes"],
        "padding_bytes": phase["padding_bytes"],
        "stated_bytes": phase["stated_bytes"],
        "kernels": phase["kernels"],
        "compiler_cycles": phase["compiler_cycles"],
        "argument_bytes": memory["argument_bytes"],
        "temporary_bytes": memory["temporary_bytes"],
        "peak_bytes": memory["peak_bytes"],
        "predicted_time_s": interval_of(phase["predicted_time_s"]),
    }


def _totals(rows: list[Json], key: str, *fields: str) -> Tree:
    """Sums of the fields of the rows that share a key."""
    totals: Tree = {}
    for row in rows:
        totals[row[key]] = totals.get(row[key], 0) + sum(row[field] for field in fields)
    return totals


def interval_of(interval: Json | None) -> list[float] | None:
    """Median and both ends."""
    return [interval["median"], interval["low"], interval["high"]] if interval else None


def predict_figures(printed: Json) -> Tree:
    """Of `rooflink predict`; a slice's prediction without a thought stands apart."""
    tiers: Tree = {}
    for each in printed["predictions"]:
        tiers.setdefault(f"think {each['think_tokens']:g}", {})[each["slice"]] = prediction_figures(
            each
        )
    return tiers


def prediction_figures(prediction: Json) -> Tree:
    fit, money = prediction["fit"], prediction["economics"]
    return {
        "mesh": prediction["parallelism"],
        "dtypes": [
            prediction["weight_dtype"], prediction["kv_dtype"], prediction["matmul_dtype"]
        ],
        "lengths": [
            prediction["prompts"], prediction["attempts"], prediction["prompt_tokens"],
            prediction["think_tokens"], prediction["answer_tokens"], prediction["batches"],
        ],
        "phases": {each["phase"]: _predicted_phase(each) for each in prediction["phases"]},
        "time_s": interval_of(prediction["time_s"]),
        "energy_j": interval_of(prediction["energy_j"]),
        "weight_bytes": fit["weight_bytes"],
        "kv_bytes": fit["kv_bytes"],
        "available_bytes": fit["available_bytes"],
        "largest_batch": fit["largest_batch"],
        "per_query": _amounts(money["per_query"]) if money else None,
    }  # fmt: skip


def _predicted_phase(phase: Json) -> Tree:
    return {
        "bound": phase["bound"],
        "tokens": phase["tokens"],
        "steps": phase["steps"],
        "time_s": interval_of(phase["time_s"]),
        "energy_j": interval_of(phase["energy_j"]),
        "compute_s": phase["compute_s"],
        "memory_s": phase["memory_s"],
        "on_chip_s": phase["on_chip_s"],
        "links_s": phase["links_s"],
        "overhead_s": phase["overhead_s"],
        "flops": phase["flops"],
        "memory_bytes": phase["memory_bytes"],
        "link_bytes": phase["link_bytes"],
    }


def _amounts(amounts: Json) -> Tree:
    return {
        "usd": interval_of(amounts["usd"]),
        "wall_j": interval_of(amounts["wall_j"]),
        "gco2e": interval_of(amounts["gco2e"]),
    }


def listing_figures(models: list[Json]) -> Tree:
    """Of `rooflink models`: those that run."""
    return {
        model["name"]: [
            model["parameters"], model["weight_bytes_bfloat16"],
            model["kv_bytes_per_token_bfloat16"], model["layers"], model["embed_dim"],
            model["query_heads"], model["kv_heads"], model["head_dim"], model["mlp_dim"],
            model["vocab_size"], model["context_length"],
        ]
        for model in models if model["runs"]
    }  # fmt: skip
