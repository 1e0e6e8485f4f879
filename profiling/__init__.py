"""What a workload costs: lenses, the profile record, findings, reports and the command line.

In a notebook or a script, the verbs of the command line are functions:

    import rooflink.profiling as rp

    rp.profile("reasoner", task="chain:k=8")  # shows itself; has .phases, .roofline() ...
    rp.predict("llama3-8b", "v5e-8", "h100", think=2048)  # on chips that nobody here has
    rp.compile("llama3-8b", "v5e:2x4")  # asks the TPU compiler
    rp.evaluate("reasoner", task="sum:n=8", attempts=[1, 4, 16])  # accuracy, and what it costs
    rp.codesign(rp.load("runs/mine"), "v5p:2x2x2")  # what to change of chip and model
    rp.load("runs/mine")  # what was saved before

beside them `train`, `validate`, `calibrate`, `compare`, `explore`, `levers` and `quantize`, which
return what they made.

All of them come from `notebook` when they are first used, so that importing this package costs
nothing.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .notebook.codesign_view import codesign
    from .notebook.compilation_view import compile
    from .notebook.evaluation_view import evaluate
    from .notebook.prediction_view import predict
    from .notebook.run_view import load, profile
    from .notebook.studies import calibrate, compare, explore, levers, quantize, train, validate

__all__ = [
    "calibrate",
    "codesign",
    "compare",
    "compile",
    "evaluate",
    "explore",
    "levers",
    "load",
    "predict",
    "profile",
    "quantize",
    "train",
    "validate",
]

_MODULES = {
    "codesign": "codesign_view",
    "compile": "compilation_view",
    "evaluate": "evaluation_view",
    "load": "run_view",
    "predict": "prediction_view",
    "profile": "run_view",
}
"""Of `notebook`, by verb; the others are in `studies`."""

RENAMED = {"predict_on": "predict", "codesign_on": "codesign", "compile_for": "compile"}


def version() -> str:
    """The installed distribution's, 'unknown' where a checkout is on the path alone."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("rooflink")
    except PackageNotFoundError:
        return "unknown (from a checkout)"


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
