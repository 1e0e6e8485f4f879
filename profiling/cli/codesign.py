"""`rooflink codesign`: what each change of chip or model is worth, from profiles."""

from pathlib import Path

from rich.console import Console

from ..jobs.codesign_job import CodesignJob
from ..records.codesign import CodesignReport
from .commands import command_of, say_where

EXAMPLES = """
rooflink codesign runs/mine/profile.json

rooflink codesign runs/a runs/b --slice v5e-16 --slice v5p-8 --chip-budget area=800mm2

rooflink codesign runs/a --what-if hbm_bandwidth=2x,kv_dtype=int8 --workload mix.toml

rooflink codesign runs/a --queries 50 --latency 30 --json

A workload file has a table for each kind of query:

[[workload]]

share = 0.6

prompt = 512

think = 2048

answer = 256

attempts = 1
"""


def _show(result: CodesignReport, job: CodesignJob, console: Console) -> None:
    from ..reports.renderers.console import show
    from ..reports.sections.codesign_document import codesign_summary

    show(codesign_summary(result), console)
    if job.out is not None:
        console.print()
        say_where(console, "Report", job.out / "report.html")


def _write(result: CodesignReport, folder: Path) -> None:
    from ..reports.write_studies import write_codesign

    write_codesign(result, folder)


codesign_command = command_of(CodesignJob, _show, EXAMPLES, write=_write)
