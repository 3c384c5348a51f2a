"""The Bayesian virtual epileptic patient, from contacts of depth electrodes: `python -m benchmarks.epileptor`.

84 regions of the two-dimensional Epileptor, coupled by a group connectome; what is unknown is the excitability x0 and the initial state of each, the
global coupling, the amplitude, the offset of every contact, and the noise: 417 numbers from 162 contacts × 130 samples, as in the model of
Hashemi et al. 2020 (NeuroImage 217:116839) at the level of sensors (Jha et al. 2022, Mach Learn Sci Technol 3:035004). In Stan it took
4.5 to 5.9 hours, every draw at 1023 leapfrogs. Patient and data are simulated:
a seizure begins in the epileptogenic zone and spreads to the propagation zone, the others stay calm.

A region that seizes in the data and not in the model, or the other way round, makes a wrong mode, hundreds of nats lower, that no gradient
leads out of. So searches jump: they propose other values to single regions, take seizures away from some to see whether neighbours explain more, and
go uphill in between. The best end is finished by Newton's method, and all chains start around it, in coordinates whitened by the curvature there.

Bars: R-hat below 1.05, or the modes named and treated; areas under the curves of both zones at least 0.95; 90 % intervals hold at least 80 % of the
true values; less than 30 minutes on two cores, compilation included.
"""

import argparse
import datetime
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RESULT = Path(__file__).parent / "results" / "epileptor.md"
X0_MEAN, X0_SD, X_SD, Z_SD = -2.5, 0.35, 0.1, 0.15
TAU, STEP, SAMPLES, NOISE, COUPLING, AMPLITUDE = 30.0, 0.15, 130, 0.1, 1.5, 1.2


ZONES = ("healthy", "propagation", "epileptogenic")


class Size(NamedTuple):
    """How large the patient is: regions, electrodes, contacts on each, regions in the epileptogenic and in the propagation zone."""

    regions: int
    electrodes: int
    contacts: int
    epileptogenic: int
    propagation: int


FULL, SMALL = Size(84, 18, 9, 5, 5), Size(10, 5, 4, 2, 2)


class Patient(NamedTuple):
    """Who is simulated.

    Fields:
        connectome: weights to the power 0.75, mean strength 1.
        gain: `["contact region"]`.
        epileptogenic, propagation: numbers of the regions of the two zones.
        truth: sites by name.
        onset: first sample at which each region's x1 exceeds -0.5; infinite if it never does.
        data: `["time contact"]`.
    """

    connectome: Any
    gain: np.ndarray
    epileptogenic: np.ndarray
    propagation: np.ndarray
    truth: dict[str, np.ndarray]
    onset: np.ndarray
    data: np.ndarray


