"""Calibration: what the fit on published measurements says of a chip and a stack, with draws.

The fit (profiling/calibration) writes `data/calibration.json`: draws from the posterior of every
mean and effect, of which `draws` makes more, and the residual scale of each group of measurements.
Where nobody measured a chip or stack, its effect is drawn anew from the population: intervals as
wide as similar chips differ.

Each component of Efficiency is a transformed sum (partial pooling, Gelman & Hill 2007, ch. 12):

    component = f(mean of the chip's kind + effect of the regime + of the chip + of the stack)

with effects drawn from normal distributions of given scales. The regime is how steps are launched:
a compiled loop of its own accord, or a server that schedules each step on its host. Kernels timed
by themselves have what they work out for it, and share an effect with their library's for other
formats and in other engines.
"""

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from typing import Annotated, Literal, Self, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, model_validator

from ...model.input_files import json_value
from ...tpu_configs.slice import Slice
from ...tpu_configs.toml_files import sentence
from ..errors import ProfileInputError
from . import arrays
from .arrays import Number, mapped, with_last_axis
from .draws import TURNS, multiplied, normals
from .energy import DesignPower, PowerShares, design_power_of, power_share
from .step.hardware import Efficiency, Hardware
from .step.work import Work

Link = Literal["share", "time", "power", "positive", "factor"]
Level = Literal["regime", "library", "chip", "stack"]
"""Of the effects about the mean of a kind of chip."""
LEVELS: tuple[Level, ...] = get_args(Level)
WITHIN_LIBRARIES = 0.7
"""Scale of effects of a library, and of its kernels of one format in one engine, over that of what
kernels work out: of the two together the scale is the same."""


@dataclass(frozen=True)
class Component:
    """How one component of Efficiency varies; means and scales are on the transformed axis."""

    link: Link
    mean: float  # prior mean, of every kind
    mean_scale: float  # prior scale of a kind's mean
    regime_scale: float  # of a regime that runs models; 0: regimes do not differ
    chip_scale: float  # of a chip about its kind; 0: chips do not differ
    stack_scale: float  # of a stack that runs models; 0: stacks do not differ
    kernel_scale: float  # of what kernels timed by themselves work out

    @property
    def spreads(self) -> dict[Level, tuple[float, float]]:
        """Scales of effects, on stacks that run models and on kernels timed by themselves."""
        within = WITHIN_LIBRARIES * self.kernel_scale
        return {
            "regime": (self.regime_scale, self.kernel_scale),
            "library": (0.0, within),
            "chip": (self.chip_scale, self.chip_scale),
            "stack": (self.stack_scale, within),
        }


COMPONENTS: dict[str, Component] = {
    #                              mean   kind  regime  chip  stack kernels
    "compute": Component("share", 1.0, 0.7, 0.3, 0.35, 0.2, 0.5),
    "attention": Component("share", -0.4, 0.7, 0.3, 0.0, 0.4, 1.0),
    "memory": Component("share", 1.4, 0.7, 0.3, 0.35, 0.3, 0.8),
    "vector": Component("share", 1.2, 0.7, 0.0, 0.35, 0.2, 0.5),
    "idle_experts": Component("share", -3.0, 2.0, 0.0, 0.0, 0.0, 0.0),
    "narrow_kv": Component("share", -1.0, 1.0, 0.0, 0.0, 0.4, 0.0),
    "kv": Component("share", 2.0, 0.7, 0.0, 0.0, 0.4, 1.0),
    "links": Component("share", 0.8, 0.7, 0.0, 0.0, 0.2, 0.4),
    "overlap": Component("power", 1.0, 1.0, 0.0, 0.0, 0.4, 1.0),
    "exposed_links": Component("share", 1.0, 1.0, 0.0, 0.0, 0.4, 1.0),
    "narrow": Component("positive", -1.5, 0.7, 0.0, 0.0, 0.2, 0.5),
    "routed_s": Component("time", -18.0, 0.5, 0.0, 0.0, 0.4, 1.0),
    "kernel_s": Component("time", -13.5, 0.7, 0.7, 0.35, 0.4, 1.0),
    "block_s": Component("time", -13.0, 1.0, 0.0, 0.0, 0.4, 1.0),
    "ramp_s": Component("time", -13.5, 0.7, 0.0, 0.35, 0.4, 1.0),
    "collective_s": Component("time", -12.0, 0.7, 0.7, 0.35, 0.4, 1.0),
    "dispatch_s": Component("time", -11.0, 1.0, 0.0, 0.0, 0.4, 1.0),
    "sequence_s": Component("time", -12.0, 0.7, 1.0, 0.0, 0.4, 1.0),
    "step_s": Component("time", -8.5, 0.7, 1.5, 0.0, 0.4, 1.0),
    "bunched": Component("factor", 0.7, 0.5, 0.0, 0.0, 0.7, 0.0),
    "queued": Component("factor", -1.6, 0.5, 0.0, 0.0, 1.0, 0.0),
    "request_s": Component("time", -4.5, 0.7, 0.0, 0.0, 1.0, 0.0),
}
"""Logits of shares, logs of seconds. The prior means are a well-made stack's: three quarters of
the matrix units' peak, four fifths of the memory's bandwidth, two microseconds a kernel."""

