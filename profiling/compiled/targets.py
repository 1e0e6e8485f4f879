"""Targets: what a program can be compiled for, by name: 'cpu', or a slice such as 'v5e:2x4'.

The chip files of tpu_configs say which slices there are, and what libtpu calls them.
"""

import importlib.util
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ...tpu_configs.catalog import chip_names, chip_stem, load_all
from ...tpu_configs.input_errors import ChipInputError
from ...tpu_configs.slice import Slice, parse_slice
from ..errors import ProfileInputError


@dataclass(frozen=True)
class Target:
    """Something that XLA compiles for. A device is what JAX calls one: a chip, or a core of it."""

    name: str  # as `parse_slice` takes it, 'v7x:2x2x1'; 'cpu'

    @cached_property
    def slice(self) -> Slice | None:
        """The slice; None for 'cpu', the machine at hand."""
        return None if self.name == "cpu" else parse_slice(self.name)

    @property
    def platform(self) -> Literal["cpu", "tpu"]:
        """What JAX calls the kind of its devices."""
        return "tpu" if self.slice else "cpu"

    @property
    def chip(self) -> str | None:
        """The name that `load_chip` takes; None for 'cpu'."""
        return chip_stem(self.slice.chip) if self.slice else None

    @property
    def topology(self) -> str:
        """libtpu's name of the slice, 'tpu7x:2x2x1'; 'cpu' as it is."""
        return (self.slice and self.slice.topology_name) or self.name

    @property
    def chips(self) -> int:
        """Chips in the slice."""
        return self.slice.chips if self.slice else 1

    @property
    def devices_per_chip(self) -> int:
        """JAX devices that make one chip."""
        return self.slice.chip.jax_devices if self.slice else 1

    @property
    def devices(self) -> int:
        """JAX devices in the slice."""
        return self.chips * self.devices_per_chip


CPU = Target("cpu")


def parse_target(text: str) -> Target:
    """The target called `text`, in any case: 'cpu', or a slice in any spelling of `parse_slice`.
    Raises ProfileInputError for a slice that does not exist or that libtpu does not compile for."""
    plain = text.strip()
    if plain.lower() == "cpu":
        return CPU
    try:
        on_slice = parse_slice(plain)
    except ChipInputError as error:
        raise ProfileInputError(f"no target is called {text!r}: {error}") from None
    if on_slice.topology_name is None or chip_stem(on_slice.chip) not in chip_names():
        raise ProfileInputError(
            f"the TPU compiler does not know {on_slice.chip.name}: try cpu, or a slice of "
            f"{', '.join(compiled_generations())}"
        )
    return Target(on_slice.name)


def compiled_generations() -> list[str]:
    """Names of the chips that libtpu compiles for."""
    return [chip_stem(chip) for chip in load_all() if chip.libtpu_name is not None]


def require_compiler(target: Target) -> None:
    """Raise ProfileInputError where the compiler for `target` is not installed."""
    if target.platform == "tpu" and importlib.util.find_spec("libtpu") is None:
        raise ProfileInputError(
            f"compiling for {target.name} needs the TPU compiler: pip install 'rooflink[tpu]'"
        )
