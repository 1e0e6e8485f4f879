"""Training of small reasoners on this machine: data, loss, optimiser, checkpoints, recipes."""

from .recipes import REASONER, Recipe, load_recipe
from .supervised import CurvePoint, Trained, TrainingWatcher, train_supervised

__all__ = [
    "REASONER",
    "CurvePoint",
    "Recipe",
    "Trained",
    "TrainingWatcher",
    "load_recipe",
    "train_supervised",
]
