"""`rooflink compare`: what changed between two profiles."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..compare import compare
from ..records.files import load_profile
from ..reports.renderers.console import show
from ..reports.sections.comparison import comparison_document

EXAMPLES = """
Ratios are B / A. A time counts as changed only where the repeats of both do not overlap.

Examples:

    rooflink compare runs/monday runs/tuesday

    rooflink compare runs/monday/profile.json runs/tuesday --json
"""


def compare_command(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run's folder or its profile.json.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The one that is set against it.")],
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    found = compare(load_profile(a), load_profile(b))
    if json:
        print(found.model_dump_json(indent=1))
    else:
        show(comparison_document(found), Console())


compare_command.__doc__ = f"Show what changed between two profiles.\n{EXAMPLES}"
