"""`rooflink predict`: a workload on slices that nobody here has."""

import json as jsonlib
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console

from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError
from ..measured.machine import slice_named
from ..predicted.calibration import default_calibration
from ..predicted.economics import DEFAULT_HOST, DEFAULT_REGION, Terms, parse_price
from ..predicted.mesh import parse_parallelism
from ..predicted.model_shape import named_shape
from ..predicted.phases import Lengths
from ..predicted.slices import Asked, forecast
from ..records.prediction import Prediction
from ..reports.renderers.console import show
from ..reports.sections.predicted import (
    prediction_document,
    predictions_document,
    tiers_document,
)
from .options import HostOption, PriceOption, PueOption, RegionOption, StackOption

SCHEMA = "rooflink.predictions/1"

EXAMPLES = """Predict time, energy, money and carbon of a reasoning workload on slices.

Each phase gets a median and an 80 % interval, from the chips' datasheets and from how far
published measurements stay behind them.

Examples:

    rooflink predict --model llama3-8b --slice v5e-8 --batch 8 --prompt 512 --think 2048

    rooflink predict --model qwen3-32b --slice v5e-16 --slice h100-2 --dtype int8 --price spot

    rooflink predict --model deepseek-r1 --slice h200-8 --dtype fp8 --think 8000 --compare

    rooflink predict --model mine.toml --slice mychip.toml:4 --price my_costs.toml --json
"""


def predict_command(
    model: Annotated[
        str,
        typer.Option(
            help="A preset, a described model such as deepseek-r1, a .gguf file, a Hugging Face "
            "folder or hub id, or a .toml file of sizes."
        ),
    ],
    slice: Annotated[
        list[str],
        typer.Option(help="Chips: v5e-8, v5p:4x4x4, h100-2, mychip.toml:8; may be repeated."),
    ],
    batch: Annotated[int, typer.Option(help="Prompts that run together.")] = 1,
    prompt: Annotated[int, typer.Option(help="Tokens of a prompt.")] = 512,
    think: Annotated[int, typer.Option(help="Tokens of a thought, in the mean.")] = 1024,
    answer: Annotated[int, typer.Option(help="Tokens of an answer.")] = 64,
    attempts: Annotated[int, typer.Option(help="Attempts at each prompt; they share it.")] = 1,
    lengths_spread: Annotated[
        float,
        typer.Option(
            min=0,
            max=10,
            help="Standard deviation over mean of thought lengths (log-normal); 0: alike.",
        ),
    ] = 0.0,
    dtype: Annotated[
        str, typer.Option(help="Of weights: bfloat16, int8, fp8, int4, fp4 ...")
    ] = "bfloat16",
    kv_dtype: Annotated[str | None, typer.Option(help="Of the KV cache.  [default: wide]")] = None,
    matmul_dtype: Annotated[
        str | None,
        typer.Option(
            help="Of the operands that are multiplied  [default: the weights' where the chip has "
            "units for such floats, else bfloat16]"
        ),
    ] = None,
    mesh: Annotated[
        str | None,
        typer.Option(help="Chips by axis, as tensor=8,data=2  [default: what suits; it says why]"),
    ] = None,
    stack: StackOption = None,
    ideal: Annotated[
        bool, typer.Option("--ideal", help="The bare roofline of the datasheet, no interval.")
    ] = False,
    price: PriceOption = "on_demand",
    region: RegionOption = DEFAULT_REGION,
    pue: PueOption = None,
    host: HostOption = DEFAULT_HOST,
    compare: Annotated[
        bool, typer.Option("--compare", help="Thinking beside a quick answer, --think 0.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    terms = Terms(price=parse_price(price), region=region, pue=pue, host=host)
    over = [slice_named(text) for text in slice]
    asked = Asked(
        model=named_shape(model),
        lengths=Lengths(*(float(n) for n in (batch, attempts, prompt, think, answer))),
        think_variation=lengths_spread,
        weight_dtype=dtype,
        kv_dtype=kv_dtype,
        matmul_dtype=matmul_dtype,
        split=parse_parallelism(mesh) if mesh else None,
        stack=_known_stack(stack) if stack else None,
        ideal=ideal,
        terms=terms,
    )
    found = [forecast(asked, each) for each in over]
    quick = _quick(asked, over) if compare else []
    console = Console()
    if json:
        print(_as_json([*found, *quick]))
    elif compare:
        show(tiers_document(list(zip(found, quick, strict=True))), console)
    elif len(found) == 1:
        show(prediction_document(found[0]), console)
    else:
        show(predictions_document(found), console)


predict_command.__doc__ = EXAMPLES


def _quick(asked: Asked, over: list[Slice]) -> list[Prediction]:
    """The same without a thought."""
    if not asked.lengths.think_tokens:
        raise ProfileInputError("--compare needs a thought: give --think more than 0")
    lengths = replace(asked.lengths, think_tokens=0.0)
    return [forecast(replace(asked, lengths=lengths), each) for each in over]


def _known_stack(text: str) -> str:
    """The stack as the calibration spells it; an unmeasured one as it is, and the basis says so."""
    known = default_calibration().stack_rows
    return next((name for name in known if name.lower() == text.lower()), text)


def _as_json(predictions: list[Prediction]) -> str:
    shown = [prediction.model_dump(mode="json") for prediction in predictions]
    return jsonlib.dumps({"schema": SCHEMA, "predictions": shown}, indent=1)
