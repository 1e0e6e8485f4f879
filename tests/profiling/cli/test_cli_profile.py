"""`rooflink profile` from the outside: what it writes and says, and how it refuses."""

import json
import os
from pathlib import Path

import pytest

from rooflink.model.generation.decode_loop import PASSES_PER_CALL
from rooflink.model.tasks.modular import GAPS_DISCLOSURE
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records import Profile
from rooflink.profiling.records.files import load_profile

SMALL = ("--prompts", "hi", "--attempts", 2, "--think-budget", 6, "--answer-budget", 3,
         "--compile", "none")  # fmt: skip


def test_a_run_writes_its_folder_and_says_each_phase(rooflink, tiny_folder: Path) -> None:
    done = rooflink("profile", "--model", tiny_folder, *SMALL, "--repeats", 2, "--out", "run")
    assert done.code == 0, done.err
    names = {path.name.split(".")[0] for path in Path("run").iterdir()}
    assert names == {"profile", "report", "events", "chips", "charts"}
    assert all(
        word in done.out for word in ("prefill", "think", "answer", "TPU v5e", "report.html")
    )
    found = load_profile(Path("run"))
    assert found.workload.attempts == 2
    assert [len(p.measured.time_s.repeats) for p in found.phases if p.measured] == [2, 2, 2]
    assert found.machine is not None
    assert found.machine.read_bandwidth > 1e8
    assert found.provenance.command.startswith("rooflink profile --model")


