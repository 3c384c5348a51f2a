"""Synthetic result trees: a good one, and one for each way in which a fit goes wrong."""

import numpy as np
import xarray as xr

FREQUENCIES = np.linspace(0.01, 0.05, 9)


def labels(n):
    half = n // 2
    return [f"L.{i:02d}" for i in range(half)] + [f"R.{i:02d}" for i in range(n - half)]


def centres(n, rng):
    """Points on an ellipsoid of a brain's size, the left half at negative x."""
    directions = rng.normal(size=(n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = directions * [65, 85, 55] + [0, -15, 15]
    left = np.arange(n) < n // 2
    points[:, 0] = np.where(left, -1, 1) * np.maximum(np.abs(points[:, 0]), 6)
    return points


def spectrum(tau, sigma, frequencies):
    """Power of a first-order node, its last axes (frequency, region)."""
    omega = 2 * np.pi * frequencies[:, None]
    return sigma[..., None, :] ** 2 / (1 + (omega * tau[..., None, :] / 1000) ** 2)


def correlation_matrices(tau, loadings, G):
    """One-factor correlation matrices that depend on the draw."""
    strength = np.clip(loadings * G[..., None] * (tau / 2000) ** 0.3, 0.05, 0.95)
    matrix = strength[..., :, None] * strength[..., None, :]
    index = np.arange(tau.shape[-1])
    matrix[..., index, index] = 1.0
    return matrix


def good(n_regions=10, chains=4, draws=500, seed=0, centre_points=None, names=None):
    """A converged fit of regional time constants and noises to spectra."""
    rng = np.random.default_rng(seed)
    region = labels(n_regions) if names is None else list(names)
    positions = centres(n_regions, rng) if centre_points is None else centre_points
    size = (chains, draws)
    truth = np.exp(7.5 + 0.4 * rng.normal(size=n_regions))
    loadings = rng.uniform(0.3, 0.9, n_regions)
    width = rng.uniform(0.1, 0.4, n_regions)

    def draw_all(n_chain, n_draw, informed):
        shape = (n_chain, n_draw)
        mean = rng.normal(7.5, 0.1 if informed else 0.8, shape)
        sd = np.abs(rng.normal(0.4, 0.05, shape)) if informed else np.abs(rng.normal(0, 0.7, shape))
        tau = np.exp(
            (np.log(truth) + width * rng.normal(size=(*shape, n_regions)))
            if informed
            else (mean[..., None] + sd[..., None] * rng.normal(size=(*shape, n_regions)))
        )
        z = (
            (np.log(tau) - mean[..., None]) / (sd[..., None] + 1e-3)
            if informed
            else rng.normal(size=(*shape, n_regions))
        )
        sigma = np.exp(rng.normal(0, 0.1 if informed else 1.0, (*shape, n_regions)))
        G = rng.normal(0.85, 0.02, shape) if informed else rng.uniform(0, 1, shape)
        noise = np.abs(rng.normal(0.3, 0.02, shape)) if informed else np.abs(rng.normal(0, 1, shape))
        regional, scalar = ("chain", "draw", "region"), ("chain", "draw")
        return xr.Dataset(
            {
                "coupling.G": (scalar, G),
                "model.tau": (regional, tau, {"units": "ms"}),
                "model.tau.mean": (scalar, mean),
                "model.tau.sd": (scalar, sd),
                "model.tau.z": (regional, z),
                "noise.sigma": (regional, sigma),
                "likelihood.noise": (scalar, noise),
            },
            coords={"chain": np.arange(n_chain), "draw": np.arange(n_draw), "region": region},
        )

    posterior, prior = draw_all(*size, True), draw_all(1, 600, False)
    power = spectrum(posterior["model.tau"].values, posterior["noise.sigma"].values, FREQUENCIES) * rng.gamma(
        8, 1 / 8, (*size, len(FREQUENCIES), n_regions)
    )
    observed_power = spectrum(truth, np.ones(n_regions), FREQUENCIES) * rng.gamma(
        8, 1 / 8, (len(FREQUENCIES), n_regions)
    )
    fc = correlation_matrices(posterior["model.tau"].values, loadings, posterior["coupling.G"].values)
    wiggle = rng.normal(0, 0.08, (n_regions, n_regions))
    observed_fc = np.clip(fc.mean((0, 1)) + wiggle + wiggle.T, -1, 1)
    np.fill_diagonal(observed_fc, 1.0)
    weights = np.exp(rng.normal(0, 1, (n_regions, n_regions)))
    weights = (weights + weights.T) * np.exp(2 * observed_fc) * (1 - np.eye(n_regions))
    time = np.arange(200) * 1400.0
    data = rng.multivariate_normal(
        np.zeros(n_regions), observed_fc + np.eye(n_regions), len(time), check_valid="ignore"
    )
    coords = {
        "chain": np.arange(chains),
        "draw": np.arange(draws),
        "region": region,
        "region_2": region,
        "frequency": FREQUENCIES,
    }
    stats = {
        "diverging": np.zeros(size, bool),
        "energy": 100 + rng.normal(0, 5, size),
        "tree_depth": rng.integers(3, 5, size),
        "n_steps": rng.integers(7, 31, size),
        "acceptance_rate": rng.uniform(0.7, 1, size),
        "lp": -100 + rng.normal(0, 5, size),
        "step_size": np.full(size, 0.3),
        "reached_max_treedepth": np.zeros(size, bool),
    }
    groups = {
        "posterior": posterior,
        "sample_stats": xr.Dataset({name: (("chain", "draw"), values) for name, values in stats.items()}),
        "prior": prior,
        "posterior_predictive": xr.Dataset(
            {
                "power": (("chain", "draw", "frequency", "region"), power),
                "fc": (("chain", "draw", "region", "region_2"), fc),
            },
            coords=coords,
        ),
        "observed_data": xr.Dataset(
            {"power": (("frequency", "region"), observed_power), "fc": (("region", "region_2"), observed_fc)},
            coords={"frequency": FREQUENCIES, "region": region, "region_2": region},
        ),
        "constant_data": xr.Dataset(
            {
                "weights": (("region", "region_2"), weights),
                "centres": (("region", "axis"), positions, {"units": "mm"}),
                "data": (("time", "region"), data),
            },
            coords={
                "region": region,
                "region_2": region,
                "axis": ["x", "y", "z"],
                "time": ("time", time, {"units": "ms"}),
            },
        ),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {
        "engine": "NUTS(draws=500, warmup=500, chains=4)",
        "inference_library": "blackjax",
        "model": "LeakyIntegrator",
        "observation": "Bold",
        "likelihood": "Spectral",
        "nmm_infer_version": "0.1.0",
        "jax_version": "0.11.0",
        "seed": 7,
        "wall_time_s": 83.2,
        "gradient_evaluations": 62_000,
        "failed_simulations": 0,
        "interrupted": 0,
        "device": "cpu",
        "data_hash": "3f2a91c0",
    }
    return tree


def changed(tree, **groups):
    """A copy of the tree with groups replaced, or left out where None."""
    kept = {name: child.to_dataset() for name, child in tree.children.items()} | groups
    new = type(tree).from_dict({name: dataset for name, dataset in kept.items() if dataset is not None})
    new.attrs = dict(tree.attrs)
    return new


def with_attrs(tree, **attrs):
    new = changed(tree)
    new.attrs = {**tree.attrs, **attrs}
    return new


def with_stats(tree, **stats):
    return changed(
        tree,
        sample_stats=tree["sample_stats"]
        .to_dataset()
        .assign({name: (("chain", "draw"), values) for name, values in stats.items()}),
    )


def with_posterior(tree, **variables):
    return changed(
        tree,
        posterior=tree["posterior"]
        .to_dataset()
        .assign({name.replace("__", "."): data for name, data in variables.items()}),
    )


def divergent():
    """Divergences in the draws with the smallest scale."""
    tree = good()
    sd = tree["posterior"]["model.tau.sd"]
    return with_stats(tree, diverging=(sd <= sd.quantile(0.01)).values)


def unmixed():
    """One chain sits in another mode of G."""
    tree = good()
    G = tree["posterior"]["coupling.G"].copy()
    G[2] = G[2] + 0.5
    return with_posterior(tree, coupling__G=G)


def sticky():
    """Chains that agree, but each draw is almost the one before."""
    tree = good()
    rng = np.random.default_rng(1)
    walk = np.zeros((4, 500))
    for t in range(1, 500):
        walk[:, t] = 0.97 * walk[:, t - 1] + rng.normal(size=4)
    return with_posterior(tree, likelihood__noise=(("chain", "draw"), 0.3 + 0.002 * walk))


def next_to_nothing():
    """Chains as sticky, in a noise that data hardly show: its logarithm has a long tail towards nothing."""
    noise = sticky()["posterior"]["likelihood.noise"].values
    z = (noise - noise.mean()) / noise.std()
    return with_posterior(good(), likelihood__noise=(("chain", "draw"), 0.3 * np.exp(z - 0.5 * np.exp(-z))))


def low_energy():
    rng = np.random.default_rng(2)
    return with_stats(good(), energy=100 + np.cumsum(rng.normal(0, 1, (4, 500)), axis=1))


def saturated(fraction=0.5):
    reached = np.random.default_rng(3).uniform(size=(4, 500)) < fraction
    return with_stats(good(), reached_max_treedepth=reached)


def failing(count=3000):
    return with_attrs(good(), failed_simulations=count)


def at_walls(share=0.1, **counts):
    """Trajectories that ended where the density is zero; the rest of the counts is from the warmup."""
    failed = np.random.default_rng(10).uniform(size=(4, 500)) < share
    return with_attrs(with_stats(good(), failed=failed), **counts)


def wider():
    """The likelihood noise is far from its prior, and three times as wide."""
    rng = np.random.default_rng(11)
    return with_posterior(good(), likelihood__noise=(("chain", "draw"), rng.normal(8, 2, (4, 500))))


def heavy_tailed():
    """The posterior is a prior with such tails that its variance is mostly chance: the second four times the
    first in this seed.
    """
    rng = np.random.default_rng(12)
    tree = good()
    prior = tree["prior"].to_dataset()
    prior = prior.assign({"likelihood.noise": (("chain", "draw"), np.exp(1.5 * rng.normal(size=(1, 600))))})
    return with_posterior(
        changed(tree, prior=prior),
        likelihood__noise=(("chain", "draw"), np.exp(1.5 * rng.normal(size=(4, 500)))),
    )


def interrupted():
    tree = good()
    cut = changed(
        tree,
        **{
            name: tree[name].to_dataset().isel(draw=slice(0, 300))
            for name in ("posterior", "sample_stats", "posterior_predictive")
        },
    )
    return with_attrs(cut, interrupted=1, draws=500)


def single_chain():
    tree = good()
    return changed(
        tree,
        **{
            name: tree[name].to_dataset().isel(chain=[0])
            for name in ("posterior", "sample_stats", "posterior_predictive")
        },
    )


def uninformed():
    """The likelihood noise kept its prior."""
    rng = np.random.default_rng(4)
    return with_posterior(good(), likelihood__noise=(("chain", "draw"), np.abs(rng.normal(0, 1, (4, 500)))))


def svi(falling=False):
    """What SVI returns: one chain, no energies, a loss."""
    tree = single_chain()
    rng = np.random.default_rng(5)
    steps = np.arange(2000)
    loss = (
        500
        + 300 * np.exp(-steps / 150)
        + rng.normal(0, 1, 2000)
        + (0.05 * (2000 - steps) if falling else 0.0)
    )
    stats = tree["sample_stats"].to_dataset()[["lp"]]
    new = changed(tree, sample_stats=stats, optimization=type(stats)({"loss": (("step",), loss)}))
    new.attrs = {**tree.attrs, "engine": "SVI", "inference_library": "numpyro"}
    return new


def svi_at_an_edge():
    """Every fiftieth step was not taken, but none of the last."""
    tree = svi()
    loss = tree["optimization"]["loss"].values.copy()
    loss[:1700:50] = np.nan
    return changed(tree, optimization=xr.Dataset({"loss": (("step",), loss)}))


def influenced():
    """One observation that a few draws alone can explain."""
    tree = good()
    rng = np.random.default_rng(8)
    values = -0.5 * rng.normal(size=(4, 500, 40)) ** 2 * 0.1
    values[:, :, 7] = -rng.exponential(1.2, (4, 500))  # weights with a Pareto tail of k = 1.2
    values[:, :, 0] = -1.0  # a sample at a fixed initial state
    return changed(tree, log_likelihood=xr.Dataset({"y": (("chain", "draw", "time"), values)}))


def smc(copies=1, acceptance=0.4, last=1.0):
    """Populations of particles, each particle `copies` times."""
    tree = good()
    posterior = tree["posterior"].to_dataset()
    rng = np.random.default_rng(9)
    chosen = rng.permutation(np.arange(500) // copies)
    posterior = posterior.isel(draw=chosen).assign_coords(draw=np.arange(500))
    stats = tree["sample_stats"].to_dataset()[["lp", "acceptance_rate"]]
    temperature = np.broadcast_to(last * np.geomspace(1e-3, 1.0, 6), (4, 6))
    tempering = xr.Dataset(
        {
            "temperature": (("chain", "stage"), temperature),
            "acceptance_rate": (("chain", "stage"), np.full((4, 6), acceptance)),
        }
    )
    new = changed(tree, posterior=posterior, sample_stats=stats, tempering=tempering)
    new.attrs["engine"] = "SMC(particles=500, chains=4)"
    return new


def mclmc(error=6e-4):
    """Draws without energies or trees."""
    tree = good()
    stats = tree["sample_stats"].to_dataset()[["lp", "diverging", "n_steps", "step_size"]]
    new = changed(tree, sample_stats=stats)
    return with_attrs(
        new,
        engine="MCLMC(Diagonal, draws=500, warmup=5000, chains=4)",
        exact=0,
        energy_error=error,
        energy_error_wanted=5e-4,
    )


def point():
    """What a search for the mode returns."""
    tree = good()
    one = {
        name: tree[name].to_dataset().isel(chain=[0], draw=[0])
        for name in ("posterior", "sample_stats", "posterior_predictive")
    }
    return with_attrs(changed(tree, **one), engine="MAP(Adam)")


def posterior_only():
    tree = good()
    bare = type(tree).from_dict({"posterior": tree["posterior"].to_dataset()})
    return bare


def evoked(n_sensors=6):
    """A fit of signals over time at sensors, without connectivity or spectra."""
    rng = np.random.default_rng(6)
    time = np.arange(100) * 4.0
    truth = np.sin(time / 40)[:, None] * np.exp(-time / 150)[:, None] * rng.uniform(1, 3, n_sensors)
    shape = (4, 200, len(time), n_sensors)
    sensors = [f"EEG{i:02d}" for i in range(n_sensors)]
    coords = {"time": ("time", time, {"units": "ms"}), "sensor": sensors}
    tree = good(draws=200)
    return changed(
        tree,
        posterior_predictive=xr.Dataset(
            {"y": (("chain", "draw", "time", "sensor"), truth + 0.2 * rng.normal(size=shape))}, coords=coords
        ),
        observed_data=xr.Dataset(
            {"y": (("time", "sensor"), truth + 0.2 * rng.normal(size=truth.shape), {"units": "uV"})},
            coords=coords,
        ),
        constant_data=None,
    )
