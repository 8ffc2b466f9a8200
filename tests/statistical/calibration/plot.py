"""plot.py OUT.png RANKS.csv...: rank-ECDF differences with simultaneous 95 % bands, and a table of what lies outside.

Bands: for N uniform ranks, the band of pointwise coverage gamma at every z = i/K has simultaneous coverage 95 %; gamma is found by simulation
(Saeilynoja, Buerkner & Vehtari 2022, algorithm 1 in its simulated form). Needs numpy, scipy and matplotlib.
"""
import csv
import sys

import matplotlib
import numpy as np
from scipy.stats import binom

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def gamma_of(n, k, coverage=0.95, sims=10000):
    """Pointwise two-sided tail so that the whole ECDF stays inside with the given probability."""
    rng = np.random.default_rng(1)
    z = np.arange(1, k) / k
    least = np.empty(sims)
    for s in range(sims):
        counts = np.searchsorted(np.sort(rng.random(n)), z, side="right")
        least[s] = 2 * np.minimum(binom.cdf(counts, n, z), 1 - binom.cdf(counts - 1, n, z)).min()
    return np.quantile(least, 1 - coverage), z


def main(out, files):
    ranks = {}
    for name in files:
        for row in csv.DictReader(open(name)):
            ranks.setdefault(row["parameter"], []).append((int(row["rank"]) + 0.5) / (int(row["levels"]) + 1))
    n = len(next(iter(ranks.values())))
    k = min(n, 100)
    gamma, z = gamma_of(n, k)
    low, high = binom.ppf(gamma / 2, n, z) / n, binom.ppf(1 - gamma / 2, n, z) / n
    columns = (len(ranks) + 1) // 2 if len(ranks) <= 10 else 5
    rows = -(-len(ranks) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(3 * columns, 2.6 * rows), sharex=True, sharey=True, squeeze=False)
    print(f"{n} fits; simultaneous 95 % bands (pointwise {1 - gamma:.4f})")
    outside_any = False
    for axis, (name, u) in zip(axes.flat, ranks.items()):
        ecdf = np.searchsorted(np.sort(u), z, side="right") / n
        outside = int(((ecdf < low) | (ecdf > high)).sum())
        outside_any |= outside > 0
        worst = np.abs(ecdf - z).max()
        print(f"  {name:>6}: largest |ECDF - u| {worst:.3f}; {'inside' if outside == 0 else f'OUTSIDE at {outside} points'}")
        axis.fill_between(z, low - z, high - z, color="0.88", lw=0)
        axis.step(z, ecdf - z, where="post", color="C0" if outside == 0 else "C3")
        axis.axhline(0, color="0.6", lw=0.6)
        axis.set_title(name)
    for axis in axes.flat[len(ranks):]:
        axis.axis("off")
    fig.supxlabel("rank of the truth / draws")
    fig.supylabel("ECDF − uniform")
    fig.tight_layout()
    fig.savefig(out, dpi=110)
    return int(outside_any)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
