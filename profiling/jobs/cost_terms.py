"""Options that several verbs share: what energy and chips cost, and the serving stack."""

from typing import Annotated

from ...tpu_configs.chip import DEFAULT_SELLER
from ..errors import ProfileInputError
from ..predicted.chip_hours import parse_price
from ..predicted.economics import Terms
from .job import Job, Option, option

Stack = Annotated[
    str | None,
    Option("Serving stack: vLLM, SGLang, TensorRT-LLM ...  [default: a compiled loop]"),
]


class TermsOptions(Job):
    """What an hour of a chip costs and where its electricity comes from."""

    price: str = option(
        "on_demand",
        "list (or on_demand), spot, one_year, three_year, ownership, $ per chip-hour, or a .toml "
        "file of your own costs.",
    )
    seller: str = option(
        DEFAULT_SELLER,
        "Whose prices: google-cloud, aws, azure, coreweave, lambda, nebius, runpod, hyperstack ... "
        "or cheapest; of a chip that it does not offer, the cheapest seller's, said so.",
    )
    region: str | None = option(
        None,
        "Where the chips are rented and their electricity is used: us-central1, europe-west4 ..., "
        "a country, or grams of CO2e per kWh  [default: the first of the seller's regions]",
    )
    pue: str | None = option(
        None,
        "Power usage effectiveness of the data center: google, aws, azure, industry, none or a "
        "factor  [default: the seller's, industry where it publishes none; none for a device]",
    )
    host: str | None = option(
        None,
        "Energy of servers beside their accelerators: gemini, gemini-with-idle, none or a factor  "
        "[default: gemini; device for a device's chip]",
    )

    def terms(self) -> Terms:
        """The terms as one; raises ProfileInputError for a price that is none."""
        return Terms(
            price=parse_price(self.price), seller=self.seller, region=self.region, pue=self.pue,
            host=self.host,
        )  # fmt: skip


_LONGEST_STACK = 100


def settled_stack(text: str | None) -> str | None:
    """The stack as the calibration spells it; of an unmeasured one the basis says so. Raises
    ProfileInputError for what is no name."""
    if text is None:
        return None
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST_STACK:
        raise ProfileInputError(f"--stack is {text!r}, expected a name such as vLLM")
    from ..predicted.calibration import default_calibration, stack_named

    return stack_named(text, default_calibration().stack_rows)
