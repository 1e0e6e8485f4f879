"""The posterior of prediction's parameters: its mode, and draws about it.

Every component's mean by kind, and standardised effects of chips and stacks, have normal priors
(`predicted.calibration`); log(measured / predicted) has a Student-t of few degrees of freedom
about zero, with a scale for each group of measurements, because some rows are wrong. Draws are
from the normal approximation at the mode (Laplace; Gelman et al. 2013, ch. 13). Cases are held as
arrays, one entry each, so that one call predicts all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypedDict

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from ..predicted.arrays import mapped
from ..predicted.calibration import (
    BEYOND,
    COMPONENTS,
    GROUPS,
    LEVELS,
    Level,
    effects_of,
    efficiency_of,
    regime_of,
)
from ..predicted.cases import Case, Piece
from ..predicted.energy import SERVER_OVER_CHIPS, PowerShares, design_power_of, power_share
from ..predicted.step.hardware import Hardware, hardware_of
from ..predicted.step.time_model import step_terms
from ..predicted.step.work import NOTHING, Work
from .optimum import ROUNDS, Slopes, covariance_of, mode_of


@dataclass(frozen=True)
class Names:
    """Who has an effect, sorted: in the order of the parameters."""

    kinds: tuple[str, ...]  # of chips
    at: dict[Level, tuple[str, ...]]
    of_kernels: frozenset[str]  # of these, those of operations timed by themselves; no chips

    @staticmethod
    def of(cases: Sequence[Case]) -> "Names":
        kinds = tuple(sorted({case.slice.chip.kind for case in cases}))
        whose = [effects_of(case.stack, case.slice.chip.name) for case in cases]
        at = {level: tuple(sorted({each[level] for each in whose})) for level in LEVELS}
        kernels = {name for each in whose if regime_of(each["stack"]) == "kernels"
                   for level, name in each.items() if level != "chip"}  # fmt: skip
        return Names(kinds, at, frozenset(kernels))


@dataclass(frozen=True)
class Rows:
    """N cases of up to M pieces. Kinds, and whose effects a case has, are indices into `names`."""

    work: Work  # [N, M]
    steps: np.ndarray  # [N, M], and of further steps and arrivals as in Piece:
    bunched: np.ndarray
    queued: np.ndarray
    requests: np.ndarray
    hardware: Hardware  # [N, 1]
    narrowing: np.ndarray  # [N, 1]
    kind: np.ndarray  # [N]
    at: dict[Level, np.ndarray]  # [N]
    of_kernels: np.ndarray  # [N], of operations timed by themselves
    group: np.ndarray  # [N], index into GROUPS
    chips: np.ndarray  # [N], chips of the slice
    copies: np.ndarray  # [N], chips whose work is alike and adds up
    design_w: np.ndarray  # [N], NaN where unknown
    beside: np.ndarray  # [N], joules measured over the chips' own
    log_observed: np.ndarray  # [N]

    def __len__(self) -> int:
        return len(self.log_observed)


def rows_of(cases: Sequence[Case], names: Names) -> Rows:
    """Arrays of `cases`, all of whose kinds, chips and stacks are in `names`."""
    most = max(len(case.pieces) for case in cases)
    filler = Piece("", 0.0, NOTHING)
    pieces = [[*case.pieces, *[filler] * (most - len(case.pieces))] for case in cases]
    works = [[piece.work for piece in of_case] for of_case in pieces]
    hardware = [[hardware_of(case.slice.chip, case.matmul_dtype)] for case in cases]
    whose = [effects_of(case.stack, case.slice.chip.name) for case in cases]
    powers = [design_power_of(case.slice.chip) for case in cases]
    return Rows(
        work=Work(*(_table(works, f.name) for f in fields(Work))),
        **{name: _table(pieces, name) for name in ("steps", "bunched", "queued", "requests")},
        hardware=Hardware(*(_table(hardware, f.name) for f in fields(Hardware))),
        narrowing=np.array([[case.narrowing] for case in cases]),
        kind=np.array([names.kinds.index(case.slice.chip.kind) for case in cases]),
        at={at: np.array([who.index(each[at]) for each in whose]) for at, who in names.at.items()},
        of_kernels=np.array([regime_of(case.stack) == "kernels" for case in cases]),
        group=np.array([GROUPS.index(case.group) for case in cases]),
        chips=np.array([float(case.slice.chips) for case in cases]),
        copies=np.array([float(case.copies) for case in cases]),
        design_w=np.array([power.watts if power else np.nan for power in powers]),
        beside=np.array([SERVER_OVER_CHIPS if case.scope == "server" else 1.0 for case in cases]),
        log_observed=np.log([case.observed for case in cases]),
    )


def _table(rows: list[list], name: str) -> np.ndarray:
    return np.array([[float(getattr(part, name)) for part in row] for row in rows])


DEGREES_OF_FREEDOM = 4.0
PRIOR_LOG_SCALE = (float(np.log(0.12)), 0.5)
POWER_PRIOR = {"base": (-0.2, 0.5), "memory": (-1.7, 0.5), "compute": (-0.4, 0.5)}
"""Mean and scale of the logit of each share: about 0.45, 0.15 and 0.4 of the design power."""
ENERGY = GROUPS.index("energy")


class Parameters(TypedDict):
    """What is fitted: by component, and there by kind of chip or by who has an effect."""

    means: dict[str, Array]
    effects: dict[Level, dict[str, Array]]
    power: dict[str, Array]
    log_scale: Array


@dataclass(frozen=True)
class Posterior:
    """The mode and the covariance of all parameters, as one vector."""

    mode: np.ndarray
    covariance: np.ndarray


def prior_mode(names: Names) -> Parameters:
    """Parameters at their prior's mode."""
    each = COMPONENTS.items()
    return {
        "means": {name: jnp.full(len(names.kinds), one.mean) for name, one in each},
        "effects": {
            at: {name: jnp.zeros(len(who)) for name, one in each if any(one.spreads[at])}
            for at, who in names.at.items()
        },
        "power": {name: jnp.asarray(mean) for name, (mean, _) in POWER_PRIOR.items()},
        "log_scale": jnp.full(len(GROUPS), PRIOR_LOG_SCALE[0]),
    }


