"""What a workload costs: lenses, the profile record, findings, reports and the command line.

In a notebook or a script, the verbs of the command line are functions:

    import rooflink.profiling as rp

    rp.profile("reasoner", task="chain:k=8")  # shows itself; has .phases, .roofline() ...
    rp.predict("llama3-8b", "v5e-8", "h100", think=2048)  # on chips that nobody here has
    rp.compile("llama3-8b", "v5e:2x4")  # asks the TPU compiler
    rp.evaluate("reasoner", task="sum:n=8", attempts=[1, 4, 16])  # accuracy, and what it costs
    rp.codesign(rp.load("runs/mine"), "v5p-8")  # what to change of chip and model
    rp.load("runs/mine")  # what was saved before

beside them `train`, `validate`, `calibrate`, `compare` and `explore`, which return their records.

All of them come from `notebook` when they are first asked for, so that importing this package
costs nothing. Some are called like a module of this package (`rp.codesign`): such a module, once
it is imported, is called as its verb.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from inspect import Signature, signature
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .notebook.codesign import codesign
    from .notebook.compilation import compile
    from .notebook.evaluation import evaluate
    from .notebook.prediction import predict
    from .notebook.run import load, profile
    from .notebook.studies import (
        calibrate,
        compare,
        explore,
        train,
        validate,
    )

__all__ = [
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

_MODULES = {
    "codesign": "codesign",
    "compile": "compilation",
    "evaluate": "evaluation",
    "load": "run",
    "predict": "prediction",
    "profile": "run",
}
"""Of `notebook`, by verb; the others are in `studies`."""

RENAMED = {"predict_on": "predict", "codesign_on": "codesign", "compile_for": "compile"}


def __getattr__(name: str) -> Callable[..., object]:
    if name in __all__:
        module = import_module(f".notebook.{_MODULES.get(name, 'studies')}", __name__)
        verb: Callable[..., object] = getattr(module, name)
        return verb
    if name in RENAMED:
        raise AttributeError(f"{name} is called {RENAMED[name]} now, with the command's options")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)


class _VerbModule(ModuleType):
    # A module called like a verb: calling it is calling the verb, whose help it shows.

    def __call__(self, *places: object, **options: object) -> object:
        return _verb(self)(*places, **options)

    @property
    def __signature__(self) -> Signature:
        return signature(_verb(self))

    __doc__ = property(lambda self: _verb(self).__doc__)


def _verb(module: ModuleType) -> Callable[..., object]:
    return __getattr__(module.__name__.rpartition(".")[2])


class _Package(ModuleType):
    """This package: a module of it that is imported does not hide the verb of the same name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in __all__ and isinstance(value, ModuleType):
            value.__class__ = _VerbModule
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
