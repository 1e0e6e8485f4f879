"""The figures of each command's record, by names that stay when the record's own keys change.

One function a kind of record reads it; a renamed key of the record is a change of one line here.
Read are the counted, the compiled and the predicted figures and the outcome: nothing that a clock
or a host has a say in. Every function gives nested dictionaries by name (phase, slice, lens, field)
whose leaves are numbers, words, lists of them, or None.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
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
        "counted": {phase["name"]: _counted(phase) for phase in profile["phases"]},
        "thought": _thought(profile["thought"]),
        "outcome": _outcome(profile["outcome"]) if profile["outcome"] else None,
        "at_peak": {place["chip"]: _at_peak(place) for place in profile["placements"]},
        "compiled": {target["target"]: _compiled(target) for target in profile["compiled"]},
        "predicted": {each["slice"]: _prediction(each) for each in profile["predictions"]},
    }


def _counted(phase: Json) -> Tree:
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
        "predicted_time_s": _interval(phase["predicted_time_s"]),
    }


def _totals(rows: list[Json], key: str, *fields: str) -> Tree:
    """Sums of the fields of the rows that share a key."""
    totals: Tree = {}
    for row in rows:
        totals[row[key]] = totals.get(row[key], 0) + sum(row[field] for field in fields)
    return totals


def _interval(interval: Json | None) -> list[float] | None:
    """Median and both ends."""
    return [interval["median"], interval["low"], interval["high"]] if interval else None


def predict_figures(printed: Json) -> Tree:
    """Of `rooflink predict`; a slice's prediction without a thought stands apart."""
    tiers: Tree = {}
    for each in printed["predictions"]:
        tiers.setdefault(f"think {each['think_tokens']:g}", {})[each["slice"]] = _prediction(each)
    return tiers


def _prediction(prediction: Json) -> Tree:
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
        "time_s": _interval(prediction["time_s"]),
        "energy_j": _interval(prediction["energy_j"]),
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
        "time_s": _interval(phase["time_s"]),
        "energy_j": _interval(phase["energy_j"]),
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
        "usd": _interval(amounts["usd"]),
        "wall_j": _interval(amounts["wall_j"]),
        "gco2e": _interval(amounts["gco2e"]),
    }


def evaluation_figures(evaluation: Json) -> Tree:
    """Of `rooflink eval`."""
    optimal = evaluation["optimal"]
    return {
        "problems": evaluation["problems"],
        "guess_rate": evaluation["guess_rate"],
        "batch": evaluation["batch"],
        "cells": {f"{cell['strategy']} @{cell['budget']}": _cell(cell)
                  for cell in evaluation["cells"]},
        "frontiers": {
            f"{each['kind']} on {each['slice']}": {
                option["label"]: [option["cost"], option["accuracy"], option["on_frontier"]]
                for option in each["options"]
            }
            for each in evaluation["frontiers"]
        },
        "optimal": optimal and [
            [point["budget_flops"], point["flops"], point["accuracy"]]
            for point in optimal["points"]
        ],
    }  # fmt: skip


def _cell(cell: Json) -> Tree:
    questions = cell["questions"]
    return {
        "accuracy": _estimate(cell["accuracy"]),
        "by_level": {level: _estimate(each) for level, each in cell["by_level"].items()},
        "answers": " ".join(str(each["answer"]) for each in questions),
        "right": "".join("01"[each["right"]] for each in questions),
        "tokens": [sum(e["tokens"] for e in each["ledger"]["entries"]) for each in questions],
        "flops": sum(e["flops"] for each in questions for e in each["ledger"]["entries"]),
        "hbm_bytes": math.fsum(
            e["hbm_bytes"] for each in questions for e in each["ledger"]["entries"]
        ),
        "discarded_tokens": sum(
            e["tokens"] for each in questions for e in each["ledger"]["entries"] if e["discarded"]
        ),
        "counted": {phase["name"]: _counted(phase) for phase in cell["phases"]},
        "slices": {each["slice"]: _slice_cost(each) for each in cell["slices"]},
        "attempts": {f"k={point['k']}": _attempts(point) for point in cell["attempts"]},
    }


def _estimate(estimate: Json | None) -> list[float] | None:
    """Value and both ends."""
    return [estimate["value"], estimate["low"], estimate["high"]] if estimate else None


def _slice_cost(cost: Json) -> Tree:
    correct = cost["per_correct"]
    return {
        "time_s": _interval(cost["time_s"]),
        "usd": _interval(cost["amounts"]["usd"]),
        "wall_j": _interval(cost["amounts"]["wall_j"]),
        "per_correct_s": _interval(cost["per_correct_s"]),
        "usd_per_correct": correct and _interval(correct["usd"]),
    }


