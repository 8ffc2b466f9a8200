#!/usr/bin/env python3
"""latent.py FILE PEER [CHAINS WARMUP DRAWS DEPTH]: pareto_nbd_lognormal with every customer's own parameters sampled, by
NumPyro or PyMC (PEER: numpyro | pymc), on the customers (x,t_x,T rows) that `CSV=FILE sampler_latent N` wrote.
Prints effective draws of the worst hyperparameter and of the worst of 500 customers' own parameters, per second and
per second of processor time (compilation left out of neither). DEPTH: deepest tree. Needs a virtual environment with
numpyro, or pymc; priors and likelihood are those of clv."""
import resource
import sys
import time

import numpy as np

file, peer = sys.argv[1], sys.argv[2]
chains, warmup, draws = (int(a) for a in (sys.argv[3:6] or (4, 300, 300)))
depth = int(sys.argv[6]) if len(sys.argv) > 6 else 10
x, t_x, T = np.loadtxt(file, delimiter=",", unpack=True)
centre = -np.log(T.mean())
n = len(x)


def log_likelihood(xp, a, b):
    lam, mu = xp.exp(a), xp.exp(b)
    both = lam + mu
    share = (mu + lam * xp.exp(-both * (T - t_x))) / both
    return x * a - both * t_x + xp.log(share)


def by_numpyro():
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS

    numpyro.enable_x64()

    def model():
        m = numpyro.sample("mean", dist.Normal(centre, 2.0).expand([2]).to_event(1))
        s = numpyro.sample("sd", dist.HalfNormal(2.0).expand([2]).to_event(1))
        beta = numpyro.sample("half", dist.Beta(2.0, 2.0))  # LKJ(2) of one correlation
        rho = numpyro.deterministic("correlation", 2.0 * beta - 1.0)
        u = numpyro.sample("u", dist.Normal(0.0, 1.0).expand([2, n]).to_event(2))
        a = m[0] + s[0] * u[0]
        b = m[1] + s[1] * (rho * u[0] + jnp.sqrt(1.0 - rho**2) * u[1])
        numpyro.factor("log_likelihood", log_likelihood(jnp, a, b).sum())

    mcmc = MCMC(NUTS(model, max_tree_depth=depth), num_warmup=warmup, num_samples=draws, num_chains=chains, chain_method="sequential",
                progress_bar=False)
    mcmc.run(jax.random.PRNGKey(1), extra_fields=("num_steps",))
    got = {k: np.asarray(v) for k, v in mcmc.get_samples(group_by_chain=True).items()}
    return got, float(np.mean(mcmc.get_extra_fields()["num_steps"]))


def by_pymc():
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model():
        m = pm.Normal("mean", centre, 2.0, shape=2)
        s = pm.HalfNormal("sd", 2.0, shape=2)
        rho = pm.Deterministic("correlation", 2.0 * pm.Beta("half", 2.0, 2.0) - 1.0)
        u = pm.Normal("u", 0.0, 1.0, shape=(2, n))
        a = m[0] + s[0] * u[0]
        b = m[1] + s[1] * (rho * u[0] + pt.sqrt(1.0 - rho**2) * u[1])
        pm.Potential("log_likelihood", log_likelihood(pt, a, b).sum())
        trace = pm.sample(draws, tune=warmup, chains=chains, cores=1, random_seed=1, progressbar=False,
                          nuts={"max_treedepth": depth}, compute_convergence_checks=False)
    got = {k: trace.posterior[k].values for k in ("mean", "sd", "correlation", "u")}
    return got, float(trace.sample_stats["n_steps"].mean())


def ess_of(values):
    """Bulk ESS without ranks, as Vehtari et al. 2021 compute it (split chains, initial positive pairs)."""
    v = np.asarray(values)
    half = v.shape[1] // 2
    v = np.concatenate([v[:, :half], v[:, -half:]])
    m, k = v.shape
    c = v - v.mean(axis=1, keepdims=True)
    size = 2 ** int(np.ceil(np.log2(2 * k)))
    f = np.fft.rfft(c, size, axis=1)
    acov = np.fft.irfft(f * np.conj(f), size, axis=1)[:, :k] / k
    w = acov[:, 0].mean() * k / (k - 1)
    total = acov[:, 0].mean() + v.mean(axis=1).var(ddof=1)
    rho = 1 - (w - acov.mean(axis=0)) / total
    pairs = rho[0 : 2 * (k // 2)].reshape(-1, 2).sum(axis=1)
    stop = np.argmax(pairs <= 0) if (pairs <= 0).any() else len(pairs)
    pairs = np.minimum.accumulate(pairs[:stop])
    return m * k / max(-1 + 2 * pairs.sum(), 1 / np.log10(m * k))


start = time.monotonic()
got, steps = {"numpyro": by_numpyro, "pymc": by_pymc}[peer]()
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_SELF)
hyper = {k: got[k].reshape(chains, draws, -1) for k in ("mean", "sd", "correlation")}
s, rho, u = got["sd"][..., None], got["correlation"].reshape(chains, draws, 1), got["u"][..., :: max(1, n // 500)]
own = got["mean"][..., None] + s * np.stack([u[:, :, 0], rho * u[:, :, 0] + np.sqrt(1 - rho**2) * u[:, :, 1]], axis=2)
own = own.reshape(chains, draws, -1)
worst = min(ess_of(v[:, :, k]) for v in hyper.values() for k in range(v.shape[2]))
customers = min(ess_of(own[:, :, k]) for k in range(own.shape[2]))
means = {k: np.round(v.mean(axis=(0, 1)), 3).tolist() for k, v in hyper.items()}
cpu = used.ru_utime + used.ru_stime
print(f"{peer}: {n} customers, {chains} x ({warmup} + {draws}), depth {depth}: means {means}")
print(f"steps a draw {steps:.1f}, worst ESS {worst:.0f} (customers {customers:.0f}), {wall:.1f} s, processor {cpu:.1f} s, "
      f"worst ESS a second {worst / wall:.3f}, a processor second {worst / cpu:.3f}, {used.ru_maxrss / 1024:.0f} MB")
