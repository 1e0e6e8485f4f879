"""What people type in a notebook: functions that return records which show themselves."""

from .codesign import Codesigned, codesign
from .compilation import Compilation, compile
from .evaluation import Evaluated, evaluate
from .prediction import Predicted, predict
from .run import Run, load, profile
from .studies import calibrate, compare, explore, train, validate

__all__ = [
    "Codesigned",
    "Compilation",
    "Evaluated",
    "Predicted",
    "Run",
    "calibrate",
    "codesign",
    "compare",
    "compile",
    "evaluate",
    "explore",
    "load",
    "predict",
    "profile",
    "train",
    "validate",
]
