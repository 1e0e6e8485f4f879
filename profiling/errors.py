"""What long work tells whoever waits for it, and what ends it: wrong input, Ctrl-C and SIGTERM.

While there is work that must not be lost, signals wait: inside `held` both do; inside
`interruptible` they end what runs, with KeyboardInterrupt as everywhere else. The two may stand
inside each other. Elsewhere than in the main thread, where no signal arrives, neither does
anything.
"""

import atexit
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import current_thread, main_thread
from types import FrameType
from typing import Protocol, TextIO

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

    def advance(self, units: int, note: str = "") -> None:
        """So many units of the stage are done; `note`, a few words, says how it goes."""


class Silent:
    """Hears nothing; the default for use as a library."""

    def stage(self, what: str, total: int | None = None, unit: str = "") -> None: ...

    def advance(self, units: int, note: str = "") -> None: ...


SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends work as Ctrl-C does."""


@dataclass
class _State:
    handlers: dict[int, object] = field(default_factory=dict)  # those that `held` stands in for
    ends: bool = True  # whether a signal ends what runs
    waiting: int | None = None
    raised: int | None = None  # for which an exception is under way
    kept_from: type[KeyboardInterrupt] | None = None


_state = _State()


def heed_sigterm() -> None:
    """From now on SIGTERM raises `Terminated`, unless this process ignores it."""
    _state.kept_from = None
    if current_thread() is main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated


def exit_code(error: type[KeyboardInterrupt]) -> int:
    """As a shell has it: 128 and the signal's number, 130 for Ctrl-C and 143 for SIGTERM."""
    return 128 + (signal.SIGTERM if issubclass(error, Terminated) else signal.SIGINT)


def acknowledge(error: KeyboardInterrupt) -> None:
    """Work was cut short by `error` and goes on to keep what there is."""
    _state.kept_from = type(error)


def acknowledged() -> type[KeyboardInterrupt] | None:
    """What cut the work short whose result was kept; None where nothing did."""
    return _state.kept_from


def settled() -> None:
    """The signal that was raised has done what it is for, as Ctrl-C has that ends a server."""
    _state.raised = None


def heed_no_more_at_exit() -> None:
    """Once Python ends itself, signals change nothing any more: it hands them back to the system
    before it is gone, and a run that is whole would end as one that was killed."""
    atexit.unregister(_heed_no_more)
    atexit.register(_heed_no_more)  # the last one to be registered is the first to be called


def _heed_no_more() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def held() -> Iterator[None]:
    """Signals wait for the next `interruptible`, or for the end where this is the outermost."""
    if current_thread() is not main_thread():
        yield
        return
    outermost, before = not _state.handlers, _state.ends
    if outermost:
        own = {number: signal.getsignal(number) for number in SIGNALS}
        _state.handlers = {number: old for number, old in own.items() if callable(old)}
    _state.ends = False
    try:
        for number in _state.handlers if outermost else ():
            signal.signal(number, _arrived)
        yield
    finally:
        _state.ends = before
        if outermost:
            handlers, _state.handlers = _state.handlers, {}
            for number, old in handlers.items():
                signal.signal(number, old)  # type: ignore[arg-type]
    if outermost:
        _deliver()


@contextmanager
def interruptible() -> Iterator[None]:
    """A stretch inside `held` that signals end, those that waited at once."""
    before, _state.ends = _state.ends, True
    try:
        _deliver()
        yield
        _state.waiting = _state.raised or _state.waiting  # caught below, as callbacks from C do
        _deliver()
    finally:
        _state.ends, _state.raised = before, None


def _arrived(number: int, frame: FrameType | None) -> None:
    _state.waiting = number
    if _must_finish(frame):
        sys.setprofile(_after_it)
    elif _state.ends:
        _deliver()


def _after_it(frame: FrameType, event: str, argument: object) -> None:
    """The next function that returns outside of what must finish ends what runs."""
    if event == "return" and not _must_finish(frame):
        sys.setprofile(None)
        if _state.ends:
            _deliver()


_FROM_THE_COLLECTOR = {"__del__", "_xla_gc_callback"}
"""Functions that Python calls when it frees memory, JAX's hook in it too: what they raise is
printed and dropped, and the work would go on."""


def _must_finish(frame: FrameType | None) -> bool:
    """Whether a module is being imported (modules in C break, some with a crash, if they are
    stopped there), or memory is being freed."""
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith("<frozen importlib") or code.co_name in _FROM_THE_COLLECTOR:
            return True
        frame = frame.f_back
    return False


def _deliver() -> None:
    number, _state.waiting = _state.waiting, None
    if number is not None:
        _state.ends, _state.raised = False, number  # once: then comes the care for what there is
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def silence(stream: TextIO) -> None:
    """What is left to write, Python's own flush at the end included, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
