"""PredictJob: a workload on slices that nobody here has."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

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


@dataclass(frozen=True)
class Predictions:
    """A prediction for each slice, and with `compare` one for each without a thought."""

    thinking: list[Prediction]
    quick: list[Prediction]


class PredictJob(TermsOptions):
    """Predict time, energy, money and carbon of a reasoning workload on slices.

    Each phase gets a median and an 80 % interval, from the chips' datasheets and from how far
    published measurements stay behind them.
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
    batch: int = option(1, "Prompts that run together.", ge=1, le=MOST_SEQUENCES)
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
    dtype: str = option("bfloat16", "Weights: bf16, int8, fp8, int4, mxfp4 ...")
    kv_dtype: str | None = option(None, "KV cache  [default: bfloat16, or the weights' float32]")
    matmul_dtype: str | None = option(
        None,
        "Operands of matrix multiplications  [default: the weights' where the chip has units "
        "for such floats, else bfloat16]",
    )
    battery_wh: float | None = option(
        None, "Watt-hours of the device's battery: answers a charge.", gt=0, le=MOST_WH
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
        from ..predicted.slices import predict_on_slice

        request, slices = self.request(), slices_named(self.slices, self.set)
        requests = [request, self._without_thought(request)] if self.compare else [request]
        total = len(slices) * len(requests)
        watcher.stage(f"Predicting {request.model.name}", total=total, unit="predictions")
        found: list[Prediction] = []
        for each in requests:
            for one in slices:
                found.append(predict_on_slice(each, one))
                watcher.advance(1)
        return Predictions(found[: len(slices)], found[len(slices) :])

    def request(self) -> "PredictionRequest":
        """The same for any slice, with model, mesh and prices as what they name."""
        from ..predicted.model_shape import named_shape
        from ..predicted.phase_lengths import Lengths
        from ..predicted.query import PredictionRequest
        from ..predicted.slices import parse_parallelism

        together = self.concurrency or self.batch
        numbers = (together, self.attempts, self.prompt, self.think, self.answer)
        prefix = self._prefix_tokens()
        model = named_shape(self.model)
        return PredictionRequest(
            model=model,
            lengths=Lengths(*map(float, (*numbers, prefix))),
            think_variation=self.lengths_spread,
            weight_dtype=self.dtype,
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
