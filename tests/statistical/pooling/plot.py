"""plot.py FOLDER OUT.png: shrinkage. What compare.sh left in FOLDER: each segment's estimate alone (none), pooled (partial) and its truth, by how many customers it has; and the
root mean square errors against the truth. Needs h5py, numpy, matplotlib."""
import collections
import csv
import json
import sys

import h5py
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

# what is shown, from natural parameters, on the scale of the model's coordinates
QUANTITIES = [
    ("purchases per week, r/α", ["r", "alpha"], lambda r, alpha: np.log(r / alpha), np.exp, "log"),
    ("mean dropout probability, a/(a+b)", ["a", "b"], lambda a, b: np.log(a / b), lambda u: 1 / (1 + np.exp(-u)), "linear"),
    ("mean spend, p v/(q−1)", ["p", "q", "v"], lambda p, q, v: np.log(p * v / (q - 1)), np.exp, "log"),
]


def estimates(folder, pooling, names, u, suffix=""):
    """Posterior mean of a coordinate: [segment], or a number for what has no segments."""
    with h5py.File(f"{folder}/{pooling}/trace.nc") as f:
        values = [f["posterior"][n + suffix][:] for n in names]
    return u(*values).mean(axis=(0, 1))


def main(folder, out):
    truth = json.load(open(f"{folder}/data/truth.json"))
    segments = sorted(truth["segments"])
    size = collections.Counter(row["segment"] for row in csv.DictReader(open(f"{folder}/data/customers.csv")))
    n = np.array([size[s] for s in segments])
    fig, axes = plt.subplots(1, 3, figsize=(15, 5.2))
    for axis, (title, names, u, back, scale) in zip(axes, QUANTITIES):
        alone, pooled = (estimates(folder, p, names, u) for p in ("none", "partial"))
        typical, complete = estimates(folder, "partial", names, u, "_population"), estimates(folder, "complete", names, u)
        right = np.array([u(*(truth["segments"][s][k] for k in names)) for s in segments])
        for k in range(len(segments)):
            axis.annotate("", (n[k], back(pooled[k])), (n[k], back(alone[k])), arrowprops={"arrowstyle": "->", "color": "0.7", "lw": 0.9})
        axis.plot(n, back(alone), "o", mfc="none", color="C1", ms=5, label="none: alone")
        axis.plot(n, back(pooled), "o", color="C0", ms=5, label="partial: pooled")
        axis.plot(n, back(right), "x", color="k", ms=5, label="truth")
        axis.axhline(back(typical), color="C0", lw=0.8, label="typical segment (partial)")
        axis.axhline(back(complete), color="C2", lw=0.8, ls="--", label="complete")
        axis.set(xscale="log", yscale=scale, title=title, xlabel="customers of the segment")
        error = {"none": alone, "partial": pooled, "complete": complete}
        print(title + ": rms error " + ", ".join(f"{k} {np.sqrt(np.mean((v - right) ** 2)):.3f}" for k, v in error.items()))
    axes[0].legend(fontsize=8)
    fig.tight_layout()
    fig.savefig(out, dpi=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