def test_lengths_phases_and_thought_agree(rooflink, tiny_folder: Path) -> None:
    """Tokens of the phases are those of the lengths; the first token comes out of prefill."""
    done = rooflink("profile", "--model", tiny_folder, *SMALL, "--repeats", 1, "--json")
    found = Profile.model_validate_json(done.out)
    prefill, think, answer = found.phases
    lengths = found.outcome.lengths
    assert prefill.tokens == sum(found.workload.prompt_tokens)
    assert think.tokens == sum(length.think_tokens - 1 for length in lengths)
    assert answer.tokens == sum(length.answer_tokens for length in lengths)
    assert think.steps == max(length.think_tokens for length in lengths) - 1
    assert think.idle_slots == think.steps * 2 - think.tokens
    assert sum(point.flops for point in found.thought) == think.counted.flops
    calls = -(-think.steps // PASSES_PER_CALL)
    timed = [point.measured_step_s is not None for point in found.thought]
    assert timed == [calls > 1] * len(timed), "one call's mean says nothing along the thought"


def test_the_same_seed_thinks_the_same_and_batches_do_not_matter(
    rooflink, tiny_folder: Path
) -> None:
    Path("two.txt").write_text("one\n\ntwo words\n")
    options = ("--model", tiny_folder, *SMALL[2:], "--prompts", "two.txt", "--repeats", 1, "--json")
    runs = [
        Profile.model_validate_json(rooflink("profile", *options, *more).out)
        for more in ((), ("--batch", 1), ("--seed", 1))
    ]
    words = [[s.thought + s.answer for s in run.outcome.samples] for run in runs]
    assert words[0] == words[1]
    assert words[0] != words[2]
    assert runs[1].workload.batch == 1


def test_costs_without_weights(rooflink) -> None:
    """Llama-3-8B, one attempt: every figure counted, none measured; context as asked."""
    done = rooflink("profile", "--model", "llama3-8b", "--weights", "none", "--attempts", 1,
                    "--prompt-tokens", 100, "--think-budget", 50, "--json")  # fmt: skip
    found = Profile.model_validate_json(done.out)
    assert found.machine is None
    assert found.outcome is None
    assert all(phase.measured is None for phase in found.phases)
    assert found.model.dtype == "bfloat16"
    assert found.provenance.backend == "none"
    think = found.phases[1]
    assert think.tokens == 4 * 50
    # Weights once a pass for all four bundled prompts: 8.03e9 parameters less the embedding, bf16.
    assert think.counted.hbm_bytes.weights == pytest.approx(50 * 15.01e9, rel=1e-3)


@pytest.mark.parametrize("model", ["tiny", pytest.param("smollm2-135m", marks=pytest.mark.slow)])
def test_random_weights_run(rooflink, tiny_folder: Path, model: str) -> None:
    named = tiny_folder if model == "tiny" else model
    done = rooflink("profile", "--model", named, "--weights", "random", "--limit", 1,
                    "--attempts", 1, "--prompt-tokens", 4, "--think-budget", 2,
                    "--answer-budget", 1, "--repeats", 1, "--dtype", "bfloat16",
                    "--compile", "none", "--json")  # fmt: skip
    found = Profile.model_validate_json(done.out)
    assert found.model.weights_source == "random"
    assert [phase.tokens for phase in found.phases] == [4, 2, 1]


def test_gsm8k_is_checked(rooflink, tiny_folder: Path) -> None:
    rows = [{"question": "1+1?", "answer": "<<1+1=2>>\n#### 2"}] * 3
    Path("gsm.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    done = rooflink("profile", "--model", tiny_folder, "--task", "gsm8k:gsm.jsonl", "--limit", 2,
                    *SMALL[2:], "--repeats", 1, "--think-end", "ok", "--json",
                    "--out", "r")  # fmt: skip
    found = Profile.model_validate_json(done.out)
    assert found.workload.task == "gsm8k:gsm.jsonl"
    assert found.workload.prompts == 2
    assert found.outcome.attempts == 4
    assert found.outcome.accuracy == found.outcome.correct / 4
    assert found.outcome.accuracy_low <= found.outcome.accuracy <= found.outcome.accuracy_high
    assert found.outcome.samples[0].expected == "2"


def test_a_strategy_from_the_command_line(rooflink) -> None:
    """Its phases in the table, its settings in the record, and what the task's answers rest on."""
    done = rooflink("profile", "--task", "sum:n=2", "--limit", 2, "--think-budget", 6,
                    "--answer-budget", 3, "--strategy", "self-consistency:n=2", "--repeats", 1,
                    "--chip", "v5e", "--out", "run")  # fmt: skip
    assert done.code == 0, done.err
    found = load_profile(Path("run"))
    assert (found.workload.prompts, found.workload.strategy) == (2, "self-consistency:n=2")
    assert found.outcome.answers == 2
    assert found.findings[0].sentence == GAPS_DISCLOSURE
    assert found.workload.strategy_settings == {
        "temperature": 1.0, "top_k": None, "top_p": None, "n": 2, "weighted": False,
    }  # fmt: skip
    assert found.workload.attempts == 2
    assert found.compiled == []
    assert {phase.name: len(phase.measured.time_s.repeats) for phase in found.phases} == {
        "prefill": 1, "think": 1, "answer": 1,
    }  # fmt: skip


def test_a_prompt_longer_than_the_context(rooflink, tiny_folder: Path) -> None:
    done = rooflink("profile", "--model", tiny_folder, "--prompts", "long " * 40)
    assert done.code == 2
    assert "context of 128" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "llama3-9b", "--weights", "none"), ("llama3-9b", "llama3-8b")),
        (("--model", "llama3-8b"), ("--weights none",)),
        (("--model", "nowhere.gguf"), ("nowhere.gguf",)),
        (("--chip", "v9", "--weights", "none"), ("v9", "v5e")),
        (("--task", "gsm9k:x"), ("gsm9k:x", "gsm8k:FILE")),
        (("--task", "gsm8k:none.jsonl"), ("none.jsonl",)),
        (("--prompts", "missing.txt"), ("missing.txt",)),
        (("--prompts", " "), ("--prompts is empty",)),
        (("--prompts", "Why is the sky blue?"), ("sky blue", "--task")),
        (("--prompts", "x", "--task", "gsm8k:y"), ("--prompts", "--task")),
        (("--attempts", "0", "--weights", "none"), ("--attempts",)),
        (("--think-budget", "-1", "--weights", "none"), ("--think-budget",)),
        (("--temperature", "-1"), ("temperature",)),
        (("--top-p", "2"), ("top-p",)),
        (("--weights", "none", "--prompt-tokens", "9000"), ("9000", "64")),
        (("--model", "llama3-70b", "--weights", "random"), ("GB", "memory")),
        (("--repeats", "0"), ("repeats",)),
        (("--frobnicate",), ("--frobnicate",)),
        (("--dtype", "float8"), ("float8",)),
        (("--compile", "v5e:3x5"), ("3x5", "v5e:2x4")),
        (("--strategy", "gredy"), ("no strategy 'gredy'", "did you mean greedy")),
        (("--strategy", "sample:m=2"), ("no setting 'm'", "n")),
        (("--strategy", "greedy", "--attempts", "2"), ("--attempts cannot be given", "n=8")),
        (("--strategy", "greedy", "--temperature", "1"), ("--temperature cannot be given",)),
        (("--strategy", "greedy", "--top-k", "1"), ("--top-k cannot be given",)),
        (("--strategy", "greedy", "--weights", "none"), ("--weights own",)),
        (("--strategy", "greedy", "--weights", "random"), ("--weights own",)),
        (("--verifier", "somewhere"), ("--verifier", "--strategy best-of-n")),
        (("--strategy", "beam", "--verifier", "somewhere"), ("no verifier.safetensors",)),
        (("--strategy", "beam:verifier=trained"), ("no verifier 'trained'", "confidence")),
        (("--strategy", "budget-forcing"), ("'Wait'", "extend=0")),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    rooflink, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = rooflink("profile", *arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    flat = " ".join(done.err.replace("│", " ").split())
    assert all(word in flat for word in words), done.err
    assert list(Path.cwd().iterdir()) == []


def test_unwritable_output_is_said_before_the_work(rooflink, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    done = rooflink("profile", "--weights", "none", "--out", blocker / "run")
    assert done.code == 2
    assert str(blocker) in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(rooflink, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    done = rooflink("profile", "--weights", "none", "--out", locked / "run")
    assert done.code == 2


def test_interrupt_before_a_repeat_is_done_leaves_nothing(
    rooflink, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rooflink.profiling.measured.run.answer_batch", interrupt)
    done = rooflink("profile", "--model", tiny_folder, *SMALL)
    assert done.code == 130
    assert list(Path.cwd().iterdir()) == []


def test_interrupt_after_a_repeat_keeps_it(
    rooflink, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rooflink.profiling.measured import run

    real, calls = run.answer_batch, []

    def second_time_interrupted(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(run, "answer_batch", second_time_interrupted)
    done = rooflink("profile", "--model", tiny_folder, *SMALL, "--json")
    assert (done.code, len(done.err.splitlines())) == (130, 1)
    found = Profile.model_validate_json(done.out)
    assert len(found.phases[0].measured.time_s.repeats) == 1
    assert "interrupted" in found.findings[0].sentence


def test_a_lens_that_fails_later_is_a_note(
    rooflink, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ProfileInputError("the compiler is ill")

    monkeypatch.setattr("rooflink.profiling.profiler.compile_target", failing)
    done = rooflink("profile", "--model", tiny_folder, *SMALL[:-2], "--repeats", 1, "--out", "run")
    assert done.code == 0
    found = load_profile(Path("run"))
    assert found.findings[0].what == "Nothing compiled for cpu: the compiler is ill."
    assert all(phase.measured is not None for phase in found.phases)
    assert found.predictions


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            KeyboardInterrupt(),
            130,
            "interrupted: profile.json is in run; its reports may be "
            "incomplete: run again to write them whole",
        ),
        (OSError(28, "No space left on device"), 2, "cannot write to run: No space left"),
        (ProfileInputError("no font"), 2, "no font"),
    ],
)
def test_a_report_that_fails_leaves_the_record(
    rooflink, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int,
    said: str,
) -> None:  # fmt: skip
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("rooflink.profiling.reports.write.write_report", failing)
    done = rooflink("profile", "--model", tiny_folder, *SMALL, "--out", "run")
    assert (done.code, len(done.err.splitlines())) == (code, 1)
    assert said in done.err
    assert [path.name for path in Path("run").iterdir()] == ["profile.json"]
    assert load_profile(Path("run")).phases[0].measured is not None


def test_the_cpu_compiled_by_default_is_in_the_same_profile(rooflink, tiny_folder: Path) -> None:
    """Counted, compiled and measured side by side; what is named and what is not add up."""
    done = rooflink("profile", "--model", tiny_folder, *SMALL[:-2], "--repeats", 1, "--json")
    found = Profile.model_validate_json(done.out)
    assert [target.target for target in found.compiled] == ["cpu"]
    assert [phase.phase for phase in found.compiled[0].phases] == ["prefill", "think", "answer"]
    for phase in found.compiled[0].phases:
        named = sum(excess.excess_bytes for excess in phase.excesses)
        assert phase.hbm_bytes == phase.counted_bytes.total + named + phase.unexplained_bytes
        assert phase.unresolved_loops == []
    assert all(phase.measured is not None for phase in found.phases)
