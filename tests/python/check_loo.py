"""loo.json, loo.h5 and clv compare against arviz.loo on pointwise log-likelihoods made with numpy from trace.nc and portfolio.h5."""
import json, sys
import arviz as az, h5py, numpy as np
from scipy.special import betaln, gammaln

work = sys.argv[1]


def purchases(model, post, x, t_x, T):
    """[draw][customer]: Fader, Hardie & Lee 2005, eq. 6; Batislam, Denizel & Filiztekin 2007, eq. 4."""
    r, alpha, a, b = (post[n][:, None] for n in ("r", "alpha", "a", "b"))
    m = 1 if model == "mbg_nbd" else 0
    before = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    alive = betaln(a, b + x + m) - (r + x) * np.log(alpha + T)
    gone = np.where(x + m > 0, betaln(a + 1, b + np.maximum(x + m - 1, 0)) - (r + x) * np.log(alpha + t_x), -np.inf)
    return before + np.logaddexp(alive, gone)


def spend(post, x, z):
    """Fader & Hardie 2013, the mean of x >= 1 amounts."""
    p, q, v = (post[n][:, None] for n in ("p", "q", "v"))
    return (gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(z) + p * x * np.log(x) - (p * x + q) * np.log(x * z + v))


def loo_of(ll, reff):
    data = az.from_dict(posterior={"one": np.zeros((4, len(ll) // 4))}, log_likelihood={"y": ll.reshape(4, len(ll) // 4, -1)})
    return az.loo(data, pointwise=True, reff=reff)


def close(got, want, what, allowed=1e-8):
    assert np.all(np.abs(np.asarray(got) - want) <= allowed * (1 + np.abs(want))), (what, got, want)


pointwise = {}
for model in ("bg_nbd", "mbg_nbd"):
    run = f"{work}/{model}"
    trace = az.from_netcdf(f"{run}/trace.nc")
    post = {n: trace.posterior[n].values.reshape(-1) for n in ("r", "alpha", "a", "b", "p", "q", "v")}
    with h5py.File(f"{run}/portfolio.h5") as f:
        x, t_x, T, z = (f[f"customers/{n}"][:] for n in ("x", "t_x", "T", "spend"))
    report = json.load(open(f"{run}/loo.json"))
    assert report["draws"] == 400 and report["purchases"] == model
    # ESS of the mean, averaged over parameters, as arviz.loo has it by default
    ess = az.ess(trace.posterior, method="mean")
    reff = np.mean([float(ess[n]) for n in post]) / 400
    close(report["relative_efficiency"], min(reff, 1.0), "relative efficiency")
    some = (x > 0) & (z > 0)
    ll = {"purchases": purchases(model, post, x.astype(float), t_x, T), "spend": spend(post, x[some].astype(float), z[some])}
    ll["total"] = ll["purchases"].copy()
    ll["total"][:, some] += ll["spend"]
    with h5py.File(f"{run}/loo.h5") as f:
        assert f.attrs["purchases"].decode() == model and len(f["customers/elpd_total"]) == 1500
        for part, values in ll.items():
            who = some if part == "spend" else np.ones(len(x), bool)
            want = loo_of(values, report["relative_efficiency"])
            got = report["parts"][part]
            close(got["elpd_loo"], want.elpd_loo, (model, part, "elpd"))
            close(got["se"], want.se, (model, part, "se"))
            close(got["p_loo"], want.p_loo, (model, part, "p_loo"), 1e-6)
            assert got["customers"] == who.sum()
            k = want.pareto_k.values
            edges = [-np.inf, 0.5, report["pareto_k_threshold"], 1, np.inf]
            count = [int(((k > low) & (k <= high)).sum()) for low, high in zip(edges[:-1], edges[1:])]
            assert list(got["pareto_k"].values()) == count, (model, part, got, count)
            close(f[f"customers/elpd_{part}"][:][who], want.loo_i.values, (model, part, "pointwise"))
            close(f[f"customers/pareto_k_{part}"][:][who], k, (model, part, "k"), 1e-6)
            pointwise[model, part] = want.loo_i.values
    with h5py.File(f"{run}/loo.h5") as f:
        assert np.isnan(f["customers/elpd_spend"][:][~some]).all()
table = json.load(open(f"{work}/compare.json"))["parts"]
for part in ("purchases", "spend", "total"):
    best, other = table[part]
    names = [entry["run"].rsplit("/", 1)[1] for entry in (best, other)]
    difference = pointwise[names[1], part] - pointwise[names[0], part]
    assert best["elpd_diff"] == 0 and other["elpd_diff"] <= 0
    close(other["elpd_diff"], difference.sum(), (part, "difference"))
    close(other["se_diff"], np.sqrt(len(difference) * difference.var()), (part, "its error"))
