"""Ctrl-C and SIGTERM while work is held: when they end it, and that none is lost."""

# ruff: noqa: PT012, SIM105 - what stands behind the signal is what is tested

import os
import signal
from collections.abc import Iterator

import pytest

from rooflink.profiling.errors import (
    Terminated,
    exit_code,
    heed_sigterm,
    held,
    interruptible,
)


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    heed_sigterm()
    yield
    signal.signal(signal.SIGTERM, before)


def send(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "error", "code"),
    [(signal.SIGINT, KeyboardInterrupt, 130), (signal.SIGTERM, Terminated, 143)],
)
def test_a_signal_waits_until_the_end(
    number: int, error: type[KeyboardInterrupt], code: int
) -> None:
    done = []
    with pytest.raises(error), held():
        send(number)
        done.append("kept")
    assert done == ["kept"]
    assert exit_code(error) == code


def test_what_is_interruptible_ends_at_once_and_once() -> None:
    done = []
    with held():
        with pytest.raises(KeyboardInterrupt), interruptible():
            send()
            done.append("not reached")
        send()
        done.append("kept")
        with pytest.raises(KeyboardInterrupt), interruptible():
            done.append("not reached")
    assert done == ["kept"]


def test_held_inside_interruptible_leaves_its_signal_to_the_outer_one() -> None:
    """As a profile inside a job: the result is there before the signal is raised."""
    done = []
    with held(), pytest.raises(KeyboardInterrupt), interruptible():
        with held():
            send()
            done.append("kept")
        done.append("after")
    assert done == ["kept", "after"]


def test_one_that_a_callback_swallows_is_raised_at_the_end() -> None:
    with held(), pytest.raises(KeyboardInterrupt), interruptible():
        try:
            send()
        except KeyboardInterrupt:
            pass


def test_handlers_are_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with held(), interruptible():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


class Freed:
    def __del__(self) -> None:
        send()


def test_what_frees_memory_finishes_first() -> None:
    """An exception in `__del__` is printed and dropped: the signal would end nothing."""
    done = []

    def work() -> None:
        Freed()  # freed at once
        done.append("freed")

    with held(), pytest.raises(KeyboardInterrupt), interruptible():
        work()
        done.append("not reached")
    assert done in ([], ["freed"])
