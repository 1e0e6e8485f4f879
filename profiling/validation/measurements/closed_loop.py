"""What a server does for one token of output, and before the first, when a fixed number of requests
is in flight: each that ends is followed by another at once."""

from dataclasses import dataclass
from typing import Literal

from ...predicted.cases import Case, Piece
from ...predicted.work import Work
from .csv_rows import Row
from .deployments import Deployment
from .steps import Lengths

STEP_TOKENS = 8192.0
"""Tokens of prompts that engines read in one step at most: vLLM's max_num_batched_tokens on large
GPUs, TensorRT-LLM's max_num_tokens, SGLang's chunked_prefill_size."""
OVERFULL = "concurrency above what the slice holds"


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

    @property
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
        prompts = (self.held - 1) / self.lengths.answer / self.copies
        decode = Piece("decode", 1.0, self._step())
        return (decode, Piece("prefill", prompts, self._prompts(1.0))) if prompts > 0 else (decode,)

    def to_first_token(self) -> tuple[Piece, ...]:
        """Of the time to first token: the own prompt; half the step that runs on arrival; "queued",
        the prompts ahead where all requests arrive together, half the others in the mean; and
        where memory does not hold all, the whole stay of those before."""
        others = (self.held - 1) / self.copies
        pieces = [Piece("prefill", 1.0, self._prompts(1.0))]
        if others > 0:
            pieces.append(Piece("decode", 0.5, self._step()))
            ahead = others / 2
            together = min(max(ahead, 1.0), max(STEP_TOKENS / self.lengths.prompt, 1.0))
            pieces.append(Piece("queued", ahead / together, self._prompts(together)))
        if self.overfull:
            stays = self.concurrency / self.held - 1
            prompts = stays * self.held / self.copies
            pieces.append(Piece("decode", stays * self.lengths.answer, self._step()))
            pieces.append(Piece("prefill", prompts, self._prompts(1.0)))
        return tuple(pieces)

    @property
    def copies(self) -> float:
        """Copies of attention, each with sequences of its own; prompts are read on all at once."""
        return float(self.place.split.copies)

    def _step(self) -> Work:
        """The fullest copy's share rules where the requests do not divide."""
        return self.place.decode(-(-self.held // self.copies) * self.copies, self.lengths.context)

    def _prompts(self, each: float) -> Work:
        return self.place.prefill(each * self.copies, self.lengths.prompt)

    def case(self, row: Row, group: Literal["tpot", "ttft"], observed_s: float, note: str) -> Case:
        """A row's measured time, whose note says whether requests waited for others to end."""
        pieces = self.per_token() if group == "tpot" else self.to_first_token()
        note = f"{note}; {OVERFULL}" if self.overfull else note
        return self.place.case(row, group, pieces, observed_s, note=note)
