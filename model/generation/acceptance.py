"""How many drafts were kept, by their place in a round: counts, of which two rates follow.

The marginal rate of a place, `kept` over `checks`, is the share of all checks that say a token
after the draft there; a check then says 1 plus the sum of marginal rates, which is what engines
log. The conditional rate, `kept` over `judged`, is the share of those drafts before which all were
kept. Mixing the two up errs by tens of percent.
"""

from dataclasses import dataclass

import numpy as np

Counts = np.ndarray  # int64


@dataclass(frozen=True)
class Acceptance:
    """Counts over the rows of all checks; [n] by a draft's place. They add up.

    The last token that a row says in a check counts as the model's own, also where a thought ends
    in a draft: such a draft is neither kept nor judged.
    """

    checks: int  # passes over a row's drafts, those of a row that had none included
    proposed: Counts  # [n]
    judged: Counts  # [n] of these, those before which all were kept
    kept: Counts  # [n] of these, those after which the row said more

    @staticmethod
    def of(n: int, proposed: Counts, taken: Counts, kept: Counts) -> "Acceptance":
        """Of rounds [N, B, A] of up to `n` drafts: drafts that a row had, tokens that it said (0
        for an idle row), and drafts that the rule kept."""
        at_work = taken > 0
        place = np.arange(1, n + 1)[:, None, None, None]
        followed = taken > place
        refused = (taken == place) & (proposed >= place) & (kept < place)
        counts = (at_work & (proposed >= place), followed | refused, followed)
        return Acceptance(int(at_work.sum()), *(c.sum(axis=(1, 2, 3)) for c in counts))

    def __add__(self, other: "Acceptance") -> "Acceptance":
        return Acceptance(
            self.checks + other.checks,
            self.proposed + other.proposed,
            self.judged + other.judged,
            self.kept + other.kept,
        )

    @property
    def tokens(self) -> int:
        """Said in all checks."""
        return self.checks + int(self.kept.sum())
