"""What rows of published tables become: hand-worked seconds, steps and work."""

from pathlib import Path

import pytest

from rooflink.profiling.predicted.cases import Case
from rooflink.profiling.records.validation import UnpredictedRow
from rooflink.profiling.validation.measurements import read_measurements

HEADER = [
    "id", "source", "location", "reliability", "model", "params_total_B", "params_active_B",
    "layers", "d_model", "n_heads", "n_kv_heads", "head_dim", "d_ff", "vocab", "hardware",
    "n_chips", "parallelism_topology", "w_dtype", "act_dtype", "kv_dtype", "batch_or_concurrency",
    "effective_running_batch", "input_len", "output_len", "context_len", "phase", "metric",
    "value", "unit", "notes",
]  # fmt: skip
LLAMA_70B = {
    "id": "7", "source": "somebody", "reliability": "A", "model": "Llama-3.1-70B",
    "hardware": "TPU v5e", "n_chips": "16", "parallelism_topology": "TP16", "w_dtype": "int8",
    "act_dtype": "bf16", "kv_dtype": "int8", "batch_or_concurrency": "8", "context_len": "2048",
    "phase": "decode", "metric": "decode steps/s", "value": "100", "unit": "steps/s",
}  # fmt: skip

PROMPTS = "prefill 0.5 s (length unstated)"


def read(folder: Path, header: list[str], *rows: dict[str, str]) -> list[Case | UnpredictedRow]:
    file = folder / "mine.csv"
    lines = [",".join(header)]
    lines += [",".join(f'"{row.get(column, "")}"' for column in header) for row in rows]
    file.write_text("\n".join(lines))
    cases, left_out = read_measurements(file)
    return [*cases, *left_out]


def only(folder: Path, row: dict[str, str]) -> Case:
    (found,) = read(folder, HEADER, row)
    assert isinstance(found, Case), found.reason
    return found


def reason(folder: Path, row: dict[str, str]) -> str:
    (found,) = read(folder, HEADER, row)
    assert isinstance(found, UnpredictedRow)
    return found.reason


def test_steps_a_second_are_seconds_of_one_step(tmp_path: Path) -> None:
    case = only(tmp_path, LLAMA_70B)
    assert case.observed == pytest.approx(0.01)
    assert (case.id, case.group, case.slice.name) == ("mine.csv:7", "decode", "v5e:4x4")
    assert (case.matmul_dtype, case.narrowing) == ("bfloat16", 1.0)
    work = case.pieces[0].work
    # 69.5e9 weights of one byte over 16 chips; 8 caches of 2,048 + 1 tokens of 2 * 80 * 8 * 128
    # bytes, which 16 chips hold in 8 parts.
    assert float(work.weight_bytes) == pytest.approx(69.5e9 / 16, rel=2e-3)
    assert float(work.kv_bytes) == pytest.approx(8 * 2049 * 163840 / 8, rel=1e-3)


def test_copies_split_the_batch_not_the_weights(tmp_path: Path) -> None:
    whole = only(tmp_path, LLAMA_70B).pieces[0].work
    copies = only(tmp_path, LLAMA_70B | {"parallelism_topology": "DP2 x TP8"}).pieces[0].work
    assert float(copies.weight_bytes) == pytest.approx(2 * float(whole.weight_bytes), rel=1e-3)
    assert float(copies.matmul_flops) == pytest.approx(float(whole.matmul_flops), rel=1e-3)


