"""PredictJob: a workload on slices that nobody here has."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError, Watcher
from ..names import slices_named
from ..predicted.economics import MOST_WH
from ..records.prediction import MOST_SEQUENCES, MOST_TOKENS, Prediction
from .cost_terms import Stack, TermsOptions, settled_stack
from .job import Names, Option, option

if TYPE_CHECKING:
    from ..predicted.model_shape import NamedShape
    from ..predicted.query import PredictionRequest
    from ..predicted.speculative import Speculation

MOST_TPOT_S = 3600.0
_SECONDS = {"ms": 1e-3, "s": 1.0}
_TIME = re.compile(r"\s*((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e-?[0-9]+)?)\s*(ms|s)\s*")


@dataclass(frozen=True)
class Predictions:
    """For each slice a prediction, or one at each operating point; with `compare` as many without a
    thought."""

    thinking: list[Prediction]
    quick: list[Prediction]

    def tiers(self) -> list[tuple[Prediction, Prediction]]:
        """Thinking beside a quick answer, for each slice and operating point that both have."""
        quick = {(each.slice, each.operating_point): each for each in self.quick}
        return [
            (each, quick[key])
            for each in self.thinking
            if (key := (each.slice, each.operating_point)) in quick
        ]


class PredictJob(TermsOptions):
    """Predict time, energy, money and carbon of a reasoning workload on slices.

    Each figure gets a median and an 80 % interval, from the chips' datasheets and from how far
    published measurements stay behind them. Without a batch, three operating points: one user, the
    largest batch within --tpot, and the largest that fits the slice's memory.
    """

    renamed: ClassVar = {"prompts": "batch"}

    model: Annotated[
        str,
        Option(
            "A preset, a described model such as deepseek-r1, a .gguf file, a Hugging Face folder "
            "or hub id, or a .toml file of sizes."
        ),
    ]
    slices: Annotated[
        Names,
        Field(min_length=1),
        Option("Chips: v5e-8, v5p:4x4x4, h100-2, mychip.toml:8; may be repeated.", "--slice"),
    ]
    set: Names = option(
        (),
        "A figure of the chip as `rooflink chips NAME` names it: memory.bandwidth=2x, "
        "memory.capacity=192GB; may be repeated.",
        metavar="KEY=AMOUNT",
    )
    batch: int | None = option(
        None,
        "Prompts that run together  [default: three operating points]",
        ge=1,
        le=MOST_SEQUENCES,
    )
    tpot: str = option("50ms", "Latency target: time per output token, 50ms or 0.05s.")
    prompt: int = option(512, "Tokens of a prompt.", ge=1, le=MOST_TOKENS)
    think: float = option(1024, "Tokens of a thought, on average.", ge=0, le=MOST_TOKENS)
    answer: float = option(64, "Tokens of an answer, on average.", ge=1, le=MOST_TOKENS)
    attempts: int = option(
        1, "Attempts at each prompt; they share its KV cache.", ge=1, le=MOST_SEQUENCES
    )
    lengths_spread: float = option(
        0.0,
        "Standard deviation over mean of thought lengths (log-normal); 0: all alike.",
        ge=0,
        le=10,
    )
    dtype: str | None = option(
        None,
        "Weights: bf16, int8, fp8, int4, mxfp4 ...  [default: as its config.json says that they "
        "are stored, else bfloat16]",
    )
    kv_dtype: str | None = option(None, "KV cache  [default: bfloat16, or the weights' float32]")
    matmul_dtype: str | None = option(
        None,
        "Operands of matrix multiplications  [default: the weights' where the chip has units "
        "for such floats, else bfloat16]",
    )
    battery_wh: float | None = option(
        None, "Watt-hours of the device's battery: answers per charge.", gt=0, le=MOST_WH
    )
    mesh: str | None = option(
        None, "data=2,tensor=8; of a mixture tensor=8,expert=8  [default: chosen, with the reason]"
    )
    stack: Stack = None
    speculate: str | None = option(
        None,
        "Drafts verified in one step: drafts=4,marginal=0.69/0.43/0.28/0.2 or conditional=0.75 or "
        "accepted=2.4, and draft=eagle, mtp, ngram or a model  [default: none]",
    )
    prefix_hit: float = option(
        0.0,
        "Of a prompt, what is cached from before: a share below 1, or tokens.",
        ge=0,
        le=MOST_TOKENS,
    )
    prefill_chunk: int | None = option(
        None,
        "Tokens of prompts that one step reads at most  [default: all]",
        ge=1,
        le=MOST_TOKENS,
    )
    concurrency: int | None = option(
        None,
        "Requests in flight, each followed by the next, in place of a batch by itself.",
        ge=1,
        le=MOST_SEQUENCES,
    )
    ideal: bool = option(False, "The bare roofline of the datasheet, no interval.")
    compare: bool = option(False, "Thinking beside a quick answer, --think 0.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.compare and not self.think:
            raise ProfileInputError("--compare needs a thought: give --think more than 0")
        self._tpot_s()
        if self.batch is not None or self.concurrency is not None:
            self.refuse(["tpot"], "finds a batch, and --batch or --concurrency states one")
        if self.concurrency is not None:
            self.refuse(["batch"], "is what --concurrency predicts: give one of them")
            self.refuse(
                ["lengths_spread"], "does not go with --concurrency, where all thoughts are of the "
                "mean length: leave one of them out",
            )  # fmt: skip
        return self

    def run(self, watcher: Watcher, command: str = "python") -> Predictions:
        """A prediction for each slice. Raises ModelInputError, ChipInputError or
        ProfileInputError."""
        request, slices = self.request(), slices_named(self.slices, self.set)
        requests = [request, self._without_thought(request)] if self.compare else [request]
        total = len(slices) * len(requests)
        watcher.stage(f"Predicting {request.model.name}", total=total, unit="slices")
        tiers: list[list[Prediction]] = []
        for each in requests:
            tiers.append([])
            for one in slices:
                tiers[-1] += self._predicted(each, one)
                watcher.advance(1)
        thinking, *quick = tiers
        return Predictions(thinking, quick[0] if quick else [])

    def _predicted(self, request: "PredictionRequest", on_slice: Slice) -> list[Prediction]:
        """As asked for on one slice; at the operating points where no batch is."""
        from ..predicted.slices import at_operating_points, predict_on_slice

        if self.batch is None and self.concurrency is None:
            return at_operating_points(request, on_slice, self._tpot_s())
        return [predict_on_slice(request, on_slice)]

    def _tpot_s(self) -> float:
        """Seconds of --tpot. Raises ProfileInputError for what is no time above zero."""
        match = _TIME.fullmatch(self.tpot)
        seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
        if not 0 < seconds <= MOST_TPOT_S:
            raise ProfileInputError(
                f"--tpot is {self.tpot!r}, expected a time such as 50ms or 0.1s"
            )
        return seconds

    def request(self) -> "PredictionRequest":
        """The same for any slice, with model, mesh and prices as what they name."""
        from ..predicted.model_shape import named_shape
        from ..predicted.phase_lengths import Lengths
        from ..predicted.query import PredictionRequest
        from ..predicted.slices import parse_parallelism

        together = self.concurrency or self.batch or 1
        numbers = (together, self.attempts, self.prompt, self.think, self.answer)
        prefix = self._prefix_tokens()
        model = named_shape(self.model)
        stored = model.stored
        return PredictionRequest(
            model=model,
            lengths=Lengths(*map(float, (*numbers, prefix))),
            think_variation=self.lengths_spread,
            weight_dtype=self.dtype or (stored and stored.dtype) or "bfloat16",
            kv_dtype=self.kv_dtype,
            matmul_dtype=self.matmul_dtype,
            split=None if self.mesh is None else parse_parallelism(self.mesh),
            stack=settled_stack(self.stack),
            ideal=self.ideal,
            speculation=self._speculation(model),
            prefill_chunk=self.prefill_chunk,
            concurrency=self.concurrency,
            terms=replace(self.terms(), battery_wh=self.battery_wh),
        )

    def _prefix_tokens(self) -> float:
        """Of a prompt; its last token is always read. Raises ProfileInputError for what is neither
        a share nor a number of tokens; 1 may be meant as either."""
        hit = self.prefix_hit
        if hit == 1 or (hit > 1 and not hit.is_integer()):
            raise ProfileInputError(
                f"--prefix-hit is {hit:g}, expected a share below 1 (the last token of a prompt is "
                "always read), or tokens, 2 or more"
            )
        return min(hit * self.prompt, self.prompt - 1.0) if hit < 1 else hit

    def _speculation(self, model: "NamedShape") -> "Speculation | None":
        if self.speculate is None:
            return None
        from ..predicted.speculative import parse_speculation

        return parse_speculation(self.speculate, model)

    @staticmethod
    def _without_thought(request: "PredictionRequest") -> "PredictionRequest":
        return replace(request, lengths=replace(request.lengths, think_tokens=0.0))