def _attempts(point: Json) -> Tree:
    return {
        "coverage": _estimate(point["coverage"]),
        "majority": _estimate(point["majority"]),
        "tokens": point["tokens"],
        "flops": point["flops"],
        "hbm_bytes": point["hbm_bytes"],
        "slices": {each["slice"]: _slice_cost(each)["usd_per_correct"] for each in point["slices"]},
    }


def codesign_figures(report: Json) -> Tree:
    """Of `rooflink codesign`."""
    return {
        "cases": {f"{case['profile']} on {case['prediction']['slice']}": _case(case)
                  for case in report["cases"]},
        "hardware_asks": _asks(report["hardware_asks"]),
        "model_asks": _asks(report["model_asks"]),
        "pareto": _pareto(report["pareto"]),
        "searches": {each["purpose"]: _search(each) for each in report["searches"]},
        "data_centers": {each["slice"]: _center(each) for each in report["data_centers"]},
        "seeds": {
            each["name"]: [each["verdict"], *(row["value"] for row in each["rows"])]
            for each in report["seeds"]
        },
    }  # fmt: skip


def _case(case: Json) -> Tree:
    thought = case["thought"]
    return {
        "predicted": _prediction(case["prediction"]),
        "usd_per_query": _interval(case["usd_per_query"]),
        "energy_per_query_j": _interval(case["energy_per_query_j"]),
        "elasticities": {
            f"{each['regime']}, {each['quantity']}, {each['phase']}, {each['parameter']}":
                _interval(each["value"])
            for each in case["elasticities"] if each["phase"] in ("think", "query")
        },
        "flips": {
            f"{each['phase']}, {each['parameter']}":
                [each["before"], each["after"], each["flips"], *(_interval(each["factor"]) or ())]
            for each in case["flips"]
        },
        "levers": {each["name"]: _lever(each) for each in case["levers"]},
        "roofline": {
            each["phase"]: [each["intensity"], each["flops_per_s"]]
            for each in case["roofline"]["points"]
        },
        "bound_maps": {f"attempts {each['attempts']:g}": _bound_map(each)
                       for each in case["bound_maps"]},
        "thought": {
            "kv_over_weights_tokens": thought["kv_over_weights_tokens"],
            "memory_full_tokens": thought["memory_full_tokens"],
            "links_over_memory_batch": thought["links_over_memory_batch"],
            "largest_batch": thought["largest_batch"],
        },
        "what_ifs": {each["text"]: _what_if(each) for each in case["what_ifs"]},
        "asks": _asks(case["asks"]),
    }  # fmt: skip


def _lever(lever: Json) -> Tree:
    return {"fits": lever["fits"], "quality": lever["quality"],
            "by_phase": {name: each["median"] for name, each in lever["by_phase"].items()},
            **_changed(lever["whole"])}  # fmt: skip


def _changed(changed: Json) -> Tree:
    return {
        "time": _interval(changed["time"]),
        "energy": _interval(changed["energy"]),
        "usd": _interval(changed["usd"]),
    }


def _bound_map(grid: Json) -> Tree:
    """Bounds by their first letters, a row a batch; of the numbers, each row's sum."""
    return {
        "bound": ["".join(word[0] for word in row) for row in grid["bound"]],
        "fits": ["".join("01"[each] for each in row) for row in grid["fits"]],
        "kv_share": [math.fsum(row) for row in grid["kv_share"]],
        "step_s": [math.fsum(row) for row in grid["step_s"]],
    }


def _what_if(change: Json) -> Tree:
    return {
        "before_s": _interval(change["before_s"]),
        "after_s": _interval(change["after_s"]),
        "by_phase": {name: _interval(each) for name, each in change["by_phase"].items()},
        "bound_after": change["bound_after"],
        "fits": change["fits"],
        **_changed(change["whole"]),
    }


def _asks(asks: list[Json]) -> Tree:
    return {
        f"{each['rank']} {each['name']}":
            [each["quantity"], each["beats_next"], _interval(each["saving"])]
        for each in asks
    }  # fmt: skip


def _pareto(points: list[Json]) -> Tree:
    """How many, how many on the frontier, and what all take together."""
    return {
        "points": len(points),
        "on_frontier": sum(point["on_frontier"] for point in points),
        "latency_s": _sum_of(point["latency_s"] for point in points),
        "usd_per_query": _sum_of(point["usd_per_query"] for point in points),
    }


def _sum_of(intervals: Iterable[Json | None]) -> list[float]:
    """Sums of the medians and of both ends, without those that are None."""
    known = [_interval(each) for each in intervals if each]
    return [math.fsum(column) for column in zip(*known, strict=True)] if known else []


