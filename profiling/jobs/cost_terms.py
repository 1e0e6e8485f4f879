"""Options that several verbs share: what energy and chips cost, and the serving stack."""

from typing import Annotated

from ..predicted.economics import DEFAULT_HOST, DEFAULT_REGION, Terms, parse_price
from .job import Job, Option

Stack = Annotated[
    str | None,
    Option("Serving stack, e.g. vLLM  [default: averaged over all measured]"),
]


class TermsOptions(Job):
    """What an hour of a chip costs and where its electricity comes from."""

    price: Annotated[
        str,
        Option("on_demand, spot, one_year, three_year, ownership, $ per chip-hour, or a .toml file "
               "of your own costs."),
    ] = "on_demand"  # fmt: skip
    region: Annotated[str, Option("Where the electricity is used, or grams of CO2e per kWh.")] = (
        DEFAULT_REGION
    )
    pue: Annotated[
        str | None,
        Option("Power usage effectiveness of the data center: google, industry or a factor  "
               "[default: google for its chips, else industry]"),
    ] = None  # fmt: skip
    host: Annotated[
        str,
        Option("Energy of servers beside their accelerators: gemini, gemini-with-idle, none or a "
               "factor."),
    ] = DEFAULT_HOST  # fmt: skip

    def terms(self) -> Terms:
        """The terms as one; raises ProfileInputError for a price that is none."""
        return Terms(
            price=parse_price(self.price), region=self.region, pue=self.pue, host=self.host
        )


def stack_named(text: str | None) -> str | None:
    """The stack as the calibration spells it; an unmeasured one as it is: the basis says so."""
    if text is None:
        return None
    from ..predicted.calibration import default_calibration

    known = default_calibration().stack_rows
    return next((name for name in known if name.lower() == text.lower()), text)
