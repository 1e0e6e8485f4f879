"""What people type in a notebook: functions that return records which show themselves."""

from .codesign import Codesigned, codesign
from .compilation import Compilation, compile
from .evaluation import Evaluated, evaluate
from .prediction import Predicted, predict
from .run import Run, load, profile

__all__ = [
    "Codesigned",
    "Compilation",
    "Evaluated",
    "Predicted",
    "Run",
    "codesign",
    "compile",
    "evaluate",
    "load",
    "predict",
    "profile",
]
