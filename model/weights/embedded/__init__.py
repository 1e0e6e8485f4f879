"""The embedded reasoner: a small model trained by this project, inside the package.

Its folder is written by `training/export.py` and read like any other Hugging Face folder.
"""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from ..huggingface import open_hf_folder
from ..layout import WeightSource

NAME = "reasoner"


def open_reasoner() -> WeightSource:
    """The embedded reasoner; it answers problems put in its notation (`tasks/task.py`)."""
    source = open_hf_folder(Path(str(files(__package__))) / NAME)
    return replace(
        source, description=f"rooflink's embedded reasoner, {source.config.parameters} parameters"
    )
