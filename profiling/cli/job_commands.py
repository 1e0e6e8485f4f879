"""The commands that run a job: for each its examples, and what shows and writes its result.

What is named by a text is imported when it is needed: a job when its command is called, sections
and writers of reports when there is a result.
"""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from ..jobs.job import Job
from ..records.base import size_text
from .commands import command_of, record_json, say_where

if TYPE_CHECKING:
    from ..jobs.compile_job import Compilations
    from ..jobs.explore_job import Exploration
    from ..jobs.predict_job import Predictions
    from ..jobs.quantize_job import QuantisedFolder
    from ..jobs.validate_job import Calibration
    from ..reports.document import Document

PREDICTIONS_SCHEMA = "rooflink.predictions/2"


def _named(path: str) -> Callable[..., object]:
    """'module.function' of reports, imported when it is called."""
    module, _, name = path.rpartition(".")

    def call(*arguments: object) -> object:
        function: Callable[..., object] = getattr(
            import_module(f"..reports.{module}", __package__), name
        )
        return function(*arguments)

    return call


def _document(path: str) -> Callable[..., list["Document"]]:
    """Makes the one document of a result with the function at `path` of reports.sections."""

    def documents(result: object) -> list["Document"]:
        made: Document = _named(f"sections.{path}")(result)  # type: ignore[assignment]
        return [made]

    return documents


def _written(what: str, file: str = "") -> Callable[..., None]:
    """Says where `what` was written."""

    def say(result: object, out: Path | None, console: Console) -> None:
        if out is not None:
            console.print()
            say_where(console, what, out / file)

    return say


_report = _written("Report", "report.html")


def _prediction_documents(result: "Predictions") -> list["Document"]:
    from ..reports.sections import prediction_document as documents

    if result.quick:
        return [documents.tiers_document(result.tiers())]
    if len(result.thinking) == 1:
        return [documents.prediction_document(result.thinking[0])]
    return [documents.predictions_document(result.thinking)]


def _predictions_json(result: "Predictions") -> str:
    rows = [each.model_dump(mode="json") for each in (*result.thinking, *result.quick)]
    return json.dumps({"schema": PREDICTIONS_SCHEMA, "predictions": rows}, indent=1)


def _say_calibration(result: "Calibration", out: Path, console: Console) -> None:
    if result.absent:
        console.print(result.absent + ".")
    files = ", ".join(result.files)
    say_where(console, f"{result.rows} rows fitted; {files} are in", out)


def _say_quantised(result: "QuantisedFolder", out: Path, console: Console) -> None:
    sizes = f"{size_text(result.read_bytes)} to {size_text(result.written_bytes)}"
    group = f" in groups of {result.weight_group}" if result.weight_group else ""
    what = f"{result.matrices} matrices in {result.weight_dtype}{group}, {sizes}"
    say_where(console, f"{what}; a model to open", out)


def _compiled_documents(result: "Compilations") -> list["Document"]:
    from ..reports.sections.compiled_document import compiled_document

    return [compiled_document(target) for target in result.targets]


def _say_compilations(result: "Compilations", out: Path | None, console: Console) -> None:
    from ..compiled.xprof import BY_PHASE

    for caution in result.cautions:
        console.print(Text(caution, "dim"))
    _report(result, out, console)
    for session in result.xprof:
        say_where(console, "XProf session (predicted)", session)
        rows = session.parent.with_name(session.parent.name + BY_PHASE)
        say_where(console, "One row per phase: xprof get_roofline_model", rows)


def _write_compilations(result: "Compilations", folder: Path) -> None:
    from ..reports.write import write_run

    write_run(result.profile, folder)


def _exploration_documents(result: "Exploration") -> list["Document"]:
    from ..reports.sections.codesign_search import exploration_document

    before = f", {result.there_before} of them there before" if result.there_before else ""
    parts = f"{result.parts} part{'' if result.parts == 1 else 's'}"
    return [exploration_document(result.best, f"{result.points:,} points in {parts}{before}")]


def _say_exploration(result: "Exploration", out: Path, console: Console) -> None:
    from ..reports.document import printable

    for sentence in (*result.cautions, *(f"left out: {why}" for why in result.left_out)):
        console.print(Text(printable(sentence), "dim"))
    say_where(console, "Dataset", result.folder)


def _exploration_json(result: "Exploration") -> str:
    best = [point.model_dump(mode="json") for point in result.best]
    return json.dumps(vars(result) | {"folder": str(result.folder), "best": best}, indent=1)