Regime = Literal["loop", "server", "kernels"]

_SERVERS = (
    "vllm", "sglang", "jetstream", "mlperf", "tensorrt", "deepseek", "llmperf", "server", "tgi",
    "saxml", "dynamo",
)  # fmt: skip

STACKS = (
    "vLLM", "SGLang", "TensorRT-LLM", "JetStream", "vLLM-TPU", "sglang-jax", "MaxText", "gpt-fast",
    "llama.cpp", "FasterTransformer", "TGI",
)  # fmt: skip
"""Stacks as rooflink spells them, measured or not; a fit's own names beside these are its rows'."""
_ALSO = {
    "trtllm": "TensorRT-LLM", "trt": "TensorRT-LLM", "tensorrt": "TensorRT-LLM", "sgl": "SGLang",
    "textgenerationinference": "TGI", "llamabench": "llama.cpp",
}  # fmt: skip


def stack_named(name: str, known: Iterable[str] = ()) -> str:
    """A stack of STACKS or `known` by any spelling: 'vllm==0.8.5' is 'vLLM', 'TRT-LLM' is
    'TensorRT-LLM'. Any other as it is."""
    names = _spelled(*STACKS, *known)
    return names.get(_letters(name)) or names.get(_letters(_VERSION.sub("", name)), name)


@lru_cache(maxsize=16)  # a user's table names its own
def _spelled(*names: str) -> dict[str, str]:
    """Names by their letters, other spellings among them."""
    return _ALSO | {_letters(each): each for each in names}


_VERSION = re.compile(r"[\s=@_-]*v?\d+(\.\d+)+\S*\s*$", re.IGNORECASE)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def stacks_of(measured: Iterable[str]) -> list[str]:
    """STACKS and those of the `measured` that serve a model, not operations by themselves."""
    serving = [name for name in measured if regime_of(name) != "kernels"]
    return list(dict.fromkeys((*STACKS, *serving)))


def near_stack(name: str, measured: Iterable[str]) -> str | None:
    """The stack that a misspelt name may stand for, None where none is like it."""
    known = _spelled(*stacks_of(measured))
    near = get_close_matches(_letters(name)[:60], known, n=1)
    return known[near[0]] if near else None


def regime_of(stack: str | None) -> Regime:
    """The regime of a stack by its name; a compiled loop, as rooflink's own, unless it is known to
    serve requests or to time operations by themselves."""
    name = stack_named(stack or "").lower()
    if name.endswith("kernels"):
        return "kernels"
    return "server" if any(word in name for word in _SERVERS) else "loop"


_LIBRARY = re.compile(
    r"(?:(?:\S+ \d|\S+) )??((?:(?:MLA|delta net|convolution) )?(?:decode|prefill)|experts)"
)


def effects_of(stack: str | None, chip: str) -> dict[Level, str]:
    """Whose effects a stack on a chip has: 'SGLang Triton experts fp8 kernels' those of 'experts'
    and of 'Triton experts' besides its own."""
    regime = regime_of(stack)
    found = _LIBRARY.search(stack or "") if regime == "kernels" else None
    library, works_out = (found[0], found[1]) if found else (regime, regime)
    return {"regime": works_out, "library": library, "chip": chip, "stack": stack or ""}


_LINKS: dict[Link, Callable[[Number], Number]] = {
    "share": arrays.sigmoid,
    "time": arrays.exp,
    "factor": arrays.exp,
    "power": lambda x: 1 + arrays.exp(x),
    "positive": lambda x: arrays.minimum(arrays.exp(x), 1.0),  # fewer bytes never take longer
}


def efficiency_of(transformed: dict[str, Number]) -> Efficiency:
    """The Efficiency of sums on the transformed axis, one of each component."""
    reached = {name: _LINKS[c.link](transformed[name]) for name, c in COMPONENTS.items()}
    return Efficiency(**reached)


Group = Literal[
    "decode", "prefill", "serving", "tpot", "ttft", "matmul", "attention", "experts", "vector",
    "collective", "energy",
]  # fmt: skip
"""What is reported apart: steps of a model that decode, prefill, or both as a server mixes them; a
server's times per token of output and to the first; single operations; joules."""
GROUPS: tuple[Group, ...] = get_args(Group)
KERNELS = ("matmul", "vector", "collective", "attention", "experts")
"""Groups of operations that are timed by themselves."""


