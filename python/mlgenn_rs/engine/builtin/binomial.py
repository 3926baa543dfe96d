"""Quantiles of the binomial distribution, which bound rows and columns of random connectivity."""

from __future__ import annotations

import math

import numpy as np

_SPREAD = 40.0
"""Standard deviations around the mean beyond which probabilities are below any double."""


def binomial_quantile(log_cumulative: float, n: int, p: float) -> int:
    """Return the smallest k such that P(X <= k) reaches a cumulative probability.

    Parameters
    ----------
    log_cumulative
        Natural logarithm of the cumulative probability; as a logarithm because probabilities
        extremely close to one are what is asked for.
    n
        Number of trials.
    p
        Probability of success of each.

    Probabilities are computed relative to the most likely k and then normalised, so that no
    factorial is needed; tail sums start at the far end, so that small probabilities keep their
    digits.
    """
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    mode = min(n, math.floor((n + 1) * p))
    reach = math.ceil(_SPREAD * (math.sqrt(n * p * (1.0 - p)) + 1.0)) + 1
    low, high = max(0, mode - reach), min(n, mode + reach)
    k = np.arange(low, high, dtype=np.float64)
    log_ratios = np.log(n - k) - np.log(k + 1.0) + math.log(p) - math.log1p(-p)
    log_relative = np.concatenate(([0.0], np.cumsum(log_ratios)))
    relative = np.exp(log_relative - log_relative[mode - low])
    exceeding = np.concatenate((np.cumsum(relative[::-1])[::-1][1:], [0.0])) / relative.sum()
    allowed = -math.expm1(log_cumulative)
    return low + int(np.argmax(exceeding <= allowed))


def longest_of(lengths: int, n: int, p: float) -> int:
    """Return the length that the longest of several rows exceeds with probability 0.0001.

    ``lengths`` rows have binomial lengths from ``n`` trials of probability ``p`` each.
    """
    return binomial_quantile(math.log(0.9999) / lengths, n, p) if lengths > 0 else 0
