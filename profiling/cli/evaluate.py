"""`rooflink eval`: what strategies get right, and what each answer costs."""

from pathlib import Path

from rich.console import Console

from ...model.strategies.registry import strategy_summaries
from ..jobs.evaluate_job import EvaluateJob
from ..records.evaluation import Evaluation
from .commands import command_of, say_where

LISTED = "\n".join(f"- **{name}**: {summary}" for name, summary in strategy_summaries().items())
STRATEGIES = f"Strategies, settings after a colon as in best-of-n:n=16,temperature=0.7:\n\n{LISTED}"

EXAMPLES = """
rooflink eval

rooflink eval --task sum:n=2-8 --strategies greedy,best-of-n:n=16 --attempts 1,2,4,8,16,32

rooflink eval --task gsm8k:test.jsonl --model smollm2-135m --limit 20 --think-budget 64,128

rooflink eval --task chain:k=12 --budget flops=2e7 --strategies early-stop:every=4

rooflink eval --task countdown:n=3 --strategies best-of-n:n=16,weighted=true --verifier DIR

rooflink eval --attempts-log attempts.jsonl --model llama3-70b --slice v5e-16 --slice h100-2
"""


def _show(result: Evaluation, job: EvaluateJob, console: Console) -> None:
    from ..reports.renderers.console import show
    from ..reports.sections.evaluation_document import evaluation_summary

    show(evaluation_summary(result), console)
    if job.out is not None:
        console.print()
        say_where(console, "Report", job.out / "report.html")


def _write(result: Evaluation, folder: Path) -> None:
    from ..reports.write_studies import write_evaluation

    write_evaluation(result, folder)


eval_command = command_of(
    EvaluateJob,
    _show,
    EXAMPLES,
    write=_write,
    more=STRATEGIES,
)
