"""`rooflink compile`: what XLA makes of a model's phases."""

from pathlib import Path

from rich.console import Console

from ..jobs.compile_job import Compilations, CompileJob
from .commands import command_of, say_where

EXAMPLES = """
rooflink compile --model llama3-8b --slice v5e:2x4 --batch 16 --context 4096

rooflink compile --model llama3-70b --slice v5p:4x4x4 --mesh data=4,tensor=16 --batch 64

rooflink compile --model smollm2-135m --slice cpu --phases think,step --dtype float32

rooflink compile --model qwen3-8b --slice v6e-8 --xprof traces --out runs/qwen3 --json
"""


def _show(result: Compilations, job: CompileJob, console: Console) -> None:
    from ..compiled.xprof import BY_PHASE
    from ..reports.renderers.console import show
    from ..reports.sections.compiled_document import compiled_document

    for target in result.targets:
        show(compiled_document(target), console)
    if job.out is not None:
        say_where(console, "Report", job.out / "report.html")
    for session in result.xprof:
        say_where(console, "XProf session (predicted)", session)
        rows = session.parent.with_name(session.parent.name + BY_PHASE)
        say_where(console, "One row per phase: xprof get_roofline_model", rows)


def _write(result: Compilations, folder: Path) -> None:
    from ..reports.write import write_run

    write_run(result.profile, folder)


compile_command = command_of(
    CompileJob,
    _show,
    EXAMPLES,
    as_json=lambda result: str(result.profile.model_dump_json(indent=1)),
    write=_write,
)