def _evaluating() -> str:
    """The strategies there are, and what an attempts log is."""
    from ...model.strategies.registry import strategy_summaries

    listed = [f"- **{name}**: {summary}" for name, summary in strategy_summaries().items()]
    head = "Strategies, settings after a colon as in best-of-n:n=16,temperature=0.7:"
    log = (
        "An attempts log has one attempt a line (`rooflink schema attempts-log`, and "
        "`rooflink examples DIR` writes one):"
    )
    line = (
        '{"problem": "q1", "strategy": "cot", "answer": "42", "expected": "42", '
        '"prompt_tokens": 110, "completion_tokens": 96}'
    )
    return "\n".join([head, "", *listed, "", log, "", f"    {line}"])


def _levers() -> str:
    """What each lever is."""
    return """Levers, each with a value:

- **dtype**=bfloat16, **weights**=int8, int4 or fp8, **kv**=int8 or fp8: what numbers are held in
- **magnitude**=0.5: that share of each matrix's weights set to 0; **nm**=2:4: all but the 2 largest
  of 4 neighbours
- **mlp**=0.25, **heads**=0.25, **layers**=0.25: that share cut, by norms, layers by how little they
  change the residual stream
- **kv-heads**=0.5: that share of the KV heads, neighbours averaged
- **exit**=0.75: an answer after that share of the layers; **window**=16: positions that are seen
- **think**=0.5: a budget of that share of the mean thought; **drafts**=ngram or early-exit

Nothing is trained after a change."""


def _no_documents(result: object) -> list["Document"]:
    return []


def _nothing(result: object, out: Path | None, console: Console) -> None:
    pass


class Shell(NamedTuple):
    """What the command line adds to a job."""

    job: str  # 'module.class' of ..jobs
    examples: str  # one a line
    documents: Callable[..., list["Document"]] = _no_documents
    say: Callable[..., None] = _nothing  # what no document has: where it was written
    write: Callable[..., object] | None = None
    as_json: Callable[..., str] = record_json
    more: Callable[[], str] = str  # further help


