"""The Bayesian virtual epileptic patient, from contacts of depth electrodes: `python -m
benchmarks.epileptor`.

84 regions of the two-dimensional Epileptor, coupled by a group connectome; what is unknown is the
excitability x0 and the initial state of each, the global coupling, the amplitude, the mean level of every
contact, and the noise: 417 numbers from 162 contacts × 130 samples, as in the model of Hashemi et al. 2020
(NeuroImage 217:116839) at the level of sensors (Jha et al. 2022, Mach Learn Sci Technol 3:035004). In Stan it
took 4.5 to 5.9 hours, every draw at 1023 leapfrogs. Patient and data are simulated: a seizure begins in the
epileptogenic zone and spreads to the propagation zone, the others stay calm.

Searches find the modes (`epileptor_modes.py`). Short chains leave the one with the most mass, in coordinates
whitened by the curvature there. The mode is a corner of the posterior: hidden regions near their threshold
fit noise best, and no draw is like that. So the coordinates are whitened anew, by the mean curvature over
draws of the short chains, twice.

Bars: R-hat below 1.05, or the modes named and treated; areas under the curves of both zones at least 0.95; 90
% intervals hold at least 80 % of the true values; less than 30 minutes on two cores, compilation included.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from .epileptor_modes import BELOW, finish, problem, search
from .fits import circumstances, publish, table
from .patient import FULL, NOISE, SAMPLES, SMALL, STEP, Patient, Size, from_rest, network, patient
from .timing import of_gradient

RESULT = Path(__file__).parent / "results" / "epileptor.md"
# Short runs before the long one.
PILOTS = 2

ZONES = ("healthy", "propagation", "epileptogenic")


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive case has a higher score than a negative one: the area under the
    ROC curve.
    """
    a, b = score[positive][:, None], score[~positive][None]
    return float((a > b).mean() + 0.5 * (a == b).mean())


def onsets(who: Patient, tree: Any, draws: int = 40) -> np.ndarray:
    """Probability of each region to seize, from simulations of some draws."""
    import jax
    import jax.numpy as jnp

    import nmm_infer as nmm

    posterior = tree["posterior"].to_dataset().stack(sample=("chain", "draw"))
    chosen = np.linspace(0, posterior.sizes["sample"] - 1, draws).astype(int)
    x0, G, initial = (
        np.moveaxis(posterior[name].values, -1, 0)[chosen] for name in ("model.x0", "coupling.G", "initial")
    )

    def seizes(x0: Any, G: Any, initial: Any) -> Any:
        run = nmm.solve(from_rest(network(who.connectome, x0, G, initial)), SAMPLES * STEP, step=STEP)
        return (run.variable("x1").values > -0.5).any(axis=0)

    with jax.enable_x64(True):
        return np.asarray(
            jax.jit(lambda *draws: jax.lax.map(lambda one: seizes(*one), draws))(
                *map(jnp.asarray, (x0, G, initial))
            )
        ).mean(axis=0)


def judge(who: Patient, tree: Any) -> dict[str, Any]:
    """What the draws are worth."""
    import arviz_stats

    unconstrained, posterior, stats = (
        tree[name].to_dataset() for name in ("unconstrained_posterior", "posterior", "sample_stats")
    )
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
            for k, label in enumerate(ZONES)
        },
    }


def draw(
    question: Any, conditioned: Any, mode: Any, settings: dict[str, int], key: Any, say: Any
) -> tuple[Any, int]:
    """The draws, and the gradients of the short runs before them, each in the coordinates that the one before
    it found.
    """
    import jax

    import nmm_infer as nmm

    metric, spent = nmm.infer.metrics.Laplace(mode=mode, bends=False), 0
    *keys, key_long = jax.random.split(key, PILOTS + 1)
    shared = {
        "chains": settings["chains"],
        "initial_step_size": 0.1,
        "max_tree_depth": 7,
        "predictive_draws": 0,
    }
    for key_pilot in keys:
        short = nmm.infer.NUTS(draws=settings["pilot"], warmup=settings["pilot"], metric=metric, **shared)
        pilot = short(question, conditioned, key=key_pilot, progress=False)
        spent += pilot.attrs["gradient_evaluations"]
        say(f"short run: {float(pilot['sample_stats']['n_steps'].mean()):.0f} leapfrog steps a draw")
        metric = nmm.infer.metrics.MeanCurvature(pilot, points=settings["points"])
    long = nmm.infer.NUTS(draws=settings["draws"], warmup=settings["warmup"], metric=metric, **shared)
    return long(question, conditioned, key=key_long, progress=False), spent


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values)