def anatomy(size: Size, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    """The group connectome, and the gain of electrodes: it falls with the fourth power of the distance, as the power of dipoles does."""
    import nmm_infer as nmm

    whole = nmm.datasets.desikan_killiany().power(0.75)
    centre = "R.ITG"
    order = np.argsort(-np.asarray(whole.weights)[whole.index(centre)], kind="stable")
    kept = [whole.index(centre), *(i for i in order if i != whole.index(centre))][: size.regions]
    connectome = whole.select([whole.labels[i] for i in kept]).without_self_connections().scaled_by_mean_strength()
    centres = np.asarray(connectome.centres, dtype=float)
    # Straight electrodes from the side, a contact every 5 mm: each is the one of many that shows most of what those before it do not.
    along = np.stack([np.repeat(np.sign(centres[:, 0]), 20), *(0.5 * rng.normal(size=(2, 20 * size.regions)))], axis=1)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    beyond = rng.integers(0, size.contacts, 20 * size.regions)
    places = np.repeat(centres, 20, axis=0)[:, None] + along[:, None] * (5.0 * (np.arange(size.contacts) - beyond[:, None]))[..., None]
    gains = 1.0 / (((places[:, :, None] - centres) ** 2).sum(axis=-1) + 5.0**2) ** 2
    shares = (gains / gains.sum(axis=-1, keepdims=True)).max(axis=1)
    seen, chosen = np.zeros(size.regions), []
    for _ in range(size.electrodes):
        chosen.append(int(np.argmax(np.log(np.maximum(shares, seen) + 0.02).sum(axis=1))))
        seen = np.maximum(seen, shares[chosen[-1]])
    gain = gains[chosen].reshape(-1, size.regions)
    return connectome, gain / gain.sum(axis=1).mean()


def network(connectome: Any, x0: Any, G: Any, initial: Any) -> Any:
    """Seizures spread through the slow variable: a seizing neighbour lowers the permittivity, so Ks is negative."""
    import nmm_infer as nmm

    return nmm.Network(nmm.models.Epileptor2D(x0=x0, r=1.0 / TAU, Ks=-1.0), connectome, nmm.couplings.Diffusive(G=G), initial=initial)


def resting(x0: Any) -> Any:
    """About where a region rests that nobody drives, `["state region"]`; with x0 above -2.15, where none rests for long, near the fold at z = 2.91."""
    import jax
    import jax.numpy as jnp

    z = 3.05 + 0.1 * jax.nn.softplus((-x0 - 2.15) / 0.1)
    # The lower branch of z = 4.1 - x³ - 2x², by its parabola at the fold.
    return jnp.stack([-4.0 / 3.0 - 0.62 * jnp.sqrt(z - 2.91), z])


def from_rest(drawn: Any) -> Any:
    """A network whose initial state was drawn as a deviation from rest."""
    import equinox as eqx

    return eqx.tree_at(lambda network: network.initial, drawn, resting(drawn.model.x0) + drawn.initial)


def patient(size: Size, seed: int) -> Patient:
    """Zones, a seizure that starts in one and spreads into the other, and what contacts see of it."""
    import jax

    import nmm_infer as nmm

    rng = np.random.default_rng(seed)
    connectome, gain = anatomy(size, rng)
    n, weights = size.regions, np.asarray(connectome.weights)
    epileptogenic = np.argsort(-np.where(np.arange(n) == 0, np.inf, weights[0]), kind="stable")[: size.epileptogenic]
    input_of = weights[:, epileptogenic].sum(axis=1)
    input_of[epileptogenic] = -1.0
    propagation = np.argsort(-input_of, kind="stable")[: size.propagation]
    x0 = rng.uniform(-2.9, -2.4, n)
    x0[epileptogenic] = rng.uniform(-1.8, -1.5, size.epileptogenic)
    x0[propagation] = rng.uniform(-2.05, -1.97, size.propagation)
    # Before the seizure the network rests, as it would if no region were epileptogenic.
    calm = network(connectome, np.where(np.isin(np.arange(n), epileptogenic), -2.2, x0), COUPLING, np.array([-1.8, 3.2]))
    with jax.enable_x64(True):
        rest = np.array(nmm.solve(calm, 600.0, step=STEP, sample_every=600.0).values[-1])
        rest += rng.normal(0.0, 0.03, rest.shape)
        rest[0, epileptogenic], rest[1, epileptogenic] = -1.6, rng.uniform(2.92, 3.1, size.epileptogenic)
        run = nmm.solve(network(connectome, x0, COUPLING, rest), SAMPLES * STEP, step=STEP)
        x1 = np.asarray(run.variable("x1").values)
        offset = rng.normal(0.0, 1.0, len(gain))
        clean = np.asarray(nmm.observe.LogPower(nmm.observe.LeadField(gain), amplitude=AMPLITUDE, offset=offset)(run).values)  # pyright: ignore[reportCallIssue]
    seizes = x1 > -0.5
    onset = np.where(seizes.any(axis=0), np.argmax(seizes, axis=0), np.inf)
    truth = {
        "model.x0": x0,
        "initial": rest - np.asarray(resting(x0)),
        "coupling.G": np.array(COUPLING),
        "observe.amplitude": np.array(AMPLITUDE),
        "observe.offset": offset,
        "likelihood.scale": np.array(NOISE),
    }
    return Patient(connectome, gain, epileptogenic, propagation, truth, onset, clean + NOISE * rng.normal(size=clean.shape))


def problem(who: Patient) -> Any:
    """Unknown are excitability and initial state of every region, coupling, amplitude, the offset of every contact, noise.

    Before a seizure regions are near rest, which depends on their excitability: the prior of the initial state says so.
    """
    import numpyro.distributions as dist

    import nmm_infer as nmm

    n, contacts = who.connectome.n_regions, len(who.gain)
    deviation = dist.Normal(0.0, np.repeat([[X_SD], [Z_SD]], n, axis=1))
    return nmm.Problem(
        network(
            who.connectome,
            x0=nmm.Prior(dist.Normal(X0_MEAN, X0_SD), over="region"),
            G=nmm.Prior(dist.LogNormal(0.0, 0.5)),
            initial=nmm.Prior(deviation.to_event(2)),
        ),
        nmm.observe.LogPower(  # pyright: ignore[reportCallIssue]
            nmm.observe.LeadField(who.gain),
            amplitude=nmm.Prior(dist.LogNormal(0.0, 0.3)),
            offset=nmm.Prior(dist.Normal(0.0, 1.0).expand([contacts]).to_event(1)),
        ),
        nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.LogNormal(np.log(0.1), 1.0))),
        duration=SAMPLES * STEP,
        step=STEP,
        prepare=from_rest,
    )


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive case has a higher score than a negative one: the area under the ROC curve."""
    a, b = score[positive][:, None], score[~positive][None]
    return float((a > b).mean() + 0.5 * (a == b).mean())


def gradient_ms(question: Any, data: np.ndarray) -> tuple[int, float]:
    """Number of unknowns, and milliseconds of one value and gradient once compiled."""
    import jax
    import jax.numpy as jnp

    from nmm_infer.infer.target import Target

    with jax.enable_x64(True):
        target = Target(question, data)
        x = jnp.asarray(target.prior_median())
        jax.block_until_ready(target.value_and_gradient(x))
        began = time.perf_counter()
        for _ in range(100):
            found = target.value_and_gradient(x)
        jax.block_until_ready(found)
        return target.size, 10.0 * (time.perf_counter() - began)


def onsets(who: Patient, tree: Any, draws: int = 40) -> np.ndarray:
    """Probability of each region to seize, from simulations of some draws."""
    import jax
    import jax.numpy as jnp

    import nmm_infer as nmm

    posterior = tree["posterior"].to_dataset().stack(sample=("chain", "draw"))
    chosen = np.linspace(0, posterior.sizes["sample"] - 1, draws).astype(int)
    x0, G, initial = (np.moveaxis(posterior[name].values, -1, 0)[chosen] for name in ("model.x0", "coupling.G", "initial"))

    def seizes(x0: Any, G: Any, initial: Any) -> Any:
        run = nmm.solve(network(who.connectome, x0, G, resting(x0) + initial), SAMPLES * STEP, step=STEP)
        return (run.variable("x1").values > -0.5).any(axis=0)

    with jax.enable_x64(True):
        return np.asarray(jax.jit(lambda *draws: jax.lax.map(lambda one: seizes(*one), draws))(*map(jnp.asarray, (x0, G, initial)))).mean(axis=0)


def judge(who: Patient, tree: Any) -> dict[str, Any]:
    """What the draws are worth."""
    import arviz_stats

    unconstrained, posterior, stats = (tree[name].to_dataset() for name in ("unconstrained_posterior", "posterior", "sample_stats"))
    r_hat, ess = arviz_stats.rhat(unconstrained), arviz_stats.ess(unconstrained, method="bulk")  # pyright: ignore[reportPrivateImportUsage]
    inside, error, width = {}, {}, {}
    for name, truth in who.truth.items():
        draws = posterior[name].values.reshape(-1, *truth.shape)
        low, high = np.quantile(draws, (0.05, 0.95), axis=0)
        inside[name] = np.atleast_1d((low < truth) & (truth < high)).ravel()
        error[name] = float(np.sqrt(np.mean((draws.mean(axis=0) - truth) ** 2)))
        width[name] = float(np.mean(draws.std(axis=0)))
    mean = posterior["model.x0"].mean(("chain", "draw")).values
    zone = np.zeros(mean.size, int)
    zone[who.epileptogenic], zone[who.propagation] = 2, 1
    spreads = np.isfinite(who.onset) & (zone != 2)
    probability = onsets(who, tree)
    return {
        "r_hat": float(max(r_hat[name].max() for name in r_hat.data_vars)),
        "r_hat_x0": float(r_hat["model.x0"].max()),
        "ess": float(min(ess[name].min() for name in ess.data_vars)),
        "ess_x0": float(ess["model.x0"].min()),
        "divergences": int(stats["diverging"].sum()),
        "leapfrogs": float(stats["n_steps"].mean()),
        "leapfrogs_total": int(stats["n_steps"].sum()),
        "saturated": float(stats["reached_max_treedepth"].mean()),
        "auc_epileptogenic": auc(mean, zone == 2),
        "auc_propagation": auc(mean[zone != 2], zone[zone != 2] == 1),
        "auc_spread": auc(probability[zone != 2], spreads[zone != 2]),
        "coverage_x0": float(inside["model.x0"].mean()),
        "coverage": float(np.concatenate(list(inside.values())).mean()),
        "coverage_by_site": {name: float(values.mean()) for name, values in inside.items()},
        "rmse": error,
        "mean_sd": width,
        "rmse_zones": {
            label: float(np.sqrt(np.mean((mean - who.truth["model.x0"])[zone == k] ** 2)))
            for k, label in enumerate(("healthy", "propagation", "epileptogenic"))
        },
    }


def regional(question: Any, bound: Any, jumps: int, exchange: bool, proposals: int = 64) -> Any:
    """An optimiser that jumps: it proposes other excitabilities and permittivities to every region by itself, and takes the best jumps of all, again and again.

    Whether a region seizes, and about when, is what makes modes wrong, and no gradient tells of a seizure that is missed. Most proposals are
    from all over the range, the others near to what the region has. Amplitude, offsets and noise of each are those that fit best, known without a search.
    """
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    from nmm_infer.infer.optimisers import AbstractOptimiser, Ends
    from nmm_infer.infer.target import Target

    target = Target(question, bound)
    data, n, many = jnp.asarray(target.observed.values), question.network.n_regions, 4 * proposals // 5
    place = target.unravel(jnp.arange(target.size, dtype=float))
    # Positions of x0 and z of each region, of amplitude, offsets and noise.
    own = jnp.stack([place["model.x0"], place["initial"][1]], axis=1).astype(int)
    amplitude, offsets, noise = int(place["observe.amplitude"]), place["observe.offset"].astype(int), int(place["likelihood.scale"])
    varying = data - data.mean(axis=0)

    def fitted(x: Any) -> tuple[Any, Any]:
        power = nmm_solve(question, target.constrain(x))
        changes = power - power.mean(axis=0)
        a = jnp.clip(jnp.sum(changes * varying) / jnp.sum(changes**2), 0.5, 2.0)
        scale = jnp.sqrt(jnp.mean((varying - a * changes) ** 2))
        x = x.at[offsets].set(data.mean(axis=0) - a * power.mean(axis=0)).at[noise].set(jnp.log(scale)).at[amplitude].set(jnp.log(a))
        height = target.log_prior(x) - data.size * (jnp.log(scale) + 0.5 * jnp.log(2 * jnp.pi) + 0.5)
        return x, jnp.where(jnp.isfinite(height), height, -jnp.inf)

    @jax.jit
    def jump(x: Any, height: Any, key: Any) -> tuple[Any, Any]:
        def best_of(inputs: Any) -> tuple[Any, Any]:
            index, key = inputs
            key_x0, key_z, key_near = jax.random.split(key, 3)
            # Onsets move by a sample where x0 changes by a hundredth: a fine grid, at another place each time, where regions seize, and some calm values.
            grid = jnp.concatenate([jnp.linspace(-2.15, -1.45, many - 4), jnp.linspace(-3.1, -2.3, 4)])
            x0 = grid + 0.015 * jax.random.uniform(key_x0)
            far = jnp.stack([x0, 0.5 * Z_SD * jax.random.normal(key_z, (many,))], axis=1)
            near = x[index] + jnp.array([0.1, 0.05]) * jax.random.normal(key_near, (proposals - many, 2))
            values = jnp.concatenate([far, near])
            heights = jax.lax.map(lambda values: fitted(x.at[index].set(values))[1], values)
            return values[jnp.argmax(heights)], heights.max()

        def take(carry: Any, region: Any) -> tuple[Any, None]:
            x, height = carry
            tried, reached = fitted(x.at[own[region]].set(values[region]))
            return (jnp.where(reached > height, tried, x), jnp.maximum(reached, height)), None

        values, heights = jax.lax.map(best_of, (own, jax.random.split(key, n)))
        return jax.lax.scan(take, (x, height), jnp.argsort(-heights)[: min(10, n)])[0]

    start_of = jax.jit(fitted)

    class Regional(AbstractOptimiser):
        """See `regional`."""

        steps: int = eqx.field(static=True, default=jumps)

        def climb(self, x: Any, height: Any, steps: int, keys: Any) -> tuple[Any, Any]:
            for _ in range(steps):
                before = float(height)
                x, height = jump(x, height, next(keys))
                if float(height) - before < 1.0:
                    break
            return x, height

        def search(self, objective, starts, bar):
            found, heights = [], []
            for k, start in enumerate(starts):
                keys = iter(jax.random.split(jax.random.key(k), 1000))
                x, height = start_of(jnp.asarray(start))
                x, height = self.climb(x, height, self.steps, keys)
                # A seizure may have been given to a neighbour: without it, does another explain more?
                excitable = np.flatnonzero((np.asarray(x)[own[:, 0]] > -2.2) | (np.asarray(x)[own[:, 0]] < -3.6)) if exchange else ()
                for region in excitable:
                    calm, lower = start_of(x.at[own[region]].set(jnp.array([X0_MEAN, 0.0])))
                    tried, reached = self.climb(calm, lower, 2, keys)
                    if float(reached) > float(height):
                        x, height = tried, reached
                bar.advance(self.steps, f"log density {float(height):.1f}")
                found.append(np.asarray(x))
                heights.append(float(height))
            return Ends(np.stack(found), np.asarray(heights), 0, False)

    return Regional()


def nmm_solve(question: Any, sites: dict[str, Any]) -> Any:
    """What contacts would see with an amplitude of one and offsets of zero, at values of the sites."""
    import nmm_infer as nmm

    run = nmm.solve(
        network(question.network.connectome, sites["model.x0"], sites["coupling.G"], resting(sites["model.x0"]) + sites["initial"]),
        SAMPLES * STEP,
        step=STEP,
        observe=nmm.observe.Chain(nmm.observe.Subsample(period=STEP), nmm.observe.LogPower(question.observe.sensors)),  # pyright: ignore[reportCallIssue]
    )
    return run.values


def search(question: Any, bound: Any, starts: int, steps: int, key: Any) -> Any:
    """The modes: jumps of single regions and Adam in turn, and Newton from the best ends."""
    import jax

    import nmm_infer as nmm

    with jax.enable_x64(True):
        first, again, last = (regional(question, bound, jumps, exchange) for jumps, exchange in ((8, False), (4, True), (4, False)))
    adam, short = nmm.infer.optimisers.Adam, min(300, steps)
    way = nmm.infer.optimisers.InTurn(
        first, adam(short, 0.02), again, adam(short, 0.02), last, adam(steps, 0.02), nmm.infer.optimisers.Newton(12, 0.01, best=1)
    )
    return nmm.infer.MAP(way, starts=starts, predictive_draws=0)(question, bound, key=key, progress=False)


def verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def report(result: dict[str, Any], quick: bool) -> str:
    """The result in markdown."""
    sampled, modes, settings = result["sampled"], result["modes"], result["settings"]
    seconds = result["seconds"]
    whole = seconds["total"]
    lines = [
        "# The virtual epileptic patient from the contacts of depth electrodes",
        "",
        f"{result['date']}, {result['machine']}" + (". **A quick run: the figures mean nothing.**" if quick else "."),
        "",
        f"{result['unknowns']} unknowns: x0 and two initial states of {settings['regions']} regions, coupling, amplitude, "
        f"offsets of {settings['contacts']} contacts, noise; {settings['contacts']} × {SAMPLES} samples, noise {NOISE}. "
        f"One value and gradient: {result['gradient_ms']:.2f} ms.",
        "",
        f"Modes: {settings['starts']} searches from medians of draws of the prior (jumps of single regions and Adam in turn; Newton from the best). "
        f"{modes['words']}. Log densities at the ends, the highest first: {', '.join(f'{value:.0f}' for value in modes['log_density'])}; "
        f"at the true values: {modes['log_density_of_truth']:.0f}, uphill from there: {modes['uphill_from_truth']:.0f}"
        + (
            "."
            if modes["log_density"][0] > modes["uphill_from_truth"] - 10.0
            else ", so **the searches missed the mode of the true values, and the draws are around a wrong one**."
        ),
        "",
        "| | |",
        "|---|---|",
    ]
    rows = {
        "seconds, compilation included: modes": f"{seconds['modes']:.0f}",
        "seconds: sampling": f"{seconds['sampling']:.0f}",
        "seconds: everything": f"{whole:.0f}",
        "chains × (warmup + draws)": f"{settings['chains']} × ({settings['warmup']} + {settings['draws']})",
        "gradients: modes (without the simulations of jumps) / sampling": f"{result['gradients']['modes']} / {result['gradients']['sampling']}",
        "leapfrog steps a draw": f"{sampled['leapfrogs']:.1f} (trees at the limit: {100 * sampled['saturated']:.1f} %)",
        "largest R-hat: all unknowns / x0": f"{sampled['r_hat']:.3f} / {sampled['r_hat_x0']:.3f}",
        "smallest bulk ESS: all unknowns / x0": f"{sampled['ess']:.0f} / {sampled['ess_x0']:.0f}",
        "smallest ESS a second (everything included)": f"{sampled['ess'] / whole:.2f}",
        "smallest ESS per 1000 gradients (warmup included)": f"{1000 * sampled['ess'] / result['gradients']['sampling']:.2f}",
        "divergences": f"{sampled['divergences']}",
        "area under the curve: epileptogenic zone, by mean x0": f"{sampled['auc_epileptogenic']:.3f}",
        "area under the curve: propagation zone among the others, by mean x0": f"{sampled['auc_propagation']:.3f}",
        "area under the curve: regions that the seizure spreads to, by simulated onset": f"{sampled['auc_spread']:.3f}",
        "90 % intervals that hold the truth: x0 / all unknowns": f"{100 * sampled['coverage_x0']:.0f} % / {100 * sampled['coverage']:.0f} %",
        "root mean square error of x0 (mean posterior sd)": f"{sampled['rmse']['model.x0']:.3f} ({sampled['mean_sd']['model.x0']:.3f})",
        "… epileptogenic / propagation / healthy": " / ".join(f"{sampled['rmse_zones'][zone]:.3f}" for zone in ("epileptogenic", "propagation", "healthy")),
    }
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    bars = {
        f"R-hat below 1.05 ({sampled['r_hat']:.3f}); {result['chains']}": sampled["r_hat"] < 1.05,
        "areas under the curves of both zones at least 0.95": min(sampled["auc_epileptogenic"], sampled["auc_propagation"]) >= 0.95,
        "90 % intervals hold at least 80 % of the true values": min(sampled["coverage_x0"], sampled["coverage"]) >= 0.8,
        "less than 30 minutes": whole < 1800,
    }
    return "\n".join([*lines, "", "Bars:", "", *(f"- {name}: {verdict(met)}" for name, met in bars.items()), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few regions, few draws, to see that it works")
    parser.add_argument("--seed", type=int, default=0, help="of patient, searches and draws")
    parser.add_argument("--starts", type=int, default=None, help="searches for the mode")
    parser.add_argument("--draws", type=int, default=None, help="of each chain")
    parser.add_argument("--warmup", type=int, default=None, help="of each chain")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the table is written, and beside it its numbers as .json")
    arguments = parser.parse_args()
    quick = arguments.quick
    import jax

    # What is compiled is paid for.
    jax.config.update("jax_enable_compilation_cache", False)
    import nmm_infer as nmm

    chains = 2 if quick else 4
    nmm.use_cores(chains)
    result = run(
        SMALL if quick else FULL,
        arguments.seed,
        {
            "starts": arguments.starts or (2 if quick else 4),
            "steps": 200 if quick else 800,
            "chains": chains,
            "draws": arguments.draws or (30 if quick else 500),
            "warmup": arguments.warmup or (30 if quick else 250),
        },
        print,
    )
    text = report(result, quick)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    arguments.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(text, f"written to {arguments.out}", sep="\n")


def run(size: Size, seed: int, settings: dict[str, int], say: Any) -> dict[str, Any]:
    """Everything that is measured, as numbers."""
    import jax
    import jax.numpy as jnp

    import nmm_infer as nmm
    from nmm_infer.infer.optimisers import Objective
    from nmm_infer.infer.progress import Steps, progress_bar
    from nmm_infer.infer.target import Target

    who = patient(size, seed)
    question = problem(who)
    began = time.perf_counter()
    bound = question.bind(who.data)
    key_modes, key_draws = jax.random.split(jax.random.key(seed))
    best = search(question, bound, settings["starts"], settings["steps"], key_modes)
    found = time.perf_counter()
    say(f"modes: {found - began:.0f} s, {best.attrs['modes']}")
    engine = nmm.infer.NUTS(
        draws=settings["draws"],
        warmup=settings["warmup"],
        chains=settings["chains"],
        metric=nmm.infer.metrics.Laplace(mode=best),
        max_tree_depth=9,
        predictive_draws=0,
    )
    tree = engine(question, bound, key=key_draws, progress=False)
    done = time.perf_counter()
    say(f"sampling: {done - found:.0f} s, {float(tree['sample_stats']['n_steps'].mean()):.0f} leapfrog steps a draw")
    unknowns, milliseconds = gradient_ms(question, who.data)
    with jax.enable_x64(True):
        target = Target(question, bound)
        truth = target.flatten({name: jnp.asarray(value) for name, value in who.truth.items()})
        with progress_bar(False) as bars:
            uphill = nmm.infer.optimisers.Adam(600, 0.01).search(Objective(target.log_density), np.asarray(truth)[None], Steps(bars, "", 1))
    return {
        "date": str(datetime.date.today()),
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        + f"Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in ("jax", "numpyro", "blackjax")),
        "settings": settings | {"regions": size.regions, "contacts": len(who.gain), "seed": seed},
        "unknowns": unknowns,
        "gradient_ms": milliseconds,
        "seconds": {"modes": found - began, "sampling": done - found, "total": done - began},
        "gradients": {"modes": best.attrs["gradient_evaluations"], "sampling": tree.attrs["gradient_evaluations"]},
        "modes": {
            "words": best.attrs["modes"],
            "log_density": [float(value) for value in best["optimization"]["log_density"].values],
            "log_density_of_truth": float(target.log_density(truth)),
            "uphill_from_truth": float(uphill.log_density[0]),
        },
        "chains": str(nmm.check.modes(tree)),
        "sampled": judge(who, tree),
    }


if __name__ == "__main__":
    main()
