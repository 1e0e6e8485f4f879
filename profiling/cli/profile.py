"""`rooflink profile`: the main job."""

from pathlib import Path

from rich.console import Console

from ..jobs.profile_job import ProfileJob
from ..records import Profile
from .commands import command_of, say_where

EXAMPLES = """
rooflink profile

rooflink profile --task sum:n=8 --attempts 16 --temperature 1

rooflink profile --task sum:n=8 --strategy self-consistency:n=16

rooflink profile --model smollm2-135m --prompts "Why is the sky blue?" --attempts 1

rooflink profile --model smollm2-135m --task gsm8k:test.jsonl --limit 8 --batch 4

rooflink profile --model llama3-8b --weights none --attempts 16 --think-budget 2048

rooflink profile --model llama3-8b --weights none --slice v5e-8 --slice h100

rooflink profile --model smollm2-135m --limit 4 --trace

rooflink profile --model ./my_model.gguf --chip v5e --chip my_chip.toml --json
"""


def _show(result: Profile, job: ProfileJob, console: Console) -> None:
    from ..reports.renderers.console import show
    from ..reports.sections.profile_document import profile_summary

    show(profile_summary(result), console)
    if job.out is not None:
        say_where(console, "Report", job.out / "report.html")


def _write(result: Profile, folder: Path) -> None:
    from ..reports.write import write_run

    write_run(result, folder)


profile_command = command_of(ProfileJob, _show, EXAMPLES, write=_write)
