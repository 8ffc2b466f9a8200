"""open_traces.py WHOLE: answers each path on stdin with a line: how many draws a chain ArviZ finds in that trace, whose draws are the first ones of
the trace WHOLE, bit for bit; or what is wrong with it. One process for all kills, for importing ArviZ takes longer than opening a trace."""
import sys
import warnings

import arviz as az
import numpy as np

warnings.simplefilter("ignore")


def draws_of(path):
    """Variables of both groups, and the draws of each group that are whole: the coordinate is grown last."""
    trace = az.from_netcdf(path)
    found = {(group, name): np.asarray(trace[group][name].values) for group in ("posterior", "sample_stats") for name in trace[group].data_vars}
    whole = {group: int((trace[group]["draw"].values >= 0).sum()) for group in ("posterior", "sample_stats")}
    trace.close()
    return found, whole


def same(ours, theirs):
    return ours.tobytes() == np.ascontiguousarray(theirs).tobytes()


def check(path):
    found, whole = draws_of(path)
    assert found.keys() == reference.keys(), "other variables"
    for (group, name), values in found.items():
        n = whole[group]
        assert same(np.ascontiguousarray(values[:, :n]), reference[group, name][:, :n]), f"other draws of {name}"
        rest = values[:, n:]  # of a leg that was being written: seen as draws that are right, or as missing
        expected = reference[group, name][:, n : values.shape[1]]
        missing = np.isnan(rest) if rest.dtype.kind == "f" else rest == 0
        assert np.all(missing | (rest == expected)), f"other draws of {name} behind the whole ones"
    return min(whole.values())


reference, _ = draws_of(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    try:
        print(check(line.strip()), flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)
