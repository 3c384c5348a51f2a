"""Five nested models of an evoked response: `python -m benchmarks.evidence [--true none|g_1|…] [--only
SMC,bridge,Laplace]`.

One cortical source of nine states (ERP), fitted by the full model and by the four that lack one of the
connections g_1 … g_4 each (the family of Baldy et al. 2025, J R Soc Interface 22:20240880). The model that
made the data, by default the full one, should have the largest evidence, with any of three estimates: SMC, a
bridge over draws of NUTS, and Laplace. Without g_3 and without g_4 the source has no inhibition: these two
are the same model.
"""

import argparse
import time
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "evidence.md"
CONNECTIONS = ("g_1", "g_2", "g_3", "g_4")
DURATION, STEP, EVERY, NOISE = 200.0, 1.0, 4.0, 0.02


def problem(cut: str | None) -> Any:
    """The model without one connection, or the full one; priors are 20 % wide around published values."""
    import jax.numpy as jnp
    import numpyro.distributions as dist

    import nmm_infer as nmm

    names = (*CONNECTIONS, "tau_e", "h_e", "u")
    defaults = nmm.models.ERP()
    values = {
        name: nmm.Prior(dist.LogNormal(jnp.log(float(getattr(defaults, name))), 0.2))
        for name in names
        if name != cut
    }
    if cut is not None:
        values[cut] = 0.0
    network = nmm.Network(nmm.models.ERP(**values), initial=[[0.0]] * 9)
    return nmm.Problem(
        network,
        nmm.observe.Subsample(period=EVERY),
        nmm.likelihoods.Gaussian(scale=NOISE),
        duration=DURATION,
        step=STEP,
    )


def data(cut: str | None, seed: int) -> Any:
    """A noisy response of the member without `cut`, at published values."""
    import numpy as np

    import nmm_infer as nmm

    values = {} if cut is None else {cut: 0.0}
    network = nmm.Network(nmm.models.ERP(**values), initial=[[0.0]] * 9)
    signal = nmm.solve(network, DURATION, step=STEP, observe=nmm.observe.Subsample(period=EVERY))
    y = np.asarray(signal.values)
    return y + NOISE * np.random.default_rng(seed).normal(size=y.shape)


def fits(y: Any, seed: int, only: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Trees by estimate and member."""
    import jax

    import nmm_infer as nmm

    engines = {
        "SMC": nmm.infer.SMC(particles=250, chains=4, moves=3, predictive_draws=0),
        "bridge": nmm.infer.NUTS(draws=500, warmup=500, chains=4, predictive_draws=0),
        "Laplace": nmm.infer.Laplace(nmm.infer.MAP(starts=4), predictive_draws=0),
    }
    found: dict[str, dict[str, Any]] = {kind: {} for kind in only}
    for cut in (None, *CONNECTIONS):
        name = "full" if cut is None else f"no {cut}"
        model, key = problem(cut), jax.random.key(seed)
        for kind, trees in found.items():
            tree = engines[kind](model, y, key=key, progress=False)
            trees[name] = nmm.infer.bridge_sampling(model, y, tree, key=key) if kind == "bridge" else tree
        print(
            name,
            *(
                f"{kind} {trees[name].attrs['log_evidence']:.2f} ± {trees[name].attrs['log_evidence_se']:.2f}"
                for kind, trees in found.items()
            ),
            flush=True,
        )
    return found


def main() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    import nmm_infer as nmm

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--true", default="none", choices=("none", *CONNECTIONS), help="the connection that the data lack"
    )
    parser.add_argument("--only", default="SMC,bridge,Laplace", help="estimates, comma-separated")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cut = None if arguments.true == "none" else arguments.true
    began = time.perf_counter()
    y = data(cut, arguments.seed)
    truth = "full" if cut is None else f"no {cut}"
    lines = [f"# Evidence of five evoked-response models, data from {truth!r}, seed {arguments.seed}", ""]
    for kind, trees in fits(y, arguments.seed, tuple(arguments.only.split(","))).items():
        table = nmm.check.compare(trees)
        verdict = "the true model wins" if table.most_probable == truth else f"{table.most_probable} wins"
        lines += [f"## {kind}: {verdict}", "", "```", str(table), "```", ""]
    lines.append(
        f"{time.perf_counter() - began:.0f} s, everything included, on {jax.devices()[0]} and"
        f" {jax.local_device_count()} device(s)."
    )
    text = "\n".join(lines)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
