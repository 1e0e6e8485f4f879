"""rooflink: what a reasoning model's thinking costs a chip, phase by phase.

The verbs of the command line are functions here, by the same names and with the same options:

    import rooflink

    rooflink.profile("reasoner", task="chain:k=8")
    rooflink.predict("llama3-8b", "v5e-8", "h100", think=2048)

`eval` is also `evaluate`. This file is installed as rooflink/__init__.py, above the packages model,
profiling and tpu_configs; the verbs themselves are in `rooflink.profiling.notebook`, and are
imported when they are first used.
"""

from typing import TYPE_CHECKING

from rooflink import profiling

if TYPE_CHECKING:
    from rooflink.profiling import (
        calibrate,
        codesign,
        compare,
        compile,
        evaluate,
        explore,
        levers,
        load,
        predict,
        profile,
        quantize,
        train,
        validate,
    )

    eval = evaluate

__all__ = [*profiling.__all__, "eval"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return profiling.version()
    if name in __all__:
        return getattr(profiling, "evaluate" if name == "eval" else name)
    raise AttributeError(f"module 'rooflink' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
