"""How far a training has come: kept in its checkpoint's notes, so that a killed one goes on."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ModelInputError
from .checkpoint import Tree, load_checkpoint, read_notes, save_checkpoint

CHECKPOINT = "checkpoint.safetensors"
CURVE = "curve.json"

Figures = dict[str, float]
"""One point of a learning curve, its `step` among them."""


@dataclass
class Progress:
    """Steps done, the curve so far, and the seconds spent in all."""

    step: int = 0
    curve: list[Figures] = field(default_factory=list)
    spent_s: float = 0.0

    def save(self, path: Path, tree: object, fingerprint: str) -> None:
        """Write a checkpoint of `tree` that says which recipe it is of and how far it is."""
        notes = {
            "recipe": fingerprint,
            "step": str(self.step),
            "curve": json.dumps(self.curve),
            "spent_s": str(self.spent_s),
        }
        save_checkpoint(path, tree, notes)


def restore(path: Path, like: Tree, fingerprint: str, name: str) -> tuple[Tree, Progress]:
    """What the checkpoint at `path` holds, in a tree of the structure of `like`.

    Raises ModelInputError where it is damaged, or of another recipe than the one called `name`.
    """
    notes = read_notes(path)
    if notes.get("recipe") != fingerprint:
        raise ModelInputError(
            f"{path} is of another recipe than '{name}' as it now reads: choose another "
            "folder, or delete it to start again"
        )
    progress = Progress(int(notes["step"]), json.loads(notes["curve"]), float(notes["spent_s"]))
    return load_checkpoint(path, like), progress
