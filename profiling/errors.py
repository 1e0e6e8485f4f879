"""What long work tells whoever waits for it: what is wrong with the input, how far it is, and that
it was interrupted. Presentation is up to the listener."""

from typing import Protocol

from ..tpu_configs.input_errors import InputError


class ProfileInputError(InputError):
    """A mistake in what the user gave rooflink: an option, a file, a workload."""


class InterruptedRunError(Exception):
    """Ctrl-C or SIGTERM: says in one sentence what was kept, and how to go on."""

    def __init__(self, sentence: str, by: type[KeyboardInterrupt] = KeyboardInterrupt) -> None:
        super().__init__(sentence)
        self.by = by


class Watcher(Protocol):
    """Hears of stages and of the work done in them."""

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None:
        """A stage begins: `total` units of work lie ahead, None where nobody knows."""

    def advance(self, units: int) -> None:
        """So many units of the stage are done."""


class Silent:
    """Hears nothing; the default for use as a library."""

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None: ...

    def advance(self, units: int) -> None: ...
