"""Watcher: what a long job tells whoever waits for it. Presentation is up to the listener."""

from typing import Protocol


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
