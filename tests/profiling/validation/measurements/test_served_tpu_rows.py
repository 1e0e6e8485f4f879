"""What rows of TPU servings and of drafts become, and why others are left out."""

from pathlib import Path

import pytest

from rooflink.profiling.predicted.cases import Case
from rooflink.profiling.validation.measurements import read_measurements
from rooflink.profiling.validation.measurements.drafted import DRAFTED_COLUMNS
from rooflink.profiling.validation.measurements.served_tpus import TPU_SERVED_COLUMNS

STATIC = {
    "source": "somebody", "location": "batch 64", "model": "Ling-1T",
    "hardware": "TPU7x (Ironwood)", "n_chips": "16", "n_devices": "32",
    "parallelism": "TP32 / attention DP4 / EP32",
    "engine": "sglang-jax", "weights_dtype": "bf16", "act_dtype": "bf16",
    "kv_dtype": "bf16 (default)", "load": "one static batch", "concurrency": "64",
    "isl_mean": "4096", "osl_mean": "1024", "tpot_mean_ms": "91.32", "spec_decode": "none",
}  # fmt: skip
CLOSED = STATIC | {
    "model": "Llama-3.1-8B", "hardware": "TPU v6e (Trillium)", "n_chips": "4", "n_devices": "4",
    "parallelism": "TP4", "engine": "vllm-tpu", "kv_dtype": "fp8", "load": "closed loop",
    "isl_mean": "1000", "osl_mean": "200", "ttft_median_ms": "419", "tpot_mean_ms": "32.9",
}  # fmt: skip
DRAFTED = {
    "method": "eagle1", "target": "Llama-3.1-8B-Instruct", "draft": "a head", "hardware": "H100",
    "engine": "vllm", "drafts_N": "2", "batch": "1", "accepted_length": "2.1",
    "speedup_basis": "TPOT 7.07 -> 4.37 ms", "source": "an issue",
}  # fmt: skip


def read(folder: Path, columns: tuple[str, ...], row: dict[str, str]) -> list[Case | str]:
    header = sorted({*columns, *row})
    cells = (f'"{row.get(name, "")}"' for name in header)
    file = folder / "mine.csv"
    file.write_text(f"{','.join(header)}\n{','.join(cells)}\n")
    cases, left_out = read_measurements(file)
    return [*cases, *(one.reason for one in left_out)]


def served(folder: Path, row: dict[str, str]) -> list[Case | str]:
    return read(folder, TPU_SERVED_COLUMNS, row)


def drafted(folder: Path, **changes: str) -> list[Case | str]:
    return read(folder, DRAFTED_COLUMNS, DRAFTED | changes)


def test_a_static_batch_is_a_decode_step_of_it(tmp_path: Path) -> None:
    (case,) = served(tmp_path, STATIC)
    assert isinstance(case, Case)
    assert (case.group, case.stack, case.slice.chips) == ("decode", "sglang-jax", 16)
    assert case.observed == pytest.approx(91.32e-3)
    work = case.pieces[0].work
    # 999.5 billion parameters: experts over 16 chips, attention and the rest over the 4 of a copy.
    experts = 76 * 256 * 3 * 8192 * 2048
    rest = 80 * 8192 * 128 * (2 * 64 + 2 * 8) + 3 * 8192 * (76 * 2048 + 4 * 18432)
    held = float(work.weight_bytes + work.idle_expert_bytes)
    assert held == pytest.approx(2 * (experts / 16 + (rest + 8192 * 157184) / 4), rel=2e-3)
    # 16 sequences on each copy, of 4,608 positions and the new one, whose 8 heads are over 4 chips.
    assert float(work.kv_bytes) == pytest.approx(16 * 4609 * 80 * 2 * 8 * 128 * 2 / 4, rel=1e-3)


def test_a_closed_loop_on_tpus_is_a_time_per_token_and_one_to_the_first(tmp_path: Path) -> None:
    tpot, ttft = served(tmp_path, CLOSED)
    assert isinstance(tpot, Case)
    assert isinstance(ttft, Case)
    assert (tpot.group, tpot.stack, tpot.slice.name) == ("tpot", "vLLM-TPU", "v6e:2x2")
    assert (tpot.observed, ttft.observed) == (pytest.approx(32.9e-3), pytest.approx(0.419))
    assert tpot.pieces[1].steps == pytest.approx(63 / 200)


