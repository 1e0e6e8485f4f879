"""Figures of evaluations, co-design reports and validations; see stable_figures.py."""

import math
from collections.abc import Iterable

from stable_figures import Json, Tree, counted_figures, interval_of, prediction_figures


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
        "counted": {phase["name"]: counted_figures(phase) for phase in cell["phases"]},
        "slices": {each["slice"]: _slice_cost(each) for each in cell["slices"]},
        "attempts": {f"k={point['k']}": _attempts(point) for point in cell["attempts"]},
    }


def _estimate(estimate: Json | None) -> list[float] | None:
    """Value and both ends."""
    return [estimate["value"], estimate["low"], estimate["high"]] if estimate else None


def _slice_cost(cost: Json) -> Tree:
    correct = cost["per_correct"]
    return {
        "time_s": interval_of(cost["time_s"]),
        "usd": interval_of(cost["amounts"]["usd"]),
        "wall_j": interval_of(cost["amounts"]["wall_j"]),
        "per_correct_s": interval_of(cost["per_correct_s"]),
        "usd_per_correct": correct and interval_of(correct["usd"]),
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
    }  # fmt: skip


def _case(case: Json) -> Tree:
    thought = case["thought"]
    return {
        "predicted": prediction_figures(case["prediction"]),
        "usd_per_query": interval_of(case["usd_per_query"]),
        "energy_per_query_j": interval_of(case["energy_per_query_j"]),
        "elasticities": {
            f"{each['regime']}, {each['quantity']}, {each['phase']}, {each['parameter']}":
                interval_of(each["value"])
            for each in case["elasticities"] if each["phase"] in ("think", "query")
        },
        "flips": {
            f"{each['phase']}, {each['parameter']}":
                [each["before"], each["after"], each["flips"], *(interval_of(each["factor"]) or ())]
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
        "time": interval_of(changed["time"]),
        "energy": interval_of(changed["energy"]),
        "usd": interval_of(changed["usd"]),
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
        "before_s": interval_of(change["before_s"]),
        "after_s": interval_of(change["after_s"]),
        "by_phase": {name: interval_of(each) for name, each in change["by_phase"].items()},
        "bound_after": change["bound_after"],
        "fits": change["fits"],
        **_changed(change["whole"]),
    }


def _asks(asks: list[Json]) -> Tree:
    return {
        f"{each['rank']} {each['name']}":
            [each["quantity"], each["beats_next"], interval_of(each["saving"])]
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
    known = [interval_of(each) for each in intervals if each]
    return [math.fsum(column) for column in zip(*known, strict=True)] if known else []


def _search(search: Json) -> Tree:
    return {
        "budget": search["budget"],
        "swept": search["swept"],
        "reference": _design(search["reference"]),
        "best": _design(search["best"]),
        "sequences": search["sequences"],
        "time_per_query_s": interval_of(search["time_per_query_s"]),
        "usd_per_query": interval_of(search["usd_per_query"]),
        "speedup": interval_of(search["speedup"]),
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
        "latency_s": interval_of(center["latency_s"]),
        "chips_interval": interval_of(center["chips_interval"]),
        "sustained": center["sustained"],
        "tokens_per_s": center["tokens_per_s"],
        "power_w": interval_of(center["power_w"]),
        "provisioned_w": center["provisioned_w"],
        "link_bytes_per_s": center["link_bytes_per_s"],
        "prompt_kv_bytes_per_s": center["prompt_kv_bytes_per_s"],
        "traces": {each["label"]: [each["mean_w"], each["peak_w"], each["low_w"]]
                   for each in center["traces"]},
        "smoothing": {
            each["way"]: [each["remaining_swing"], each["extra_energy"], each["stored_j_per_chip"]]
            for each in center["smoothing"]
        },
        "usd_per_day": interval_of(center["usd_per_day"]),
        "wall_kwh_per_day": interval_of(center["wall_kwh_per_day"]),
        "tiers": {
            f"{each['attempts']:g} x {each['think_tokens']:g}":
                [each["batch"], interval_of(each["latency_s"]), interval_of(each["usd"])]
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
    known = [interval_of(each) for each in intervals if each]
    columns = zip(*(each for each in known if each), strict=True)
    return [math.fsum(math.log(value) for value in column) for column in columns]