def _missed(higher: float, spread: float) -> str:
    if higher < 10.0:
        return "."
    if spread < 0.95:
        return (
            ", so **the searches missed the mode of the true values, and the draws are around a wrong one**."
        )
    return (
        f": a mode near the true values is {higher:.0f} nats higher than where the chains begin. Which"
        " regions seize, the draws say all the same."
    )


def report(result: dict[str, Any], quick: bool) -> str:
    """The result in markdown."""
    sampled, modes, settings = result["sampled"], result["modes"], result["settings"]
    seconds = result["seconds"]
    whole = seconds["total"]
    lines = [
        "# The virtual epileptic patient from the contacts of depth electrodes",
        "",
        circumstances(quick),
        "",
        (
            f"{result['unknowns']} unknowns: x0 and two initial states of {settings['regions']} regions,"
            f" coupling, amplitude, levels of {settings['contacts']} contacts, noise; {settings['contacts']}"
            f" × {SAMPLES} samples, noise {NOISE}. One value and gradient: {result['gradient_ms']:.2f} ms."
        ),
        "",
        f"Modes: {settings['starts']} searches from medians of draws of the prior (path annealing, Adam;"
        f" then, from all within {BELOW:g} nats of the best, Newton's method with levels). {modes['words']}."
        f" Log densities at the ends, the highest first: {_listed(modes['log_density'])}. With levels, that"
        f" with the most mass first, where the chains begin: {_listed(modes['log_densities_with_levels'])},"
        f" logarithms of the masses {_listed(modes['mass'])}. At the true values:"
        f" {modes['log_density_of_truth']:.0f}, uphill from there: {modes['uphill_from_truth']:.0f}"
        + _missed(modes["uphill_from_truth"] - modes["log_density_of_mode"], sampled["auc_spread"]),
        "",
    ]
    rows = {
        "seconds, compilation included: modes": f"{seconds['modes']:.0f}",
        "seconds: sampling": f"{seconds['sampling']:.0f}",
        "seconds: everything": f"{whole:.0f}",
        "chains × (warmup + draws)": (
            f"{settings['chains']} × ({settings['warmup']} + {settings['draws']}), before it "
            f"{PILOTS} × {settings['chains']} × ({settings['pilot']} + {settings['pilot']}) for the metric"
        ),
        "gradients: modes / sampling": f"{result['gradients']['modes']} / {result['gradients']['sampling']}",
        "leapfrog steps a draw": (
            f"{sampled['leapfrogs']:.1f} (trees at the limit: {100 * sampled['saturated']:.1f} %)"
        ),
        "largest R-hat: all unknowns / x0": f"{sampled['r_hat']:.3f} / {sampled['r_hat_x0']:.3f}",
        "smallest bulk ESS: all unknowns / x0": f"{sampled['ess']:.0f} / {sampled['ess_x0']:.0f}",
        "smallest ESS a second (everything included)": f"{sampled['ess'] / whole:.2f}",
        "smallest ESS per 1000 gradients (warmup included)": (
            f"{1000 * sampled['ess'] / result['gradients']['sampling']:.2f}"
        ),
        "divergences": f"{sampled['divergences']}",
        "area under the curve: epileptogenic zone, by mean x0": f"{sampled['auc_epileptogenic']:.3f}",
        "area under the curve: propagation zone among the others, by mean x0": (
            f"{sampled['auc_propagation']:.3f}"
        ),
        "area under the curve: regions that the seizure spreads to, by simulated onset": (
            f"{sampled['auc_spread']:.3f}"
        ),
        "90 % intervals that hold the truth: x0 / all unknowns": (
            f"{100 * sampled['coverage_x0']:.0f} % / {100 * sampled['coverage']:.0f} %"
        ),
        "root mean square error of x0 (mean posterior sd)": (
            f"{sampled['rmse']['model.x0']:.3f} ({sampled['mean_sd']['model.x0']:.3f})"
        ),
        "… epileptogenic / propagation / healthy": " / ".join(
            f"{sampled['rmse_zones'][zone]:.3f}" for zone in ("epileptogenic", "propagation", "healthy")
        ),
    }
    lines += table(("", ""), rows.items())
    bars = {
        f"R-hat below 1.05 ({sampled['r_hat']:.3f}); {result['chains']}": sampled["r_hat"] < 1.05,
        "areas under the curves of both zones at least 0.95": (
            min(sampled["auc_epileptogenic"], sampled["auc_propagation"]) >= 0.95
        ),
        "90 % intervals hold at least 80 % of the true values": (
            min(sampled["coverage_x0"], sampled["coverage"]) >= 0.8
        ),
        "less than 30 minutes": whole < 1800,
    }
    return "\n".join(
        [
            *lines,
            "Bars:",
            "",
            *(f"- {name}: {'met' if met else '**missed**'}" for name, met in bars.items()),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few regions, few draws, to see that it works")
    parser.add_argument("--seed", type=int, default=0, help="of patient, searches and draws")
    parser.add_argument("--starts", type=int, default=None, help="searches for the mode")
    parser.add_argument("--draws", type=int, default=None, help="of each chain")
    parser.add_argument("--warmup", type=int, default=None, help="of each chain")
    parser.add_argument(
        "--out",
        type=Path,
        default=RESULT,
        help="where the table is written, and beside it its numbers as .json",
    )
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
            "starts": arguments.starts or (2 if quick else 8),
            "steps": 1200 if quick else 8400,
            "chains": chains,
            "draws": arguments.draws or (30 if quick else 3000),
            "warmup": arguments.warmup or (30 if quick else 200),
            "pilot": 15 if quick else 250,
            "points": 2 if quick else 24,
        },
        print,
    )
    publish(report(result, quick), result, arguments.out)


