"""check_trace.py RUN: trace.nc opens in ArviZ and xarray, and az.summary says what diagnostics.json says."""
import json
import sys

import arviz as az
import matplotlib
import numpy as np
import xarray as xr

matplotlib.use("Agg")
run = sys.argv[1]
path = f"{run}/trace.nc"
trace = az.from_netcdf(path)
said = json.load(open(f"{run}/diagnostics.json"))

assert {"posterior", "sample_stats", "warmup_posterior", "warmup_sample_stats", "observed_data", "constant_data"} <= set(trace._groups_all)
names = ["r", "alpha", "a", "b", "p", "q", "v"]
assert list(trace.posterior.data_vars) == names
for name in names:
    assert trace.posterior[name].dims == ("chain", "draw") and trace.posterior[name].shape == (4, 250)
assert trace.warmup_posterior["r"].shape == (4, 300)
assert trace.sample_stats["diverging"].dtype == bool
assert int(trace.sample_stats["diverging"].sum()) == said["divergent"]
assert trace.observed_data["frequency"].shape == (3000,)
assert trace.constant_data["inv_metric"].shape == (7, 7) and float(trace.constant_data["step_size"]) > 0
assert trace.posterior.sizes["draw"] == said["draws"]

summary = az.summary(trace, round_to="none")
for name in names:
    theirs, ours = summary.loc[name], said["parameters"][name]
    for column, key in [("mean", "mean"), ("sd", "sd"), ("mcse_mean", "mcse_mean"), ("ess_bulk", "ess_bulk"), ("ess_tail", "ess_tail"), ("r_hat", "r_hat")]:
        assert np.isclose(theirs[column], ours[key], rtol=1e-6, atol=0), (name, column, theirs[column], ours[key])
bfmi = az.bfmi(trace)
assert len(bfmi) == 4 and all(b > 0.3 for b in bfmi)

az.plot_trace(trace, var_names=["r", "alpha"])
for engine in ("netcdf4", "h5netcdf"):
    with xr.open_dataset(path, group="posterior", engine=engine) as data:
        assert data.sizes == {"chain": 4, "draw": 250}, engine