def residual_key(group: str, of: str) -> str:
    """In `Calibration.residual`: 'decode, model' for a chip and a stack that the fit has seen,
    'decode, system' and 'decode, stack' for those that it has not, and one of `known_as` for a chip
    or a stack on it with many rows of its own."""
    return f"{group}, {of}"


def known_as(chip: str, stack: str | None) -> tuple[str, ...]:
    """What a residual scale may be of, the narrowest first: 'TPU v6e with vLLM-TPU', 'TPU v6e'."""
    return (f"{chip} with {stack}", chip) if stack else (chip,)


Effects = dict[str, dict[str, np.ndarray]]
"""Component -> who has the effect -> [draws]."""


@dataclass(frozen=True)
class Calibration:
    """Draws of means and effects; the first draw is the mode."""

    means: Effects  # of kinds of chips
    effects: dict[Level, Effects]
    power: dict[str, np.ndarray]  # fields of PowerShares -> [draws]
    residual: dict[str, float]  # by `residual_key`: scale of log(measured / predicted)
    rows: dict[str, int]  # chip's name -> rows it was fitted on
    stack_rows: dict[str, int]
    _kept: dict[Hashable, Efficiency] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def draws(self) -> int:
        """Draws, the mode included."""
        return len(next(iter(self.means["memory"].values())))

    def efficiency(self, chip: str, kind: str, stack: str | None) -> Efficiency:
        """The Efficiency of each draw: every field an array [draws]."""
        stack = stack and stack_named(stack, self.stack_rows)
        if (kept := self._kept.get((chip, kind, stack))) is None:
            kept = self._kept[chip, kind, stack] = self._efficiency(chip, kind, stack)
        return kept

    def _efficiency(self, chip: str, kind: str, stack: str | None) -> Efficiency:
        whose, transformed = effects_of(stack, chip), {}
        of_kernels = regime_of(stack) == "kernels"
        for name, component in COMPONENTS.items():
            mean = self.means[name].get(kind)
            if mean is None:  # a kind that nobody measured: drawn about the others
                others = np.mean(list(self.means[name].values()), axis=0)
                mean = others + component.mean_scale * normals(self.draws, f"{name}/{kind}")
            effects = [self._effect(level, name, whose[level], scales[of_kernels])
                       for level, scales in component.spreads.items()]  # fmt: skip
            transformed[name] = sum(effects, start=mean)
        return efficiency_of(transformed)

    def basis(self, chip: str, kind: str, stack: str | None) -> str:
        """What this calibration stands on for a chip and a stack, in a sentence."""
        # A GPU, an ASIC; a laptop, an edge GPU.
        said = kind.upper() if len(kind) <= 4 else kind.replace("gpu", "GPU")
        if kind not in self.means["memory"]:
            on_chip = f"no measurements of any {said}: calibrated on other chips"
        else:
            on_chip = _measurements(chip, self.rows, f"calibrated on other {said}s")
        if stack is None:
            return (
                f"{on_chip}; serving stack not given: taken for a compiled loop, "
                "which most engines are slower than"
            )
        named = stack_named(stack, self.stack_rows)
        on_stack = _measurements(named, self.stack_rows, "averaged over other stacks")
        return f"{on_chip}; {on_stack}"

    def residuals(self, group: str, chip: str, stack: str | None) -> np.ndarray:
        """Factors [draws] that the unexplained part multiplies a time by; the mode's is one. As
        wide as rows of a chip, or of a stack, that the fit had not seen were missed."""
        named = stack and stack_named(stack, self.stack_rows)
        keys = (residual_key(group, of) for of in (*known_as(chip, named), "model"))
        known = next(self.residual[key] for key in keys if key in self.residual)
        scale = known if chip in self.rows else self.residual[residual_key(group, "system")]
        if named not in self.stack_rows:
            scale = max(scale, self.residual[residual_key(group, "stack")])
        return np.exp(scale * normals(self.draws, f"residual/{group}"))

    def power_shares(self) -> PowerShares:
        """Shares of the design power, every field an array [draws]."""
        return PowerShares(**self.power)

    def design_watts(self, power: DesignPower) -> np.ndarray:
        """Draws [draws] of a chip's design power, the mode its median. Their order hangs on the
        chip's name: of its watts the last digit is the linear algebra library's."""
        drawn = normals(self.draws, f"design power/{power.chip}")
        return power.watts * np.exp(power.log_scale * drawn)

    def watts(
        self, on_slice: Slice, hardware: Hardware, work: Work, time_s: np.ndarray
    ) -> np.ndarray | None:
        """Draws of the watts [draws, ...] of a slice's chips during `work` of all of them, which
        takes `time_s` [draws, ...]; None where their power is not known."""
        power, last_axes = design_power_of(on_slice.chip), time_s.ndim - 1
        if power is None:
            return None
        shares = mapped(lambda draws: with_last_axis(draws, last_axes), self.power_shares())
        share = power_share(shares, work, hardware, on_slice.chips, np.maximum(time_s, 1e-30))
        design_watts = with_last_axis(self.design_watts(power), last_axes)
        return on_slice.chips * design_watts * np.asarray(share)

    def joules(
        self,
        on_slice: Slice,
        hardware: Hardware,
        work: Work,
        time_s: np.ndarray,
        stack: str | None,
    ) -> np.ndarray | None:
        """As `watts`, the joules, with their unexplained part."""
        watts = self.watts(on_slice, hardware, work, time_s)
        drawn = self.residuals("energy", on_slice.chip.name, stack)
        residuals = with_last_axis(drawn, time_s.ndim - 1)
        return None if watts is None else watts * time_s * residuals

    def _effect(self, level: Level, name: str, who: str, scale: float) -> np.ndarray:
        fitted = self.effects[level].get(name, {}).get(who)
        # In small letters: another spelling of a stack that nobody knows is no other stack.
        words = f"{name}/{who.lower()}"
        return scale * normals(self.draws, words) if fitted is None else fitted


