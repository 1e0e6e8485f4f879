"""Events of one line inside each other, and the time that each has to itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Kind = TypeVar("Kind")


@dataclass(eq=False)
class Span(Generic[Kind]):
    """A stretch of a line; `inside_ps` is what the spans directly inside it take."""

    start_ps: int
    end_ps: int
    kind: Kind
    outer: "Span[Kind] | None" = field(default=None, repr=False)
    inside_ps: int = 0

    @property
    def self_ps(self) -> int:
        """Its length less that of what is inside."""
        return self.end_ps - self.start_ps - self.inside_ps


def nested(spans: Iterable[Span[Kind]]) -> list[Span[Kind]]:
    """The spans with `outer` and `inside_ps` set, in the order in which they begin.

    Of two that begin together the longer holds the other, and of two as long as each other the
    one that came first. One that outlasts the span it begins in counts there only up to its end.
    """
    ordered = sorted(spans, key=lambda span: (span.start_ps, -span.end_ps))
    open_: list[Span[Kind]] = []
    for span in ordered:
        while open_ and open_[-1].end_ps <= span.start_ps:
            open_.pop()
        if open_:
            span.outer = open_[-1]
            span.outer.inside_ps += min(span.end_ps, span.outer.end_ps) - span.start_ps
        open_.append(span)
    return ordered


def outwards(span: Span[Kind] | None) -> Iterator[Span[Kind]]:
    """The span, what it is in, and so on."""
    while span is not None:
        yield span
        span = span.outer
