"""Ownership: what an hour of one's own chip costs, from what was paid for it and what it draws."""

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from ...tpu_configs.figure import Table
from ...tpu_configs.reading import sentence
from ..errors import ProfileInputError

HOURS_PER_YEAR = 8766.0


class Ownership(Table):
    """Total cost of one chip of one's own, with its share of server and network."""

    purchase_usd: float = Field(ge=0, allow_inf_nan=False, description="a chip, with its share")
    years: float = Field(gt=0, allow_inf_nan=False, description="over which it is written off")
    utilisation: float = Field(gt=0, le=1, description="share of those years that it works")
    electricity_usd_per_kwh: float = Field(ge=0, allow_inf_nan=False)
    pue: float = Field(ge=1, allow_inf_nan=False)
    power_w: float = Field(ge=0, allow_inf_nan=False, description="at work, with its share")
    idle_power_w: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="in the other hours; 0: switched off"
    )

    @property
    def usd_per_chip_hour(self) -> float:
        """Dollars for an hour of work: its share of the purchase, its electricity, and that of
        the idle hours that come with it."""
        capital = self.purchase_usd / (self.years * HOURS_PER_YEAR * self.utilisation)
        idle_hours = (1 - self.utilisation) / self.utilisation
        watts = self.power_w + self.idle_power_w * idle_hours
        return capital + self.pue * watts / 1000 * self.electricity_usd_per_kwh


def load_ownership(path: Path) -> Ownership:
    """The ownership in a TOML file with the keys of `Ownership`.

    Raises ProfileInputError for a file that is missing, not TOML, or has a wrong key or value.
    """
    try:
        return Ownership.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ProfileInputError(f"no cost file at {path}: check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileInputError(f"{path} is not a readable cost file: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ProfileInputError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        raise ProfileInputError(f"{path}: {sentence(error.errors()[0])}") from None