def log_predicted(parameters: Parameters, rows: Rows) -> Array:
    """Log seconds (or joules, of energy rows) of every case [N]."""
    transformed = {}
    for name, component in COMPONENTS.items():
        value = parameters["means"][name][rows.kind]
        for at, (of_stack, of_kernels) in component.spreads.items():
            if of_stack or of_kernels:
                spread = jnp.where(rows.of_kernels, of_kernels, of_stack)
                value += spread * parameters["effects"][at][name][rows.at[at]]
        # The first steps of a fit go far: what they find there must still be a number.
        transformed[name] = jnp.clip(value, -BEYOND, BEYOND)[:, None]
    efficiency = efficiency_of(transformed)
    terms = step_terms(rows.work, rows.hardware, efficiency, rows.narrowing)
    waited = efficiency.waited(rows.bunched, rows.queued)
    arrival_s = rows.requests * efficiency.request_s
    seconds = ((rows.steps + waited) * terms.time_s + arrival_s).sum(axis=1)
    whole = mapped(lambda x: (x * rows.steps).sum(axis=1) * rows.copies, rows.work)
    share = _power_share(parameters, rows, whole, seconds)
    watts = rows.chips * jnp.nan_to_num(rows.design_w, nan=1.0) * share * rows.beside
    return jnp.log(seconds) + jnp.where(rows.group == ENERGY, jnp.log(watts), 0.0)


def _power_share(parameters: Parameters, rows: Rows, whole: Work, seconds: Array) -> Array:
    shares = PowerShares(**{n: jax.nn.sigmoid(v) for n, v in parameters["power"].items()})
    flat = mapped(lambda x: x[:, 0], rows.hardware)
    return power_share(shares, whole, flat, rows.chips, seconds)


def negative_log_posterior(parameters: Parameters, rows: Rows, weights: Array) -> Array:
    """Up to a constant; `weights` [N] are 0 for rows held out."""
    error = rows.log_observed - log_predicted(parameters, rows)
    scale = jnp.exp(parameters["log_scale"])[rows.group]
    nu = DEGREES_OF_FREEDOM
    surprise = (nu + 1) / 2 * jnp.log1p((error / scale) ** 2 / nu) + jnp.log(scale)
    total = (weights * surprise).sum()
    for name, component in COMPONENTS.items():
        standard = (parameters["means"][name] - component.mean) / component.mean_scale
        total += 0.5 * (standard**2).sum()
    for effects in parameters["effects"].values():
        total += 0.5 * sum((effect**2).sum() for effect in effects.values())
    for name, (mean, width) in POWER_PRIOR.items():
        total += 0.5 * ((parameters["power"][name] - mean) / width) ** 2
    mean, width = PRIOR_LOG_SCALE
    return total + 0.5 * (((parameters["log_scale"] - mean) / width) ** 2).sum()