def _measurements(name: str, counts: dict[str, int], otherwise: str) -> str:
    """'12 measurements of vLLM', or what stands in for them."""
    count = counts.get(name, 0)
    if not count:
        return f"no measurements of {name}: {otherwise}"
    return f"{count} measurement{'s' if count > 1 else ''} of {name}"


@cache
def default_calibration(turns: int = TURNS) -> Calibration:
    """The calibration that comes with rooflink, with so many sets of its draws."""
    text = files(__package__).joinpath("data/calibration.json").read_text(encoding="utf-8")
    return parse_calibration(text, "calibration.json", turns)


BEYOND = 50.0  # any rate or time, on the transformed axis
_Draws = Annotated[list[Annotated[float, Field(ge=-BEYOND, le=BEYOND)]], Field(min_length=2)]
_Share = Annotated[float, Field(gt=0, lt=1)]


class _Written(BaseModel):
    """The file of a fit; draws are on the transformed axis."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    note: str = ""
    residual: dict[str, Annotated[float, Field(ge=0, le=10)]]
    rows: dict[str, NonNegativeInt]
    stack_rows: dict[str, NonNegativeInt]
    power: dict[Literal["base", "memory", "compute"], Annotated[list[_Share], Field(min_length=2)]]
    means: dict[str, dict[str, _Draws]]
    effects: dict[Level, dict[str, dict[str, _Draws]]]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        residuals = [residual_key(group, way) for group in GROUPS
                     for way in ("model", "system", "stack")]  # fmt: skip
        if missing := [key for key in residuals if key not in self.residual]:
            raise ValueError(f"lacks the residual of {missing[0]}")
        for part, needed in (("power", ("base", "memory", "compute")),
                             ("means", COMPONENTS), ("effects", LEVELS)):  # fmt: skip
            if set(getattr(self, part)) != set(needed) or not all(self.means.values()):
                raise ValueError(f"lacks or has other rows of {part} than {', '.join(needed)}")
        tables = (self.means, *self.effects.values())
        effects = [draws for table in tables for row in table.values() for draws in row.values()]
        if len({len(draws) for draws in (*effects, *self.power.values())}) > 1:
            raise ValueError("has parameters with different numbers of draws, expected the same")
        return self


def parse_calibration(text: str, file: str, turns: int = TURNS) -> Calibration:
    """The calibration in the JSON `text` of `file`, as the fit has written it, with `turns` sets of
    its draws. Raises ProfileInputError for any other."""
    try:
        written = _Written.model_validate(json_value(text, file, ProfileInputError))
    except ValidationError as reason:
        raise ProfileInputError(f"{file}: {sentence(reason.errors()[0])}") from None

    def effects(table: dict[str, dict[str, list[float]]]) -> Effects:
        return {name: {who: multiplied(np.array(draws), turns) for who, draws in rows.items()}
                for name, rows in table.items()}  # fmt: skip

    return Calibration(
        effects(written.means),
        {level: effects(table) for level, table in written.effects.items()},
        {name: _share_draws(np.array(draws), turns) for name, draws in written.power.items()},
        written.residual,
        written.rows, written.stack_rows,
    )  # fmt: skip


def _share_draws(shares: np.ndarray, turns: int) -> np.ndarray:
    """More draws of a share, whose logit is normally distributed."""
    return np.asarray(arrays.sigmoid(multiplied(np.log(shares / (1 - shares)), turns)))
