"""The compiled lens as TensorBoard scalars: compiled/<target>/<phase>/..."""

from collections import Counter
from collections.abc import Iterator

from ..records import CompiledPhase, Profile
from ..records.lenses import TOTAL
from .compiled_facts import UNEXPLAINED, moved_by_kind, target_labels
from .tags import tag


def compiled_scalars(profile: Profile) -> Iterator[tuple[str, float, int]]:
    """(tag, value, step) of every scalar; bytes are of one device and one call."""
    labels = target_labels(profile.compiled)
    for label, target in zip(labels, profile.compiled, strict=True):
        for phase in target.phases:
            under = f"compiled/{tag(label)}/{tag(phase.phase)}"
            for name, value in _figures(phase):
                yield f"{under}/{name}", value, 0


def _figures(phase: CompiledPhase) -> Iterator[tuple[str, float]]:
    for kind, size in moved_by_kind(phase).items():
        yield f"hbm_bytes/{tag(kind)}", size
    yield f"hbm_bytes/{TOTAL}", phase.hbm_bytes
    yield "ratio", phase.ratio
    named: Counter[str] = Counter()
    for excess in phase.excesses:
        named[tag(excess.name)] += excess.excess_bytes
    named[UNEXPLAINED] += phase.unexplained_bytes
    for name, size in named.items():
        yield f"excess/{name}", size
    yield "peak_bytes", phase.memory.peak_bytes
    yield "kernels", phase.kernels
    yield "unresolved_loops", len(phase.unresolved_loops)
