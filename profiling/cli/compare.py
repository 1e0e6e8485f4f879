"""`rooflink compare`: what changed between two profiles."""

from rich.console import Console

from ..comparison import Comparison
from ..jobs.compare_job import CompareJob
from .commands import command_of

EXAMPLES = """
rooflink compare runs/monday runs/tuesday

rooflink compare runs/monday/profile.json runs/tuesday --json
"""


def _show(result: Comparison, job: CompareJob, console: Console) -> None:
    from ..reports.renderers.console import show
    from ..reports.sections.comparison_document import comparison_document

    show(comparison_document(result), console)


compare_command = command_of(CompareJob, _show, EXAMPLES)
