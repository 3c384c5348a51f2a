"""Sequential Monte Carlo."""

import equinox as eqx
import jax
import numpy as np

from .._engine import AbstractEngine, check_counts
from .._progress import Steps
from .._run import Populations
from .._target import Target
from ._tempering import Population, Settings, Tempering, evidence

# Progress in per cent of the way, which is logarithmic in temperature: half of the stages are below 1 %.
STAGES = 100


class SMC(AbstractEngine):
    """Adaptive tempered sequential Monte Carlo (Del Moral, Doucet, Jasra 2006; Buchholz, Chopin, Jacob 2021).

    A population of draws from the prior is carried to the posterior: the likelihood is switched on by
    degrees, and at each the particles are weighted, resampled and moved by Hamiltonian Monte Carlo with their
    own covariance as metric. It needs no start, finds several modes with their right weights if the particles
    are many enough to see them from the prior, and gives the evidence, with a standard error from independent
    populations.

    Each chain of the result is one population, its draws are the particles; relatives by resampling stand
    next to each other, so that effective sample sizes count them. Attributes `log_evidence` and
    `log_evidence_se`; group `tempering` has temperature, acceptance and step size of every stage, and the log
    evidence of every population.

    Args:
        particles: in each population.
        chains: independent populations.
        moves: Hamiltonian trajectories of each particle at each temperature.
        ess: effective fraction of the particles that the weights of one stage may leave; higher: more,
            smaller stages.
        batch: particles computed at once; fewer take less memory.
        dtype: "float64" (default) or "float32".
        predictive_draws: posterior predictive draws per chain; 0: none. None: of every draw where the
            observations themselves are predicted (`az.loo_pit` needs that) and that is no more than 25
            million numbers; else 200 in all.
    """

    particles: int = eqx.field(static=True, default=1000)
    chains: int = eqx.field(static=True, default=4)
    moves: int = eqx.field(static=True, default=5)
    ess: float = eqx.field(static=True, default=0.5)
    batch: int = eqx.field(static=True, default=250)
    dtype: str = eqx.field(static=True, default="float64")
    predictive_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_counts("SMC", particles=self.particles, chains=self.chains, moves=self.moves, batch=self.batch)
        if not 0.0 < self.ess < 1.0:
            raise ValueError(f"SMC(ess=...) got {self.ess}, expected a fraction between 0 and 1")

    def title(self):
        return (
            f"SMC(particles={self.particles}, chains={self.chains}, moves={self.moves}, ess={self.ess},"
            f" dtype={self.dtype})"
        )

    def run(self, target, key, bars):
        import xarray as xr

        key_chains, _ = jax.random.split(key)
        populations, interrupted = self._populations(target, key_chains, bars)
        log_evidences = np.array([population.log_evidence for population in populations])
        value, error = evidence(log_evidences)
        return Populations(
            latent=np.stack([population.positions for population in populations]),
            stats={
                "lp": np.stack([population.log_density for population in populations]),
                "acceptance_rate": np.stack([population.acceptance for population in populations]),
            },
            gradients=sum(population.evaluations for population in populations),
            failed=np.concatenate([population.failed for population in populations]),
            interrupted=interrupted,
            groups={
                "tempering": xr.Dataset(_stages(populations) | {"log_evidence": (("chain",), log_evidences)})
            },
            attrs={"log_evidence": value, "log_evidence_se": error, "log_evidence_method": "SMC"},
        )

    def _populations(self, target: Target, key, bars) -> tuple[list[Population], bool]:
        tempering = Tempering(
            target.log_prior, target.log_density, Settings(self.moves, self.ess, self.batch)
        )
        populations: list[Population] = []
        bar, done = Steps(bars, "SMC", self.chains * STAGES), 0.0

        def report(temperature: float) -> None:
            nonlocal done
            # From 1e-8 on, logarithmically.
            way = STAGES * (len(populations) + np.clip(1.0 + np.log10(temperature) / 8.0, 0.0, 1.0))
            bar.advance(
                way - done,
                f"population {len(populations) + 1} of {self.chains}, temperature {temperature:.3g}",
            )
            done = way

        try:
            for chain_key in jax.random.split(key, self.chains):
                key_start, key_run = jax.random.split(chain_key)
                populations.append(
                    tempering.run(key_run, target.prior_draws(key_start, self.particles), report)
                )
        except KeyboardInterrupt:
            if not populations:
                raise KeyboardInterrupt(
                    "interrupted before the first population had reached the posterior: nothing had been"
                    " drawn yet"
                ) from None
            return populations, True
        bar.finish()
        return populations, False


def _stages(populations: list[Population]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """What happened at each stage; populations with fewer stages are filled with NaN."""
    longest = max(population.temperatures.size for population in populations)

    def padded(values: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.pad(v, (0, longest - v.size), constant_values=np.nan) for v in values])

    return {
        "temperature": (("chain", "stage"), padded([population.temperatures for population in populations])),
        "acceptance_rate": (
            ("chain", "stage"),
            padded([population.acceptances for population in populations]),
        ),
        "step_size": (("chain", "stage"), padded([population.step_sizes for population in populations])),
    }
