"""Delayed match to sample, learnt by a network of oscillators: two cues, noise and time between them, were
they the same?

    python examples/delayed_match.py --out results/delayed_match

Less than a minute on a laptop. Chance is 50 %.
"""

import argparse
import dataclasses
import functools
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import optax
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import nmm_infer as nmm

BATCH, BLOCK = 64, 20  # trials in a training step, training steps between two looks at the accuracy
HELD_OUT = 1000


@dataclasses.dataclass(frozen=True)
class Task:
    """A channel for each cue; the noise is on all channels all the time, and a cue is 1 high."""

    cues: int = 4
    cue_steps: int = 10
    delay_steps: int = 80
    noise: float = 0.4

    @property
    def steps(self) -> int:
        return 2 * self.cue_steps + self.delay_steps

    def trials(self, key, n):
        """Sequences ["trial time cue"], and 1 where the two cues match, 0 where they do not."""
        first_key, match_key, other_key, noise_key = jax.random.split(key, 4)
        first = jax.random.randint(first_key, (n,), 0, self.cues)
        match = jax.random.bernoulli(match_key, 0.5, (n,))
        other = (first + jax.random.randint(other_key, (n,), 1, self.cues)) % self.cues
        time = jnp.arange(self.steps)[:, None]
        shown = jax.nn.one_hot(first, self.cues)[:, None] * (time < self.cue_steps)
        shown += jax.nn.one_hot(jnp.where(match, first, other), self.cues)[:, None] * (
            time >= self.steps - self.cue_steps
        )
        return shown + self.noise * jax.random.normal(noise_key, shown.shape), match.astype(int)


def build(task, units, key):
    """One layer whose frequencies span two octaves, and a readout for either answer."""
    omega_key, layer_key, readout_key = jax.random.split(key, 3)
    omega = 2 * np.pi / 28 * np.asarray(jax.random.uniform(omega_key, (units,), minval=0.5, maxval=2.0))
    node = nmm.models.HORN(alpha=0.2, omega=omega, gamma=0.005)
    return nmm.models.HORNNetwork(
        [nmm.models.HORNLayer(task.cues, units, node=node, chunk=1, key=layer_key)],
        outputs=2,
        key=readout_key,
    )


@eqx.filter_jit
def accuracy(network, task, key):
    """Fraction of right answers in trials that training does not see, given a key of their own."""
    sequences, match = task.trials(key, HELD_OUT)
    return jnp.mean(jnp.argmax(jax.vmap(network)(sequences), axis=-1) == match)


def train(network, task, steps, key, report=lambda step, loss, network: None):
    """Adam on fresh trials at every step. Weights and biases are trained, the oscillators stay as
    they are.
    """
    weights, rest = eqx.partition(network, network.trained())
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(1e-2, steps))
    )

    def loss(weights, sequences, match):
        logits = jax.vmap(eqx.combine(weights, rest))(sequences)
        return optax.softmax_cross_entropy_with_integer_labels(logits, match).mean()

    def one(carry, key):
        weights, state = carry
        value, gradient = jax.value_and_grad(loss)(weights, *task.trials(key, BATCH))
        updates, state = optimiser.update(gradient, state, weights)
        return (optax.apply_updates(weights, updates), state), value

    block = jax.jit(functools.partial(jax.lax.scan, one))
    carry, losses = (weights, optimiser.init(weights)), []
    for number, keys in enumerate(jax.random.split(key, steps).reshape(-1, BLOCK)):
        carry, values = block(carry, keys)
        losses.append(np.asarray(values))
        report((number + 1) * BLOCK, losses[-1].mean(), eqx.combine(carry[0], rest))
    return eqx.combine(carry[0], rest), np.concatenate(losses)


def draw(network, task, losses, seen, file):
    """A trial inside the network, the evidence for a match in several trials, and how it was learnt."""
    sequences, match = task.trials(jax.random.key(5), 40)
    positions = jax.vmap(lambda sequence: network.states(sequence)[-1][:, 0])(sequences)
    evidence = jax.vmap(jax.vmap(network.readout))(positions)
    evidence = np.asarray(evidence[..., 1] - evidence[..., 0])
    order = np.argsort(np.asarray(network.layers[-1].node.omega))
    figure, (inside, decision, learning) = plt.subplots(
        1, 3, figsize=(12, 3.2), width_ratios=(1.3, 1, 1), layout="constrained"
    )
    limit = float(np.abs(positions[0]).max())
    image = inside.imshow(
        np.asarray(positions[0]).T[order],
        aspect="auto",
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        origin="lower",
        interpolation="none",
    )
    figure.colorbar(image, ax=inside, label="position x")
    inside.set(
        title="one trial, with a match" if match[0] else "one trial, without a match",
        xlabel="step",
        ylabel="oscillator, slow to fast",
    )
    for answer, colour, label in ((1, "#2166ac", "match"), (0, "#b2182b", "no match")):
        lines = decision.plot(evidence[np.asarray(match) == answer].T, color=colour, lw=0.7, alpha=0.7)
        lines[0].set_label(label)
    decision.set(title="evidence for a match", xlabel="step", ylabel="difference of the readouts")
    decision.legend(loc="upper left", frameon=False)
    for axes in (inside, decision):
        for edge in (task.cue_steps, task.steps - task.cue_steps):
            axes.axvline(edge, color="0.3", lw=0.8, ls=":")
    learning.plot(np.arange(1, len(losses) + 1), losses, color="0.7", lw=0.7, label="loss")
    learning.plot(*zip(*seen, strict=True), color="#2166ac", label="held-out accuracy")
    learning.axhline(0.5, color="0.3", lw=0.8, ls=":", label="chance")
    learning.set(title="learning", xlabel="training step", xlim=(0, len(losses)), ylim=(0, 1.05))
    learning.legend(loc="center right", frameon=False)
    figure.savefig(file, dpi=150)
    plt.close(figure)


def main(quick: bool, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    task = Task(delay_steps=30, noise=0.3) if quick else Task()
    steps = 400 if quick else 800
    build_key, train_key, test_key = jax.random.split(jax.random.key(0), 3)
    network = build(task, 32 if quick else 64, build_key)
    seen = [(0, float(accuracy(network, task, test_key)))]
    print(f"before training: {seen[0][1]:.1%} of {HELD_OUT} held-out trials right")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} steps"),
        TimeElapsedColumn(),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=steps)

        def report(step, loss, network):
            seen.append((step, float(accuracy(network, task, test_key))))
            progress.update(
                bar, completed=step, description=f"loss {loss:.3f}, held-out accuracy {seen[-1][1]:.1%}"
            )
            if step % (steps // 4) == 0:
                progress.console.print(f"after {step} steps: {seen[-1][1]:.1%}")

        network, losses = train(network, task, steps, train_key, report)
    assert seen[-1][1] > (0.8 if quick else 0.9), f"only {seen[-1][1]:.1%} right"
    draw(network, task, losses, seen, out / "delayed_match.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a short run")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder to write to")
    arguments = parser.parse_args()
    matplotlib.use("Agg")
    main(arguments.quick, arguments.out)