def run(size: Size, seed: int, settings: dict[str, int], say: Any) -> dict[str, Any]:
    """Everything that is measured, as numbers."""
    import jax
    import jax.numpy as jnp

    import nmm_infer as nmm
    from nmm_infer.infer._optimise.optimisers import Objective
    from nmm_infer.infer._progress import Steps, progress_bar
    from nmm_infer.infer._target import Target

    who = patient(size, seed)
    question = problem(who)
    began = time.perf_counter()
    conditioned = question.condition(who.data)
    key_modes, key_draws = jax.random.split(jax.random.key(seed))
    best = search(who, who.data, settings["starts"], settings["steps"], key_modes)
    modes, polish = finish(who, conditioned, best)
    found = time.perf_counter()
    say(f"modes: {found - began:.0f} s, {best.attrs['modes']}")
    tree, pilots = draw(question, conditioned, modes[0].sites, settings, key_draws, say)
    done = time.perf_counter()
    say(
        f"sampling: {done - found:.0f} s, {float(tree['sample_stats']['n_steps'].mean()):.0f} leapfrog steps"
        " a draw"
    )
    unknowns, gradient = of_gradient(question, who.data, "float64")
    with jax.enable_x64(True):
        target = Target(conditioned)
        truth = target.flatten({name: jnp.asarray(value) for name, value in who.truth.items()})
        true_height = float(target.log_density(truth))
        with progress_bar(False) as bars:
            uphill = nmm.infer.optimisers.Adam(600, 0.01).search(
                Objective(target.log_density, target.densities), np.asarray(truth)[None], Steps(bars, "", 1)
            )
    return {
        "settings": settings | {"regions": size.regions, "contacts": len(who.gain), "seed": seed},
        "unknowns": unknowns,
        "gradient_ms": 1e3 * gradient,
        "seconds": {"modes": found - began, "sampling": done - found, "total": done - began},
        "gradients": {
            "modes": best.attrs["gradient_evaluations"] + polish,
            "sampling": pilots + tree.attrs["gradient_evaluations"],
        },
        "modes": {
            "words": best.attrs["modes"],
            "log_density": [float(value) for value in best["optimization"]["log_density"].values],
            "log_density_of_mode": modes[0].log_density,
            "mass": [mode.mass for mode in modes],
            "log_densities_with_levels": [mode.log_density for mode in modes],
            "log_density_of_truth": true_height,
            "uphill_from_truth": float(uphill.log_density[0]),
        },
        "chains": str(nmm.check.modes(tree)),
        "sampled": judge(who, tree),
    }


if __name__ == "__main__":
    main()