SHELLS = {
    "profile": Shell(
        "profile_job.ProfileJob",
        """rooflink profile
rooflink profile --task sum:n=8 --attempts 16 --temperature 1
rooflink profile --task sum:n=8 --strategy self-consistency:n=16
rooflink profile --model smollm2-135m --prompts "Why is the sky blue?" --attempts 1
rooflink profile --model smollm2-135m --task gsm8k:test.jsonl --limit 8 --batch 4
rooflink profile --model llama3-8b --weights none --attempts 16 --think-budget 2048
rooflink profile --model llama3-8b --weights none --slice v5e-8 --slice h100
rooflink profile --model smollm2-135m --limit 4 --trace
rooflink profile --model ./my_model.gguf --chip v5e --chip my_chip.toml --json""",
        documents=_document("profile_document.profile_summary"),
        say=_report,
        write=_named("write.write_run"),
    ),
    "predict": Shell(
        "predict_job.PredictJob",
        """rooflink predict --model llama3-8b --slice v5e-8 --slice h100 --prompt 512 --think 2048
rooflink predict --model llama3-8b --slice v5e-8 --batch 8 --prompt 512 --think 2048
rooflink predict --model qwen3-32b --slice v5e-16 --slice h100-2 --dtype int8 --price spot
rooflink predict --model llama3-70b --slice h100-8 --dtype fp8 --seller lambda --tpot 30ms
rooflink predict --model deepseek-r1 --slice h200-8 --dtype fp8 --think 8000 --compare
rooflink predict --model llama3-70b --slice h100-8 --concurrency 64 --prefill-chunk 2048
rooflink predict --model llama3-8b --slice h100 --speculate drafts=4,conditional=0.75,draft=eagle
rooflink predict --model llama3-8b --slice h100 --prompt 8000 --prefix-hit 0.6
rooflink predict --model mine.toml --slice mychip.toml:4 --price my_costs.toml --json""",
        documents=_prediction_documents,
        as_json=_predictions_json,
    ),
    "eval": Shell(
        "evaluate_job.EvaluateJob",
        """rooflink eval
rooflink eval --task sum:n=2-8 --strategies greedy,best-of-n:n=16 --attempts 1,2,4,8,16,32
rooflink eval --task gsm8k:test.jsonl --model smollm2-135m --limit 20 --think-budget 64,128
rooflink eval --task chain:k=12 --budget flops=2e7 --strategies early-stop:every=4
rooflink eval --task countdown:n=3 --strategies best-of-n:n=16,weighted=true --verifier DIR
rooflink eval --attempts-log attempts.jsonl --model llama3-70b --slice v5e-16 --slice h100-2""",
        documents=_document("evaluation_document.evaluation_summary"),
        say=_report,
        write=_named("write_studies.write_evaluation"),
        more=_evaluating,
    ),
    "levers": Shell(
        "levers_job.LeversJob",
        """rooflink levers reasoner --task chain:k=8 --limit 300 --out runs/levers
rooflink levers --levers weights=int8,kv=int8,nm=2:4,drafts=ngram --slice v5e-1
rooflink levers --levers mlp=0.25,heads=0.25,layers=0.25,exit=0.75 --limit 100
rooflink levers smollm2-135m --task gsm8k:test.jsonl --think-budget 64 --levers weights=int8""",
        documents=_document("levers_document.levers_summary"),
        say=_report,
        write=_named("write_studies.write_levers"),
        more=_levers,
    ),
    "train": Shell(
        "train_job.TrainJob",
        """rooflink train --out my_reasoner
rooflink train --method grpo --task countdown:n=3 --out better
rooflink train --method rejection --from my_reasoner --out better --updates 4
rooflink train --recipe mine.toml --out mine""",
        documents=_document("training_document.training_summary"),
        say=_written("Model"),
        write=_named("write_studies.write_training"),
    ),
    "quantize": Shell(
        "quantize_job.QuantizeJob",
        """rooflink quantize reasoner --to int8 --out reasoner_int8
rooflink quantize HuggingFaceTB/SmolLM2-135M --to int4 --group 64 --out smollm2_int4
rooflink quantize my_model --to fp8 --out my_model_fp8 --json""",
        say=_say_quantised,
        as_json=lambda result: json.dumps(result.as_dict(), indent=1),
    ),
    "calibrate": Shell(
        "validate_job.CalibrateJob",
        """rooflink calibrate --out calibration
rooflink calibrate --measurements measured_energy_h100.csv --out profiling/predicted/data""",
        say=_say_calibration,
        write=lambda result, folder: result.write(folder),
        as_json=lambda result: result.calibration_json.rstrip(),
    ),
    "compare": Shell(
        "compare_job.CompareJob",
        """rooflink compare runs/monday runs/tuesday
rooflink compare runs/monday/profile.json runs/tuesday --json""",
        documents=_document("comparison_document.comparison_document"),
    ),
    "compile": Shell(
        "compile_job.CompileJob",
        """rooflink compile --model llama3-8b --slice v5e:2x4 --batch 16 --context 4096
rooflink compile --model llama3-70b --slice v5p:4x4x4 --mesh data=4,tensor=16 --batch 64
rooflink compile --model smollm2-135m --slice cpu --phases think,step --dtype float32
rooflink compile --model qwen3-8b --slice v6e-8 --xprof traces --out runs/qwen3 --json""",
        documents=_compiled_documents,
        say=_say_compilations,
        write=_write_compilations,
        as_json=lambda result: record_json(result.profile),
    ),
    "validate": Shell(
        "validate_job.ValidateJob",
        """rooflink validate
rooflink validate --measurements mine.csv --measurements theirs.csv --out runs/check
rooflink validate --worked --peers --json""",
        documents=_document("validation_document.validation_summary"),
        say=_report,
        write=_named("write_studies.write_validation"),
    ),
    "codesign": Shell(
        "codesign_job.CodesignJob",
        """rooflink codesign runs/mine/profile.json
rooflink codesign runs/a runs/b --slice v5e-16 --slice v5p:2x2x2 --chip-budget area=800mm2
rooflink codesign runs/a --what-if hbm_bandwidth=2x,kv_dtype=int8 --workload mix.toml
rooflink codesign runs/a --evidence runs/levers
rooflink codesign runs/a --queries 50 --latency 30 --json
A workload file has a table for each kind of query:
[[workload]]
share = 0.6
prompt = 512
think = 2048
answer = 256
attempts = 1""",
        documents=_document("codesign_document.codesign_summary"),
        say=_report,
        write=_named("write_studies.write_codesign"),
    ),
    "explore": Shell(
        "explore_job.ExploreJob",
        """rooflink explore --model llama3-70b --slice v5e-16 --slice v5p:2x2x2 --out runs/sweep
rooflink explore grid.toml --think 1024,8192,32768 --attempts 1,64 --out runs/sweep
rooflink explore --model qwen3-32b --slice v6e-8 --dtype int8 --hbm-bandwidth 1,2,4""",
        documents=_exploration_documents,
        say=_say_exploration,
        as_json=_exploration_json,
    ),
}


def job_command(name: str) -> Callable[..., None]:
    """The function of one of `SHELLS`, for typer."""
    shell = SHELLS[name]
    module, _, kind = shell.job.partition(".")
    job: type[Job] = getattr(import_module(f"..jobs.{module}", __package__), kind)
    examples = shell.examples.replace("\n", "\n\n")
    return command_of(
        job, shell.documents, shell.say, examples, shell.as_json, shell.write, shell.more()
    )
