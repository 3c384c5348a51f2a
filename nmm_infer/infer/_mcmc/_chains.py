"""What all samplers of chains share: a compiled program run in chunks, which one can watch, stop and
interrupt.
"""

import abc
import warnings
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from rich.progress import Progress

from .._progress import Steps
from ..devices import AbstractArrangement
from ..metrics._affine import Posterior
from ._warmup import Stage, stages
from .stopping import AbstractStop

# Of a sampler's statistics, the one that says that a proposal ended where the density is zero.
FAILED = "failed"
# What every algorithm has to tell of a step.
NEEDED = ("diverging", "n_steps", FAILED)


class Draw(NamedTuple):
    """What a step gives.

    Fields:
        position: where the chain is after it.
        stats: by ArviZ's names, one number or flag each. All algorithms have `diverging` (the integrator ran
            away; not that the density is zero at the end), `n_steps` (evaluations of the gradient) and
            `failed` (the proposal ended where the density is zero, and was rejected).
        tried: where that proposal ended; of use only where it `failed`, to say why.
    """

    position: Float[Array, " latent"]
    stats: dict[str, Array]
    tried: Float[Array, " latent"]


class AbstractAlgorithm(eqx.Module):
    """What one chain does in one step; hyperparameters are its static fields, so that equal algorithms share
    their programs.
    """

    @abc.abstractmethod
    def step(self, key: PRNGKeyArray, state: Any, stage: Stage, posterior: Posterior) -> tuple[Any, Draw]:
        """The next state of a chain, and what is kept of it.

        Args:
            key: a random key.
            state: a pytree of arrays; adaptation included.
            stage: what is adapted in this step.
            posterior: the log density.

        Returns:
            The state, and a `Draw` whose statistics have at least `diverging`, `n_steps` and `failed`.
        """


class Sampled(NamedTuple):
    """What the chains did after their warmup.

    Fields:
        positions: in the engine's coordinates.
        stats: statistics, each `["chain draw"]`.
        steps: sum of `n_steps`, warmup included.
        failed: where proposals ended at which the density is zero, warmup included, in the engine's
            coordinates.
        interrupted: ended by Ctrl-C.
        stopped: ended early by the stop rule, in its words; "" if not.
    """

    positions: Float[np.ndarray, "chain draw latent"]
    stats: dict[str, np.ndarray]
    steps: int
    failed: Float[np.ndarray, "proposal latent"]
    interrupted: bool
    stopped: str


@eqx.filter_jit
def _advance(
    algorithm: AbstractAlgorithm,
    arrangement: AbstractArrangement,
    posterior: Posterior,
    chains: Any,
    now: Stage,
) -> tuple[Any, Draw]:
    def chain(shared: tuple[Posterior, Stage], carry: tuple[Array, Any]) -> tuple[Any, Draw]:
        posterior, now = shared

        def step(carry: tuple[Array, Any], stage: Stage) -> tuple[tuple[Array, Any], Draw]:
            key, state = carry
            key, key_step = jax.random.split(key)
            state, draw = algorithm.step(key_step, state, stage, posterior)
            _check(algorithm, draw)
            return (key, state), draw

        return jax.lax.scan(step, carry, now)

    return arrangement.program(chain)((posterior, now), chains)


def _check(algorithm: AbstractAlgorithm, draw: Draw) -> None:
    missing = [name for name in NEEDED if name not in draw.stats]
    if missing:
        raise ValueError(
            f"{type(algorithm).__name__}.step(...) gave the statistics"
            f" {', '.join(sorted(draw.stats)) or 'none'}, expected {', '.join(NEEDED)} among them; add"
            f" {', '.join(missing)} to Draw(stats=...)"
        )


def run_chains(
    algorithm: AbstractAlgorithm,
    arrangement: AbstractArrangement,
    posterior: Posterior,
    states: Any,
    key: PRNGKeyArray,
    warmup: int,
    draws: int,
    chunk: int,
    bars: Progress,
    stop: AbstractStop,
) -> Sampled:
    """Warmup and draws of all chains.

    Args:
        algorithm: of each chain.
        arrangement: how chains share the machine.
        posterior: what is sampled.
        states: of the chains, stacked.
        key: for all randomness.
        warmup, draws: numbers of steps.
        chunk: steps between two looks at the clock, the keyboard and the stop rule.
        bars: progress.
        stop: looks at the draws so far, and may end the run.

    Raises:
        KeyboardInterrupt: during the warmup, when nothing has been drawn. So is any other error; later ones
            end the run, with a warning.
    """
    n = len(jax.tree.leaves(states)[0])
    chains = arrangement.place((jax.random.split(key, n), states), n)
    plan = stages(warmup, draws, chunk)
    warm, bar = (
        Steps(bars, name, total) if total else None for name, total in (("warmup", warmup), ("draws", draws))
    )
    pieces: list[tuple[np.ndarray, dict[str, np.ndarray], int, np.ndarray]] = []
    done, interrupted, stopped = 0, False, ""
    try:
        while done < warmup + draws and not stopped:
            now = jax.tree.map(lambda x: x[done : done + chunk], plan)  # noqa: B023
            chains, piece = _advance(algorithm, arrangement, posterior, chains, now)
            # The last chunk may go beyond the end, and a chunk may hold the end of the warmup.
            first, last = max(0, warmup - done), min(chunk, warmup + draws - done)
            position, found, tried = jax.tree.map(np.asarray, (piece.position, piece.stats, piece.tried))
            note = _note(found)
            drawn = {name: values[:, first:last] for name, values in found.items()}
            # All of it at once: an interruption finds either all of a piece or none.
            pieces.append(
                (
                    position[:, first:last],
                    drawn,
                    int(found["n_steps"][:, :last].sum()),
                    tried[:, :last][found[FAILED][:, :last] > 0],
                )
            )
            in_warmup = min(first, last)
            if warm and in_warmup:
                warm.advance(in_warmup, note)
            if bar and last > in_warmup:
                bar.advance(last - in_warmup, note)
            done += chunk
            if done > warmup:
                stopped = stop([position for position, *_ in pieces])
    except (KeyboardInterrupt, Exception) as error:
        interrupted = True
        if not sum(piece[0].shape[1] for piece in pieces):
            if isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt("interrupted during warmup: nothing had been drawn yet") from None
            raise
        if not isinstance(error, KeyboardInterrupt):
            warnings.warn(
                f"the run ended early, and the draws so far are kept: {type(error).__name__}: {error}",
                stacklevel=3,
            )
    drawn, stats, steps, failed = zip(*pieces, strict=True)
    joined = {name: np.concatenate([piece[name] for piece in stats], axis=1) for name in stats[0]}
    return Sampled(
        np.concatenate(drawn, axis=1), joined, sum(steps), np.concatenate(failed), interrupted, stopped
    )


def _note(stats: dict[str, np.ndarray]) -> str:
    divergences, walls = int(stats["diverging"].sum()), int(stats[FAILED].sum())
    words = [f"{stats['n_steps'].mean():.0f} steps a draw"]
    words += [f"{divergences} divergences"] if divergences else []
    words += [f"{walls} at the edge"] if walls else []
    return ", ".join(words)
