"""Finished cells on disk: each written whole under a name that its settings decide."""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from pydantic import ValidationError

from ..record.evaluation import CELL_SCHEMA, Cell
from ..store import write_text
from .grid import Grid, Place

FOLDER = "cells"


def identity(grid: Grid, place: Place, weights: str, slices: list[str]) -> dict[str, object]:
    """Everything that decides a cell's figures."""
    verifier = {} if grid.verifier is None else {"verifier": grid.verifier.digest}
    problems = [(each.question, each.expected, each.notation) for each in grid.problems]
    return {
        "schema": CELL_SCHEMA,
        "weights": weights,
        "dtype": grid.subject.dtype,
        "problems": blake2b(repr(problems).encode(), digest_size=8).hexdigest(),
        "strategy": place.strategy,
        "budget": place.budget,
        "answer_budget": grid.answer_budget,
        "attempts": list(grid.ks),
        "batch": grid.batch,
        "widest": grid.widest,
        "longest_thought": grid.longest_thought,
        "limit": grid.limit.name if grid.limit else None,
        "slices": slices,
        "terms": repr(grid.terms),
        "seed": grid.seed,
        **verifier,
    }


def path_of(folder: Path, place: Place, settings: Mapping[str, object]) -> Path:
    """Where the cell with these settings lies."""
    digest = blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()
    words = re.sub(r"[^a-z0-9.]+", "-", f"{place.strategy} {place.budget or ''}".lower()).strip("-")
    return folder / FOLDER / f"{words[:60]}-{digest}.json"


def load_cell(path: Path) -> Cell | None:
    """The finished cell at `path`; None where there is none that can be read: it is run again."""
    try:
        return Cell.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None


def save_cell(path: Path, cell: Cell) -> None:
    """Write the cell whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, cell.model_dump_json() + "\n")
