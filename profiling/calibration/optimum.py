"""The mode of a posterior of thousands of rows and hundreds of parameters, and the curvature there.

Every row depends on one entry of each part of the parameters (the mean of its kind, the effect of
its chip), so that one tangent for each part gives the whole Jacobian. The curvature is the expected
one of a Student-t about the prediction (Lange et al. 1989), plus the priors', and is never
negative. In coordinates in which it is the identity, L-BFGS needs tens of steps, not thousands.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""A vector of parameters -> the negative log posterior and its slope."""
ROUNDS, STEPS, MEMORY = 20, 60, 40
SETTLED = 1e-3
"""Of the negative log posterior: what a round must gain for another to follow."""


@dataclass(frozen=True)
class Slopes:
    """Derivatives of N rows' log predictions: row n's by its entry `columns[part, n]` of a part."""

    values: np.ndarray  # [parts, N]
    columns: np.ndarray  # [parts, N], of the vector of parameters

    def information(self, weights: np.ndarray, parameters: int) -> np.ndarray:
        """The sum over rows of `weights` [N] times the outer product of the row's slopes."""
        parts, rows = self.values.shape
        starts = np.arange(rows + 1) * parts
        shape = (rows, parameters)
        jacobian = csr_matrix((self.values.T.ravel(), self.columns.T.ravel(), starts), shape=shape)
        return np.asarray((jacobian.T @ jacobian.multiply(weights[:, None]).tocsr()).todense())


def covariance_of(curvature: np.ndarray) -> np.ndarray:
    """The inverse of a positive definite matrix."""
    return np.asarray(cho_solve(cho_factor(curvature), np.eye(len(curvature))))


def mode_of(
    objective: Objective,
    curvature: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    rounds: int = ROUNDS,
) -> np.ndarray:
    """The vector with the least `objective`, from `start`; deterministic."""
    mode, value = start, np.inf
    for _ in range(rounds):
        # x = mode + U^-1 z with curvature U'U: the curvature by z is the identity at z = 0.
        upper = cholesky(curvature(mode))

        def of_round(
            z: np.ndarray, upper: np.ndarray = upper, mode: np.ndarray = mode
        ) -> tuple[float, np.ndarray]:
            value, slope = objective(mode + solve_triangular(upper, z))
            return value, solve_triangular(upper, slope, trans="T")

        found = minimize(of_round, np.zeros(len(mode)), jac=True, method="L-BFGS-B",
                         options={"maxiter": STEPS, "maxcor": MEMORY})  # fmt: skip
        mode, gained, value = mode + solve_triangular(upper, found.x), value - found.fun, found.fun
        if gained < SETTLED:
            break
    return mode
