"""Older versions of the records' files, step by step brought to the present one.

A step takes the JSON of one version and makes that of the next. To change a record, raise the
number in its `schema_version` and add the step from the old number to STEPS; what is left as it
was needs no mention. Derived figures (see `Record`) need none either: they are derived on reading.
"""

from collections.abc import Callable
from typing import Any

from ..errors import ProfileInputError

Document = dict[str, Any]
Step = Callable[[Document], Document]


def profile_from_1(profile: Document) -> Document:
    """Version 2 has the rates that a measured phase reached, and findings with what they save.

    A finding of version 1 had a share of one phase's bytes, steps or slots, which is not what it
    would save: its sentence is kept as a note.
    """
    return profile | {
        "phases": _every(profile["phases"], _phase_from_1),
        "findings": _every(profile["findings"], _note_from_1),
    }


def _phase_from_1(phase: Document) -> Document:
    measured, counted = phase["measured"], phase["counted"]
    if measured is None:
        return phase
    seconds = max(measured["time_s"]["median"], 1e-9)
    rates = {
        "flops_per_s": counted["flops"] / seconds,
        "bytes_per_s": sum(counted["hbm_bytes"].values()) / seconds,
    }
    return phase | {"measured": measured | rates}


def _note_from_1(finding: Document) -> Document:
    kept = {"evidence": finding["evidence"], "phase": finding["phase"]}
    return kept | {"kind": "note", "what": finding["sentence"]}


def evaluation_from_1(evaluation: Document) -> Document:
    """Version 2 differs by derived figures of its cells."""
    cells = {"schema_version": "rooflink.cell/2"}
    return evaluation | {"cells": _every(evaluation["cells"], lambda cell: cell | cells)}


def evaluation_from_2(evaluation: Document) -> Document:
    """Version 3 differs by its cells."""
    return evaluation | {"cells": _every(evaluation["cells"], cell_from_2)}


def cell_from_2(cell: Document) -> Document:
    """Version 3 has the time of warm batches. That of version 2 held tracing and lowering, up to
    fourteen times the rest: it is dropped."""
    kept = {name: value for name, value in cell.items() if name not in ("wall_s", "compile_s")}
    return kept | {"schema_version": "rooflink.cell/3"}


def validation_from_1(validation: Document) -> Document:
    """Version 2 has rows held out with their chip and their stack too, and tests of agreement."""
    none = ("system_held_out", "stack_held_out", "unseen", "output_tokens")
    added = ("agreement", "comparisons", "not_shipped", "not_shipped_sources")
    rows = _every(validation["rows"], lambda row: row | dict.fromkeys(none))
    return validation | {name: [] for name in added} | {"rows": rows}


def validation_from_2(validation: Document) -> Document:
    """Version 3 has in a field what the note of a row said."""

    def with_field(row: Document) -> Document:
        return row | {"overfull": "concurrency above what the slice holds" in row["note"]}

    return validation | {"rows": _every(validation["rows"], with_field)}


def codesign_from_2(report: Document) -> Document:
    """Version 3 has all recommendations at each case's batch, with what they act on and the time
    that they save, knows toys, leaves claims of the field to a notebook, and its searches are of
    chips of whole stacks, with all their caps and what they ended against."""
    kept = {name: value for name, value in report.items() if name != "seeds"}
    return kept | {
        "operating_point": "as run, hardware changes at the largest that fits",
        "chip_stated": False,
        "profiles": _every(report["profiles"], lambda read: read | {"toy": None}),
        "cases": _every(report["cases"], _case_from_2),
        "hardware_asks": _every(report["hardware_asks"], _ask_from_2),
        "model_asks": _every(report["model_asks"], _ask_from_2),
        "searches": _every(report["searches"], _search_from_2),
    }


def _case_from_2(case: Document) -> Document:
    return case | {"asks": _every(case["asks"], _ask_from_2)}


def _ask_from_2(ask: Document) -> Document:
    return ask | {"acts_on": None, "time_saving": None}


def _search_from_2(search: Document) -> Document:
    kept = {name: value for name, value in search.items() if name != "swept_best"}
    unknown = {"memory": "", "dies": 0}
    chips = {name: search[name] | unknown for name in ("reference", "best")}
    caps = {search["budget_kind"]: search["budget"]}
    return kept | chips | {"caps": caps, "ended_against": []}


def _same(document: Document) -> Document:
    """The next version differs by derived figures, and by fields with a default."""
    return document


STEPS: dict[str, dict[int, Step]] = {
    "profile": {1: profile_from_1, 2: _same, 3: _same},
    "evaluation": {1: evaluation_from_1, 2: evaluation_from_2},
    "cell": {1: _same, 2: cell_from_2},
    "codesign": {1: _same, 2: codesign_from_2},
    "training": {1: _same},
    "validation": {1: validation_from_1, 2: validation_from_2},
    "levers": {},
}
"""By record and by the version that a step starts from."""


def migrated(name: str, document: object, version: str) -> object:
    """`document`, the JSON of a record `name`, in its present `version`, 'rooflink.profile/4'.

    What an older file lacks or has wrong is left for the record's own check to name. Raises
    ProfileInputError, without the file's name, for what is no such record or a newer version.
    """
    written = document.get("schema_version") if isinstance(document, dict) else None
    number, newest = _number(written, name), _number(version, name)
    if not isinstance(document, dict) or number < 1:
        raise ProfileInputError(
            f"has schema {written!r}, this rooflink reads {version!r} and what came before it"
        )
    if number > newest:
        raise ProfileInputError(
            f"has schema {written!r}, and this rooflink reads up to {version!r}: update rooflink"
        )
    for start in range(number, newest):
        document = _stepped(STEPS[name][start], document)
    return document | {"schema_version": version}


def _every(rows: Any, step: Step) -> Any:
    return [_stepped(step, row) for row in rows] if isinstance(rows, list) else rows


def _stepped(step: Step, document: Document) -> Document:
    """One step; what is not as the step needs it stays, for the record's own check to name."""
    try:
        return step(document)
    except (KeyError, TypeError, AttributeError):
        return document


def _number(version: object, name: str) -> int:
    """3 for 'rooflink.NAME/3'; 0 for what is no version of it."""
    start = f"rooflink.{name}/"
    digits = version.removeprefix(start) if isinstance(version, str) else ""
    return int(digits) if digits.isascii() and digits.isdecimal() else 0
