"""CompareJob: what changed between two profiles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..errors import Watcher
from ..records import Profile
from .job import Job, Option

if TYPE_CHECKING:
    from ..comparison import Comparison


class CompareJob(Job):
    """Say whether a change is worth it: two profiles side by side.

    What decides is a query's predicted cost on the slices of both, and the accuracy. Ratios are
    B / A. A measured time counts as changed only where the repeats of both do not overlap and the
    machine's own drift does not explain it.
    """

    a: Annotated[Path | Profile, Option("A run's folder or its profile.json.", argument="A")]
    b: Annotated[Path | Profile, Option("The one that is set against it.", argument="B")]

    def run(self, watcher: Watcher, command: str = "python") -> "Comparison":
        """Every figure on both sides. Raises ProfileInputError for what is no profile."""
        from ..comparison import compare
        from ..records.files import load_profile

        a, b = (load_profile(each) if isinstance(each, Path) else each for each in (self.a, self.b))
        return compare(a, b)