@pytest.mark.parametrize(
    ("value", "unit", "metric", "batch", "seconds"),
    [
        ("20", "ms/tok", "median ITL", "8", 0.02),
        ("50", "tok/s", "tokens/s (B=1)", "1", 0.02),
        ("50", "tok/s", "output tok/s per user", "4", 0.02),
        ("400", "tok/s", "output tokens/s", "8", 0.02),
        ("1280", "ms", "latency for 64 tokens", "8", 1.28),
    ],
)
def test_every_unit_becomes_the_seconds_of_its_steps(
    tmp_path: Path, value: str, unit: str, metric: str, batch: str, seconds: float
) -> None:
    stated = {"value": value, "unit": unit, "metric": metric, "batch_or_concurrency": batch}
    case = only(tmp_path, LLAMA_70B | stated)
    assert case.observed == pytest.approx(seconds)
    assert case.pieces[0].steps == (64 if "64 tokens" in metric else 1)


def test_concurrency_is_not_batch_where_a_rate_is_noted(tmp_path: Path) -> None:
    served = LLAMA_70B | {
        "metric": "mean TPOT", "value": "25", "unit": "ms/tok", "batch_or_concurrency": "64",
        "input_len": "1000", "output_len": "500", "notes": "total 2000 out tok/s",
    }  # fmt: skip
    case = only(tmp_path, served)
    decode, prefill = case.pieces
    assert float(decode.work.sequences) == pytest.approx(2000 * 0.025)
    assert prefill.steps == pytest.approx((50 - 1) / 500)
    running = only(tmp_path, served | {"effective_running_batch": "40"})
    assert float(running.pieces[0].work.sequences) == 40


def test_a_median_latency_between_tokens_waits_for_no_prompt(tmp_path: Path) -> None:
    case = only(tmp_path, LLAMA_70B | {"metric": "median ITL", "value": "20", "unit": "ms/tok"})
    assert [piece.phase for piece in case.pieces] == ["decode"]


def test_a_whole_answer_is_prefill_then_decode_over_the_history(tmp_path: Path) -> None:
    turn = {
        "phase": "prefill+decode", "metric": "total latency", "value": "1900", "unit": "ms",
        "input_len": "64", "output_len": "64", "context_len": "2048",
    }  # fmt: skip
    case = only(tmp_path, LLAMA_70B | turn)
    prefill, decode = case.pieces
    assert (prefill.phase, decode.phase, decode.steps) == ("prefill", "decode", 64)
    # 1,920 cached, 64 read, half of 64 written: 2,016 in the mean.
    assert float(decode.work.kv_bytes) == pytest.approx(8 * 2017 * 163840 / 8, rel=1e-3)


def test_serving_is_the_time_of_one_token_of_output(tmp_path: Path) -> None:
    served = LLAMA_70B | {
        "phase": "serving offline", "metric": "output tokens/s", "value": "500", "unit": "tok/s",
        "input_len": "200", "output_len": "100", "context_len": "", "batch_or_concurrency": "32",
        "parallelism_topology": "TP16",
    }  # fmt: skip
    case = only(tmp_path, served)
    decode, prefill = case.pieces
    assert case.observed == pytest.approx(0.002)
    assert decode.steps == pytest.approx(1 / 32)
    assert prefill.steps == pytest.approx(1 / 100)
    total = only(tmp_path, served | {"metric": "total tokens/s", "value": "1500"})
    assert total.observed == pytest.approx(0.002)
    requests = only(tmp_path, served | {"metric": "samples/s", "value": "5", "unit": "samples/s"})
    assert requests.observed == pytest.approx(0.002)


