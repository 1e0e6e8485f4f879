"""The traced generation as TensorBoard scalars: measured/trace/..."""

from collections.abc import Iterator

from ..records import Profile
from .tags import tag


def trace_scalars(profile: Profile) -> Iterator[tuple[str, float, int]]:
    """(tag, value, step) of every scalar."""
    trace = profile.trace
    if trace is None:
        return
    for row in trace.scopes:
        yield f"measured/trace/{tag(row.phase)}/{tag(row.scope)}/self_time_s", row.self_time_s, 0
    if trace.scopes:
        yield "measured/trace/thread_s", trace.thread_s, 0
        yield "measured/trace/attributed_share", trace.attributed_share, 0
    if trace.overhead is not None:
        yield "measured/trace/overhead", trace.overhead, 0
