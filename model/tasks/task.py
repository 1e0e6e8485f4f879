"""Tasks and problems: a question with an exact checker, and families of them in disjoint splits;
and the notation in which the embedded reasoner reads them."""

import hashlib
import re
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np

from ..config import ModelInputError
from ..tokenizer import THINK_MARKER, Tokenizer
from .answer_values import same_unit, same_value, value_of
from .answers import ANSWER_RULE, answer_part, final_answer, same_answer


@dataclass(frozen=True)
class Problem:
    """A question in words; `expected` is None for a prompt that has no checkable answer.

    `level` is its difficulty in the task's own unit (operations, numbers, steps). `notation` is
    the same problem in the embedded reasoner's notation (below), a whole prompt for it;
    None where the notation has no words for the problem.
    """

    question: str
    expected: str | None = None
    level: int | None = None
    notation: str | None = None

    rule: ClassVar[str] = ANSWER_RULE
    """How its answers are read and judged, for reports."""

    def extract(self, answer: str, after_cue: bool = False) -> str | None:
        """What `answer` says, spelled one way so that equal answers are equal texts in a vote; one
        `after_cue` goes on from the words 'The answer is'."""
        found = final_answer(answer, after_cue)
        return None if found is None else found.answer

    def check(self, answer: str, after_cue: bool = False) -> bool | None:
        """Whether `answer` gives the expected number, or the text where that is none; None where
        nothing is expected."""
        if self.expected is None:
            return None
        found, expected = final_answer(answer, after_cue), value_of(self.expected)
        if found is not None and same_answer(found.answer, self.expected):
            words = re.match(r"\S+(?:\s+[A-Za-z]+)?", answer[found.start :])  # it and its unit
            return not expected.unit or words is None or same_unit(value_of(words[0]), expected)
        in_words = expected.number is None and any(map(str.isalpha, self.expected))
        return in_words and same_value(value_of(answer_part(answer, after_cue)), expected)


Split = Literal["train", "test"]

TEST_SHARE = 10
"""One generated problem in this many belongs to the test split."""

DEFAULT_LIMIT = 200
"""Problems of a generated task where no limit is given."""


MOST_PROBLEMS = 100_000
"""Problems that are drawn at once."""


class Task(Protocol):
    """Problems with exact checkers. No problem is in both splits."""

    @property
    def name(self) -> str:
        """What `parse_task` reads back as this task."""

    @property
    def guess_rate(self) -> float:
        """How often a random guess is right: the baseline of every pass@k."""

    def problems(self, split: Split, limit: int | None = None, seed: int = 0) -> list[Problem]:
        """`limit` different problems of `split`, the same for the same seed. Raises ModelInputError
        where the split has too few."""


@dataclass(frozen=True)
class Trace:
    """A worked thought in the reasoner's notation, word by word, without its end marker.

    `untaught` are places in `thought` that training must never supervise, and `untaught_answers`
    the lengths at which cutting the thought would make the answer state an untaught fact.
    """

    thought: tuple[str, ...]
    answer: tuple[str, ...]
    untaught: frozenset[int] = frozenset()
    untaught_answers: frozenset[int] = frozenset()


class GeneratedTask(Task, Protocol):
    """A task whose problems are drawn, as many as wanted, and whose solution is known."""

    def drawn(self, rng: np.random.Generator) -> tuple[str, Problem]:
        """A random problem of either split, and what names it whoever draws it and when."""

    def trace(self, problem: Problem, rng: np.random.Generator) -> Trace:
        """A correct thought for `problem`; `rng` chooses where several would do."""

    def draw(self, split: Split, rng: np.random.Generator) -> Problem:
        """One random problem of `split`."""
        while True:
            identity, problem = self.drawn(rng)
            if split_of(identity) == split:
                return problem

    def problems(self, split: Split, limit: int | None = None, seed: int = 0) -> list[Problem]:
        """Different problems in the order drawn; a smaller limit is a prefix."""
        wanted = DEFAULT_LIMIT if limit is None else limit
        if not 1 <= wanted <= MOST_PROBLEMS:
            raise ModelInputError(
                f"{self.name} gives 1 to {MOST_PROBLEMS} problems, not {wanted}: ask for so many"
            )
        rng = np.random.default_rng([seed, ("train", "test").index(split)])
        distinct: dict[Problem, None] = {}
        idle = 0  # draws since the last new one: after so many there is hardly another
        while len(distinct) < wanted and idle < 20 * len(distinct) + 1000:
            before = len(distinct)
            distinct[self.draw(split, rng)] = None
            idle = 0 if len(distinct) > before else idle + 1
        if len(distinct) < wanted:
            raise ModelInputError(
                f"{self.name} has only {len(distinct)} {split} problems to give, not {wanted}: "
                "ask for fewer problems or take a harder level"
            )
        return list(distinct)


def levels_in(name: str, low: int, high: int) -> str:
    """'chain:k=8' or 'chain:k=2-12' of the name 'chain:k'."""
    return f"{name}={'-'.join(map(str, sorted({low, high})))}"


def split_of(identity: str) -> Split:
    """The split of the problem that `identity` names: by its hash, whoever draws it and when."""
    return "test" if stable_hash(identity) % TEST_SHARE == 0 else "train"


def stable_hash(text: str) -> int:
    """A 64-bit hash that is the same on every machine and run (Python's own is not)."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


# The embedded reasoner's notation: every word that it reads or says, blanks between them. A problem
# is a task's name, its parts padded to a fixed length, and `THINK`. The padding makes the operand
# of a thinking step stand at a constant distance from the step, without which small transformers
# do not learn to find it.

PAD = "_"
THINK = "<think>"
END_OF_THOUGHT = THINK_MARKER
END = "<|endoftext|>"
UNKNOWN = "<unk>"

LARGEST_NUMBER = 99
CHAIN, SUM, COUNTDOWN = "chain", "sum", "countdown"
CHAIN_OPERATIONS = (
    *(f"+{n}" for n in range(1, 17)),
    *(f"-{n}" for n in range(1, 17)),
    *(f"*{n}" for n in range(2, 17)),
)
"""An operation of a chain, its operand included, is one word."""

SIGNS = ("+", "-", "*", "/", "(", ")")
CONTROL = (END, UNKNOWN, THINK, END_OF_THOUGHT)
WORDS = (
    *CONTROL,
    PAD,
    CHAIN,
    SUM,
    COUNTDOWN,
    *map(str, range(LARGEST_NUMBER + 1)),
    *CHAIN_OPERATIONS,
    *SIGNS,
)
"""The vocabulary; a word's place is its token id."""


def notation_of(task: str, parts: tuple[str, ...], room: int) -> str:
    """The notation of a problem of `task`: its parts padded to `room` words."""
    return " ".join((task, *parts, *(PAD,) * (room - len(parts)), THINK))


def notation_parts(notation: str) -> tuple[str, ...]:
    """The parts of a problem, as given to `notation_of`."""
    return tuple(word for word in notation.split()[1:-1] if word != PAD)


def speaks_notation(tokenizer: Tokenizer) -> bool:
    """Whether a model reads the notation: its tokenizer has exactly these words as its tokens."""
    return tokenizer.encode(" ".join(WORDS)) == list(range(len(WORDS)))
