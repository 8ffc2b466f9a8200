"""plot.py OUT.png RANKS.csv...: rank-ECDF differences inside or outside their bands (bands.py), as a picture and as a table.

Dark: the band of each quantity alone; light: the model's, which is the verdict. Exit code 1: a quantity is outside the model's band.
Needs numpy, scipy and matplotlib.
"""
import sys

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from bands import Bands, read  # noqa: E402


def line(name, ranks, bands, worth):
    own, model = bands.outside(ranks, "own"), bands.outside(ranks, "model")
    verdict = f"OUTSIDE THE MODEL'S BAND at {model} points" if model else f"outside its own band at {own} points" if own else "inside"
    distance = np.abs(bands.ecdf(ranks) - bands.z).max()
    ess = f"; ESS {np.median(worth):.1f} times the draws kept, at the least {min(worth):.1f}" if worth else ""
    return f"  {name:>24}: largest |ECDF - u| {distance:.3f}, p {bands.p_value(ranks):.4f}; {verdict}{ess}"


def draw(axis, name, ranks, bands):
    for of, colour in (("model", "0.93"), ("own", "0.85")):
        low, high = bands.band[of]
        axis.fill_between(bands.z, low - bands.z, high - bands.z, color=colour, lw=0)
    colour = "C3" if bands.outside(ranks, "model") else "C1" if bands.outside(ranks, "own") else "C0"
    axis.step(bands.z, bands.ecdf(ranks) - bands.z, where="post", color=colour)
    axis.axhline(0, color="0.6", lw=0.6)
    axis.set_title(name)


def main(out, files):
    ranks, worth, levels = read(files)
    bands = Bands(len(next(iter(ranks.values()))), levels, len(ranks))
    columns = (len(ranks) + 1) // 2 if len(ranks) <= 10 else 5
    rows = -(-len(ranks) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(3 * columns, 2.6 * rows), sharex=True, sharey=True, squeeze=False)
    print(f"{bands.n} fits, {levels} draws kept of each, {len(ranks)} quantities")
    for axis, (name, of_name) in zip(axes.flat, ranks.items()):
        print(line(name, of_name, bands, worth.get(name)))
        draw(axis, name, of_name, bands)
    for axis in axes.flat[len(ranks):]:
        axis.axis("off")
    fig.supxlabel("rank of the truth / draws")
    fig.supylabel("ECDF − uniform")
    fig.tight_layout()
    fig.savefig(out, dpi=110)
    outside = any(bands.outside(of_name, "model") for of_name in ranks.values())
    least = min(bands.p_value(of_name) for of_name in ranks.values())
    print(f"  the model: {'OUTSIDE' if outside else 'inside'} its band, p {1 - (1 - least) ** len(ranks):.3f}")
    return int(outside)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
