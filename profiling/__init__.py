"""What a workload costs: lenses, the profile record, findings, reports and the command line.

In a notebook or a script:

    import rooflink.profiling as rp

    rp.profile("reasoner", task="chain:k=8")  # shows itself; has .phases, .roofline() ...
    rp.predict_on("llama3-8b", "v5e-8", "h100", think=2048)  # on chips that nobody here has
    rp.compile_for("llama3-8b", "v5e:2x4")  # asks the TPU compiler
    rp.evaluate("reasoner", task="sum:n=8", attempts=[1, 4, 16])  # accuracy, and what it costs
    rp.codesign_on(rp.load("runs/mine"), "v5p-8")  # what to change of chip and model
    rp.load("runs/mine")  # what was saved before

All of them come from `notebook` when they are first asked for, so that importing this package
costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .notebook import codesign_on, compile_for, evaluate, load, predict_on, profile

__all__ = ["codesign_on", "compile_for", "evaluate", "load", "predict_on", "profile"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(".notebook", __name__), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
