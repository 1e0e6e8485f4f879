"""Options that several verbs share: what energy and chips cost, and the serving stack."""

from typing import Annotated

from ...tpu_configs.chip import DEFAULT_SELLER
from ..errors import ProfileInputError
from ..predicted.chip_hours import parse_price
from ..predicted.economics import Terms
from .job import Job, Option, option

Stack = Annotated[
    str | None,
    Option("Serving stack, as `rooflink stacks` lists them: vLLM ...  [default: a compiled loop]"),
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


def settled_stack(text: str | None) -> str | None:
    """The stack as the calibration spells it; of one that is known and unmeasured the basis says
    so. Raises ProfileInputError for any other, with the stacks that are known."""
    if text is None:
        return None
    from ..predicted.calibration import STACKS, default_calibration, near_stack, stack_named

    measured = default_calibration().stack_rows
    named = stack_named(text, measured)
    if named not in (*STACKS, *measured):
        near = near_stack(text, measured)
        meant = f"did you mean {near}?" if near else f"expected one of {', '.join(STACKS)} ...;"
        raise ProfileInputError(
            f"no serving stack is called {text[:60]!r}: {meant} `rooflink stacks` lists all, and "
            "without --stack a compiled loop is meant"
        )
    return named