def test_where_more_was_asked_for_than_ran_littles_law_has_those_who_ran(tmp_path: Path) -> None:
    """2,464 tokens a second, one every 85 ms of each: 209.44 at a time."""
    limited = {"concurrency": "256", "tpot_mean_ms": "85", "output_tok_s": "2464"}
    (tpot,) = served(tmp_path, CLOSED | limited | {"note": "more asked for than ran at once"})
    assert isinstance(tpot, Case)
    assert tpot.group == "tpot"
    assert tpot.pieces[1].steps == pytest.approx(208.44 / 200)


def test_a_fault_in_reading_prompts_holds_up_no_step_of_a_static_batch(tmp_path: Path) -> None:
    (case,) = served(tmp_path, STATIC | {"note": "scheduling fault present in prefill"})
    assert isinstance(case, Case)
    assert case.observed == pytest.approx(91.32e-3)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"note": "scheduling fault present: prefill starves decode"}, "a scheduling fault"),
        ({"note": "largest decode batch reached was about 380"}, "the batch that ran"),
        ({"load": "closed loop, prefix cache on"}, "how much of its prompts the prefix cache"),
        ({"spec_decode": "MTP, 5 drafts, accepted length 4.24"}, "drafts, prefix hits or loading"),
        ({"osl_mean": ""}, "the lengths of prompts and answers are not stated"),
        ({"model": "Unheard-Of-1T"}, "the sizes of Unheard-Of-1T are not known by its name"),
        ({"parallelism": "TP32 / attention DP3"}, "does not fill 16 chips"),
        ({"parallelism": "not stated"}, "the mesh 'not stated' does not fill 16 chips"),
        ({"n_devices": "4"}, "4 devices are fewer than the 16 chips"),
    ],
)
def test_what_is_no_plain_serving_is_left_out(
    tmp_path: Path, changes: dict[str, str], why: str
) -> None:
    (reason,) = served(tmp_path, STATIC | changes)
    assert isinstance(reason, str)
    assert reason.startswith(why) or reason.endswith(why)


def test_a_drafted_token_is_a_share_of_a_verification_and_of_its_drafts(tmp_path: Path) -> None:
    (case,) = drafted(tmp_path)
    assert isinstance(case, Case)
    verified, passes = case.pieces
    assert case.observed == pytest.approx(4.37e-3)
    assert (verified.steps, passes.steps) == (pytest.approx(1 / 2.1), pytest.approx(2 / 2.1))
    layer, head = 218103808, 4096 * 128256
    # Three positions, all with logits; a draft is a layer that takes two embeddings, and the head.
    assert float(verified.work.matmul_flops) == pytest.approx(6 * (32 * layer + head), rel=1e-3)
    one = layer + 2 * 4096**2 + head
    assert float(passes.work.matmul_flops) == pytest.approx(2 * one, rel=1e-3)
    # The host handles each token that is kept; it launches a draft and schedules nothing for it.
    assert (verified.work.sequences, passes.work.sequences) == (2.1, 0)
    assert float(passes.work.steps) == 1


def test_a_replay_has_every_draft_right_and_drafts_in_no_time(tmp_path: Path) -> None:
    replay = {
        "method": "oracle (replays the saved output)", "target": "Qwen3-8B", "drafts_N": "12",
        "batch": "8", "accepted_length": "", "speedup_basis": "898 -> 4739 tok/s; all right",
    }  # fmt: skip
    (case,) = drafted(tmp_path, **replay)
    assert isinstance(case, Case)
    (verified,) = case.pieces
    assert verified.steps == pytest.approx(1 / 13)
    assert case.observed == pytest.approx(8 / 4739)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"speedup_basis": ""}, "no time is stated"),
        ({"accepted_length": ""}, "no time is stated"),
        ({"accept_marginal": "0.6 0.5"}, "whether its rates are marginal or conditional"),
        (
            {"accept_marginal": "0.6 0.3", "rate_kind": "marginal"},
            "its rates make 1.9 tokens a step, not 2.1",
        ),
        ({"batch": "32"}, "the context is not stated, which counts at this batch"),
        ({"target": "Unheard-Of-9B"}, "the sizes of Unheard-Of-9B are not known by its name"),
        ({"hardware": ""}, "no chip file for ''"),
    ],
)
def test_drafts_that_state_too_little_are_left_out(
    tmp_path: Path, changes: dict[str, str], why: str
) -> None:
    (reason,) = drafted(tmp_path, **changes)
    assert isinstance(reason, str)
    assert reason.startswith(why)


def test_rates_that_make_the_stated_length_are_taken(tmp_path: Path) -> None:
    (case,) = drafted(tmp_path, accept_marginal="0.7 0.4", rate_kind="marginal")
    assert isinstance(case, Case)
