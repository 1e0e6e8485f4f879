"""Choices that more than one command offers."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class DTypeChoice(StrEnum):
    """Dtype of weights, activations and cache."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


PriceOption = Annotated[
    str,
    typer.Option(
        help="on_demand, spot, one_year, three_year, ownership, $ a chip-hour, or a .toml file "
        "of own costs."
    ),
]
RegionOption = Annotated[
    str, typer.Option(help="Where the electricity is used, or grams of CO2e a kWh.")
]
PueOption = Annotated[
    str | None,
    typer.Option(
        help="google, industry or a factor  [default: google for its chips, else industry]"
    ),
]
HostOption = Annotated[
    str, typer.Option(help="Servers' share: gemini, gemini-with-idle, none or a factor.")
]
StackOption = Annotated[
    str | None, typer.Option(help="Software, such as vLLM  [default: one unknown]")
]
VerifierOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder that `train --method verifier` wrote: best-of-n and beam score attempts by it."
    ),
]
