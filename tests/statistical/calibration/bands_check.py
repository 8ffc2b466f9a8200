"""The bands of calibration judged by ranks of which all is known: uniform ones leave them as often as they should, wrong ones are seen.

n = 1304 fits and 150 draws, where ranks compared at points that are no multiples of 1/151 gave 13 false alarms of 100. Shares of 1500 lots
each; tolerance 4 standard errors (one false failure in 16 thousand runs of a check; the seeds are fixed).
"""
import numpy as np
from scipy.stats import norm

from bands import COVERAGE, Bands

N, LEVELS, QUANTITIES, LOTS = 1304, 150, 11, 1500


def share_outside(bands, of, lot):
    return np.mean([bands.outside(lot(), of) > 0 for _ in range(LOTS)])


def expect(what, holds):
    print(("ok: " if holds else "FAILED: ") + what)
    return holds


def near(share, wanted):
    return abs(share - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / LOTS)


def centred(bands, lot):
    """ECDFs of uniform ranks lie on the diagonal in the mean, at all hundred points."""
    mean = np.mean([bands.ecdf(lot()) for _ in range(LOTS)], axis=0)
    return np.all(np.abs(mean - bands.z) < 4.5 * np.sqrt(bands.z * (1 - bands.z) / (N * LOTS)))  # 4.5, for a hundred points


def main():
    rng = np.random.default_rng(20261126)
    bands = Bands(N, LEVELS, QUANTITIES, sims=20000)

    def uniform():
        return rng.integers(0, LEVELS + 1, N)

    own, model = share_outside(bands, "own", uniform), share_outside(bands, "model", uniform)
    per_quantity = 1 - COVERAGE ** (1 / QUANTITIES)
    # Ranks of a posterior 0.15 of its deviations too low, and of one 15 % too narrow.
    z = rng.normal(size=(2, N))
    low, narrow = rng.binomial(LEVELS, norm.cdf(z[0] + 0.15)), rng.binomial(LEVELS, norm.cdf(1.15 * z[1]))
    p_values = [bands.p_value(uniform()) for _ in range(400)]
    good = [
        expect("ECDFs of uniform ranks lie on the diagonal in the mean", centred(bands, uniform)),
        expect(f"uniform ranks leave their own band in {own:.3f} of lots, 0.05 wanted", near(own, 1 - COVERAGE)),
        expect(f"and the model's in {model:.4f}, {per_quantity:.4f} wanted", near(model, per_quantity)),
        expect("a shift of 0.15 deviations is outside the model's band", bands.outside(low, "model") > 0),
        expect("a posterior 15 % too narrow is outside the model's band", bands.outside(narrow, "model") > 0),
        expect("p-values of uniform ranks have the mean of uniform numbers", abs(np.mean(p_values) - 0.5) < 4 * np.sqrt(1 / 12 / 400)),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
