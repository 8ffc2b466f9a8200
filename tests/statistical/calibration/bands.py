"""Ranks of simulation-based calibration and the bands their ECDFs are judged by (docs/calibration.md).

A band is simultaneous over points z: for n uniform ranks, bands of pointwise coverage 1 - gamma hold the whole ECDF with the wanted
probability; gamma is found by simulation (Saeilynoja, Buerkner & Vehtari 2022, algorithm 1 in its simulated form). A rank among L draws has
L + 1 values, so the points are multiples of 1/(L + 1): between them the ECDF of uniform ranks is not the diagonal, and with L = 150 and
n = 1304 the difference at the ends is more than a standard error.

Each ECDF has a band of its own, 95 % for itself, and the band of its model, 95 % for all ECDFs of the model together: 0.95^(1/quantities)
for each. The latter is the verdict. Of eleven quantities of a model that is right, one or more leave their own bands in 43 of 100 studies.
"""
import csv

import numpy as np
from scipy.stats import binom

COVERAGE = 0.95


def read(files):
    """Ranks, and draws' effective number over the number kept, by parameter; the number kept, the same in all."""
    ranks, worth, levels = {}, {}, set()
    for name in files:
        with open(name) as lines:
            for row in csv.DictReader(lines):
                levels.add(int(row["levels"]))
                ranks.setdefault(row["parameter"], []).append(int(row["rank"]))
                if row.get("ess_bulk"):
                    worth.setdefault(row["parameter"], []).append(float(row["ess_bulk"]) / int(row["levels"]))
    if len(levels) != 1:
        raise SystemExit(f"files of one number of kept draws are judged together; these have {sorted(levels) or 'no ranks'}")
    return ranks, worth, levels.pop()


def points(levels, most=100):
    """So many ranks or fewer, evenly spread, both ends among them: an ECDF's points are these / (levels + 1)."""
    return np.unique(np.round(np.linspace(1, levels, min(levels, most))).astype(int))


class Bands:
    """The bands of n fits, `levels` draws kept of each, `quantities` ECDFs in the model."""

    def __init__(self, n, levels, quantities, sims=40000):
        self.n, self.below = n, points(levels)
        self.z = self.below / (levels + 1)
        count = np.arange(n + 1)[:, None]
        self._tail = np.minimum(1.0, 2 * np.minimum(binom.cdf(count, n, self.z), binom.sf(count - 1, n, self.z)))
        rng = np.random.default_rng(1)
        self._least = np.sort([self._least_tail(rng.integers(0, levels + 1, n)) for _ in range(sims)])
        self.gamma = {"own": self._gamma(COVERAGE), "model": self._gamma(COVERAGE ** (1 / quantities))}
        self.band = {of: (binom.ppf(g / 2, n, self.z) / n, binom.ppf(1 - g / 2, n, self.z) / n) for of, g in self.gamma.items()}

    def _gamma(self, coverage):
        return np.quantile(self._least, 1 - coverage)

    def _tails(self, ranks):
        return self._tail[np.searchsorted(np.sort(ranks), self.below), np.arange(len(self.z))]

    def _least_tail(self, ranks):
        return self._tails(ranks).min()

    def ecdf(self, ranks):
        return np.searchsorted(np.sort(ranks), self.below) / self.n

    def p_value(self, ranks):
        """Share of uniform ECDFs that come as far out as this one somewhere."""
        return (1 + np.searchsorted(self._least, self._least_tail(ranks), side="right")) / (1 + len(self._least))

    def outside(self, ranks, of):
        """At how many points the ECDF is outside its own band, or the model's."""
        return int((self._tails(ranks) < self.gamma[of]).sum())
