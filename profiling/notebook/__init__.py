"""What people type in a notebook: functions that return records which show themselves."""

from .compilation import Compilation, compile_for
from .prediction import Predicted, predict_on
from .run import Run, load, profile

__all__ = ["Compilation", "Predicted", "Run", "compile_for", "load", "predict_on", "profile"]
