"""The embedded reasoner: a small model trained by this project, inside the package. It answers
problems put in its notation (`tasks/notation.py`).

`training/model_folder.py` writes its folder, in Hugging Face's format.
"""

from importlib.resources import files
from pathlib import Path

NAME = "reasoner"
FOLDER = Path(str(files(__package__))) / NAME