class Fitter:
    """The fit of one set of rows; rows may be held out of it by their weights."""

    def __init__(self, rows: Rows, names: Names) -> None:
        self.rows, self.names = rows, names
        start, self._unravel = ravel_pytree(prior_mode(names))
        self._start = np.asarray(start, np.float64)
        directions, self._columns = self._parts()

        def objective(vector: Array, weights: Array) -> Array:
            return negative_log_posterior(self._unravel(vector), rows, weights)

        def of_vector(vector: Array) -> Array:
            return log_predicted(self._unravel(vector), rows)

        def slopes(vector: Array) -> Array:
            return jax.lax.map(lambda one: jax.jvp(of_vector, (vector,), (one,))[1], directions)

        self._value_and_slope = jax.jit(jax.value_and_grad(objective))
        self._slopes = jax.jit(slopes)
        self._log_predicted = jax.jit(jax.vmap(of_vector))
        ones, nothing = np.ones(len(self._start)), np.zeros(len(rows))
        of_prior = [self._value_and_slope(v, nothing)[1] for v in (self._start, self._start + ones)]
        self._prior_curvature = np.asarray(of_prior[1] - of_prior[0])  # the priors are normal

    def _parts(self) -> tuple[np.ndarray, np.ndarray]:
        """A tangent [parts, parameters] of all entries of each part, and the entry of each row
        [parts, N]."""
        at = self._places()
        tables = [(at["means"], self.rows.kind),
                  *((at["effects"][level], self.rows.at[level]) for level in LEVELS)]  # fmt: skip
        lists = [(np.asarray(entries, int), index)
                 for table, index in tables for entries in table.values()]  # fmt: skip
        everyone = np.zeros(len(self.rows), int)
        lists += [(np.asarray([entry], int), everyone) for entry in at["power"].values()]
        directions = np.zeros((len(lists), len(self._start)))
        for tangent, (entries, _) in zip(directions, lists, strict=True):
            tangent[entries] = 1.0
        return directions, np.stack([entries[index] for entries, index in lists])

    def _places(self) -> Parameters:
        """Where each parameter is in a vector."""
        return self.parameters(np.arange(len(self._start), dtype=np.float64))

    def slopes(self, vector: np.ndarray) -> Slopes:
        """Of the log predictions, at `vector`."""
        return Slopes(np.asarray(self._slopes(vector)), self._columns)

    def curvature(self, vector: np.ndarray, weights: np.ndarray, slopes: Slopes) -> np.ndarray:
        """Of the negative log posterior, expected over what is measured."""
        nu, scales = DEGREES_OF_FREEDOM, np.exp(self.parameters(vector)["log_scale"])
        told = weights * (nu + 1) / (nu + 3)
        found = slopes.information(told / scales[self.rows.group] ** 2, len(vector))
        of_scales = np.asarray(self._places()["log_scale"], int)
        counts = np.bincount(self.rows.group, weights, len(GROUPS))
        found[of_scales, of_scales] += counts * 2 * nu / (nu + 3)
        return found + np.diag(self._prior_curvature)

    def fit(
        self, weights: np.ndarray, start: np.ndarray | None = None, rounds: int = ROUNDS
    ) -> Posterior:
        """The mode, from `start`, and the inverse of the curvature there; needs 64-bit floats."""

        def objective(vector: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = self._value_and_slope(vector, weights)
            return float(value), np.asarray(slope, np.float64)

        def curvature(vector: np.ndarray) -> np.ndarray:
            return self.curvature(vector, weights, self.slopes(vector))

        mode = mode_of(objective, curvature, self._start if start is None else start, rounds)
        return Posterior(mode, covariance_of(curvature(mode)))

    def parameters(self, vector: np.ndarray) -> Parameters:
        """A vector as parameters by name."""
        return self._unravel(jnp.asarray(vector))

    def log_predicted(self, vectors: np.ndarray) -> np.ndarray:
        """Log seconds or joules [draws, N] of every row, for each draw of the parameters."""
        return np.asarray(self._log_predicted(vectors))


def draws(posterior: Posterior, count: int, seed: int = 0) -> np.ndarray:
    """Parameter vectors [count, parameters]: the mode, then draws about it."""
    rng = np.random.default_rng(seed)
    others = rng.multivariate_normal(posterior.mode, posterior.covariance, count - 1, method="eigh")
    return np.vstack((posterior.mode, others))