def test_a_batch_that_is_not_stated_is_the_largest_that_fits(tmp_path: Path) -> None:
    served = LLAMA_70B | {
        "phase": "serving offline", "metric": "output tokens/s", "value": "500", "unit": "tok/s",
        "input_len": "4000", "output_len": "4000", "context_len": "", "batch_or_concurrency": "",
    }  # fmt: skip
    case = only(tmp_path, served)
    # 16 chips of 17.2e9 * 0.95 less 70.55e9; 6,000 tokens of 163,840 bytes, in 8 parts.
    room = 17.2e9 * 0.95 - 70.55e9 / 16
    assert float(case.pieces[0].work.sequences) == pytest.approx(room // (6000 * 163840 / 8), abs=1)


def test_an_axis_that_counts_cores_is_counted_in_chips(tmp_path: Path) -> None:
    row = LLAMA_70B | {
        "hardware": "Trainium2", "parallelism_topology": "TP64", "w_dtype": "bf16", "kv_dtype": "",
    }  # fmt: skip
    assert float(only(tmp_path, row).pieces[0].work.weight_bytes) == pytest.approx(
        2 * 69.5e9 / 16, rel=2e-3
    )


def test_a_model_that_nobody_named_is_read_from_its_columns(tmp_path: Path) -> None:
    """A mixture of 8 experts, 2 to a token, from its stated totals: Mixtral by another name."""
    unknown = {
        "model": "Someone's", "params_total_B": "46.7", "params_active_B": "12.9", "layers": "32",
        "d_model": "4096", "n_heads": "32", "n_kv_heads": "8", "head_dim": "128", "d_ff": "14336",
        "vocab": "32000", "n_chips": "8", "parallelism_topology": "TP8",
    }  # fmt: skip
    named = {"model": "Mixtral-8x7B", "n_chips": "8", "parallelism_topology": "TP8"}
    inferred, known = (only(tmp_path, LLAMA_70B | each).pieces[0].work for each in (unknown, named))
    assert float(inferred.weight_bytes) == pytest.approx(float(known.weight_bytes), rel=1e-3)


def test_a_cache_that_takes_little_of_a_step_counts_as_full(tmp_path: Path) -> None:
    stated, unstated = (only(tmp_path, LLAMA_70B | {"notes": said}) for said in ("", PROMPTS))
    assert unstated.pieces == stated.pieces


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hardware": "Abacus 3000"}, "no chip file for 'Abacus 3000'"),
        ({"hardware": "Apple M3 Max (30-core GPU)", "n_chips": "1"}, "no chip file"),
        ({"model": "Someone's"}, "sizes of Someone's"),
        ({"w_dtype": "ternary"}, "the dtype 'ternary'"),
        ({"reliability": "D"}, "claim"),
        ({"context_len": ""}, "the context is not stated"),
        ({"batch_or_concurrency": ""}, "the batch is not stated"),
        ({"batch_or_concurrency": "many"}, "the batch is given as 'many', expected one number"),
        (
            {"context_len": "512\u20131024"},
            "the context is given as '512\u20131024', expected one number",
        ),
        ({"context_len": "-5"}, "the column 'context_len' is -5, below zero"),
        # 8,192 positions of 8 sequences with a head of 80 layers on a chip: 1.34 of 5.68 GB.
        ({"context_len": "8192", "notes": PROMPTS}, "cache was is not stated, which would take 2"),
        ({"phase": "prefill", "input_len": "-5"}, "the column 'input_len' is -5, below zero"),
        (
            {"phase": "prefill", "input_len": "512\u20131024"},
            "the length of the prompts is given as",
        ),
        (
            {"phase": "serving", "input_len": "512\u20131024"},
            "the length of the prompts is given as",
        ),
        ({"phase": "serving", "input_len": "9", "output_len": "x"}, "the length of the answers is"),
        ({"parallelism_topology": "TP12"}, "does not fill 16 chips"),
        ({"n_chips": "7", "parallelism_topology": ""}, "no slice"),
        ({"phase": "diffusion offline"}, "not one that is predicted"),
        ({"phase": "serving interactive"}, "limit on latency"),
        ({"phase": "prefill", "metric": "mean TTFT", "input_len": "1024"}, "queueing"),
        ({"metric": "p99 ITL", "unit": "ms/tok"}, "is a tail"),
        ({"unit": "furlongs"}, "the unit 'furlongs'"),
    ],
)
def test_what_cannot_be_predicted_is_left_out_with_the_reason(
    tmp_path: Path, change: dict[str, str], said: str
) -> None:
    assert said in reason(tmp_path, LLAMA_70B | change)
