"""What a server does for one token of output, and before the first, when a fixed number of requests
is in flight: each that ends is followed by another at once."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from ...predicted.cases import Case, Piece
from ...predicted.serving import StepMix, first_token_mix, token_mix
from ...predicted.step.work import Work
from .csv_rows import Row
from .deployments import Deployment
from .steps import Lengths


@dataclass(frozen=True)
class ClosedLoop:
    """`concurrency` requests of like lengths at all times, on one deployment.

    Decode steps have as many sequences as memory holds of the requests in flight. By Little's law
    fewer of them are between their first and last token on average, but the others wait or have
    their prompts read, and while a prompt is read no step of decoding runs: the mean over the steps
    is not the mean over time. (The law with measured times would moreover use what is predicted.)

    Every request's prompt is read once while another one is in the server, either before that one's
    first token or after it: what it waits for in TTFT it does not wait for in TPOT.
    """

    place: Deployment
    lengths: Lengths
    concurrency: float

    @cached_property
    def held(self) -> float:
        """Requests that memory holds of those in flight. Raises LeftOutError where it holds not
        one."""
        return min(self.concurrency, self.place.largest_batch(self.lengths.context))

    @property
    def overfull(self) -> bool:
        """Whether requests wait for others to end."""
        return self.held < self.concurrency

    def per_token(self) -> tuple[Piece, ...]:
        """Of the time between two tokens of a request: a step, and the prompts of the others, one
        at a time on every copy of the model."""
        others = token_mix(self.held, self.lengths.answer)
        prompts = float(others.prompts) / self.copies
        decode = Piece("decode", 1.0, self._step)
        return (decode, Piece("prefill", prompts, self.prompt)) if prompts > 0 else (decode,)

    def to_first_token(self) -> tuple[Piece, ...]:
        """Of the time to first token: the own prompt and those that come with it or before it, the
        step that is under way; and where memory does not hold all requests, the whole stay of
        those before."""
        mix = StepMix(*(float(part) for part in first_token_mix(self.held, self.copies)))
        stays = self.concurrency / self.held - 1
        prompts = mix.prompts / self.copies + stays * self.held / self.copies
        waited = (mix.bunched / self.copies, mix.queued / self.copies)
        prefill = Piece("prefill", prompts, self.prompt, *waited, mix.requests)
        steps = mix.decode_steps + stays * self.lengths.answer
        return (prefill, Piece("decode", steps, self._step)) if steps > 0 else (prefill,)

    @property
    def copies(self) -> float:
        """Copies of attention, each with sequences of its own; prompts are read on all at once."""
        return float(self.place.split.copies)

    @cached_property
    def _step(self) -> Work:
        """The fullest copy's share rules where the requests do not divide."""
        return self.place.decode(-(-self.held // self.copies) * self.copies, self.lengths.context)

    @cached_property
    def prompt(self) -> Work:
        """One prompt on every copy."""
        return self.place.prefill(self.copies, self.lengths.prompt)

    def case(self, row: Row, group: Literal["tpot", "ttft"], observed_s: float, note: str) -> Case:
        """A row's measured time."""
        pieces = self.per_token() if group == "tpot" else self.to_first_token()
        said = f"{note}; concurrency above what the slice holds" if self.overfull else note
        case = self.place.case(row, group, pieces, observed_s, note=said)
        return replace(case, id=f"{row.id} {group}", overfull=self.overfull)
