"""A rater's skill from checks with a known answer, as a Beta posterior (pure).

Symbols: k right of n; prior Beta(a, b); the posterior is Beta(a + k, b + n - k), its mean the value
and its central `level` share the interval. With the uniform prior Beta(1, 1) the mean is Laplace's
rule of succession, (k + 1) / (n + 2).
Source: A. Gelman et al., "Bayesian Data Analysis" (3rd ed., 2013), section 2.4.
"""

from scipy.stats import beta

from annotations.measurement.results import Estimate, undefined

UNIFORM = (1.0, 1.0)
METHOD = "Beta posterior, uniform prior"


def posterior(
    right: int, asked: int, *, prior: tuple[float, float] = UNIFORM, level: float = 0.95,
    nothing: str = "No check was answered yet.",
) -> Estimate:  # fmt: skip
    """The share right that is to be expected; undefined before the first check."""
    if not 0 <= right <= asked:
        raise ValueError(f"A skill needs 0 <= right <= asked, not {right} of {asked}.")
    if asked == 0:
        return undefined(nothing, n=0, method=METHOD, level=level)
    a, b = prior[0] + right, prior[1] + asked - right
    tail = (1 - level) / 2
    low, high = (float(beta.ppf(q, a, b)) for q in (tail, 1 - tail))
    return Estimate(a / (a + b), low, high, asked, level=level, method=METHOD)