def _search(search: Json) -> Tree:
    return {
        "budget": search["budget"],
        "swept": search["swept"],
        "reference": _design(search["reference"]),
        "swept_best": _design(search["swept_best"]),
        "best": _design(search["best"]),
        "sequences": search["sequences"],
        "time_per_query_s": _interval(search["time_per_query_s"]),
        "usd_per_query": _interval(search["usd_per_query"]),
        "speedup": _interval(search["speedup"]),
        "spent": search["spent"],
        "other_purpose_slowdown": search["other_purpose_slowdown"],
    }


def _design(design: Json) -> Tree:
    return {
        "matrix_flops": design["matrix_flops"],
        "hbm_bandwidth": design["hbm_bandwidth"],
        "hbm_capacity": design["hbm_capacity"],
        "on_chip_capacity": design["on_chip_capacity"],
        "link_bandwidth": design["link_bandwidth"],
        "area_mm2": design["area_mm2"],
        "watts": design["watts"],
        "usd": design["usd"],
    }


def _center(center: Json) -> Tree:
    return {
        "batch": center["batch"],
        "slices": center["slices"],
        "chips": center["chips"],
        "latency_s": _interval(center["latency_s"]),
        "chips_interval": _interval(center["chips_interval"]),
        "sustained": center["sustained"],
        "tokens_per_s": center["tokens_per_s"],
        "power_w": _interval(center["power_w"]),
        "provisioned_w": center["provisioned_w"],
        "link_bytes_per_s": center["link_bytes_per_s"],
        "prompt_kv_bytes_per_s": center["prompt_kv_bytes_per_s"],
        "traces": {each["label"]: [each["mean_w"], each["peak_w"], each["low_w"]]
                   for each in center["traces"]},
        "smoothing": {
            each["way"]: [each["remaining_swing"], each["extra_energy"], each["stored_j_per_chip"]]
            for each in center["smoothing"]
        },
        "usd_per_day": _interval(center["usd_per_day"]),
        "wall_kwh_per_day": _interval(center["wall_kwh_per_day"]),
        "tiers": {
            f"{each['attempts']:g} x {each['think_tokens']:g}":
                [each["batch"], _interval(each["latency_s"]), _interval(each["usd"])]
            for each in center["tiers"]
        },
    }  # fmt: skip


def validation_figures(validation: Json) -> Tree:
    """Of `rooflink validate`: its summaries, and sums over a group's rows, which any row moves."""
    groups: dict[str, list[Json]] = {}
    for row in validation["rows"]:
        groups.setdefault(row["group"], []).append(row)
    return {
        "summaries": {
            f"{each['by']} {each['name']}, {each['fold']}":
                [each["rows"], each["median_absolute_error"], each["bias"], each["coverage"]]
            for each in validation["summaries"]
        },
        "sums": {name: _group(rows) for name, rows in groups.items()},
        "left_out": len(validation["left_out"]),
        "worked": {each["id"]: [each["value"], each["agrees"]] for each in validation["worked"]},
        "worked_left_out": len(validation["worked_left_out"]),
        "peers": {
            f"{each['tool']}, {each['chip']}": [
                each["decode_1_ms"], each["decode_32_ms"], each["prefill_ms"],
                each["largest_batch"],
            ]
            for each in validation["peers"]
        },
        "prefill_parts": {each["what"]: each["ms"] for each in validation["prefill_parts"]},
    }  # fmt: skip


def _group(rows: list[Json]) -> Tree:
    """Sums of logarithms, so that a small row weighs as much as a large one."""
    return {
        "rows": len(rows),
        "observed": math.fsum(math.log(row["observed"]) for row in rows),
        "fitted": _log_sums(row["fitted"] for row in rows),
        "held_out": _log_sums(row["held_out"] for row in rows),
    }


def _log_sums(intervals: Iterable[Json | None]) -> list[float]:
    known = [_interval(each) for each in intervals if each]
    columns = zip(*(each for each in known if each), strict=True)
    return [math.fsum(math.log(value) for value in column) for column in columns]


def listing_figures(models: list[Json]) -> Tree:
    """Of `rooflink models`."""
    return {
        model["name"]: [
            model["parameters"], model["weight_bytes_bfloat16"],
            model["kv_bytes_per_token_bfloat16"], model["layers"], model["embed_dim"],
            model["query_heads"], model["kv_heads"], model["head_dim"], model["mlp_dim"],
            model["vocab_size"], model["context_length"],
        ]
        for model in models
    }  # fmt: skip
