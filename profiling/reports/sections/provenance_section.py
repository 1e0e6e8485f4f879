"""Where a record comes from: enough to run it again."""

from ...records.profile import Provenance
from .. import units
from ..document import Facts


def provenance_facts(source: Provenance, *more: tuple[str, str]) -> Facts:
    """Its names and values, and `more` of the record's own."""
    return Facts(
        "Provenance",
        [
            ("created", source.created),
            ("command", source.command),
            ("backend", machine_text(source)),
            ("seed", str(source.seed)),
            ("commit", source.git_commit or "not a checkout"),
            ("versions", ", ".join(f"{k} {v}" for k, v in source.versions.items())),
            *more,
        ],
    )


def machine_text(source: Provenance) -> str:
    """'cpu (AMD EPYC, 2 cores)', or that nothing was run."""
    if source.backend == "none":
        return "not run"
    return f"{source.backend} ({source.device}, {units.plural(source.cores, 'core')})"
