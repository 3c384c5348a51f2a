"""What a step of a network costs, against a hand-written loop: `python -m benchmarks.solve`.

Everything is timed in turns in one process, best of several rounds, because the machine's speed
drifts; the ratios are what counts.
"""

import datetime
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import nmm_infer as nmm
from nmm_infer import adjoints, couplings, models, noises

REGIONS, STEPS, STEP, SPEED, ROUNDS = 84, 10_000, 0.1, 10.0, 7
RESULT = Path(__file__).parent / "results" / "solve.md"
KEY = jax.random.key(0)


def connectome(density):
    """Row-normalised log-normal weights; delays of 3–37 ms at 10 mm/ms."""
    rng = np.random.default_rng(0)
    weights, lengths = rng.lognormal(size=(REGIONS, REGIONS)), rng.uniform(30.0, 370.0, (REGIONS, REGIONS))
    weights *= rng.random((REGIONS, REGIONS)) < density
    np.fill_diagonal(weights, 0.0)
    return nmm.Connectome(weights / weights.sum(1).max(), lengths)


DENSE, HALF, TENTH = connectome(1.0), connectome(0.5), connectome(0.1)
START = jnp.broadcast_to(jnp.array([0.1, -2.0])[:, None], (2, REGIONS))


def drift(y, eta, arrived):
    r, v = y
    return jnp.stack([1 / jnp.pi + 2 * r * v, v**2 + eta + 15 * r + 0.5 * arrived - (jnp.pi * r) ** 2])


def heun(y, f, ends):
    k = f(y, ends[0])
    return y + 0.5 * STEP * (k + f(y + STEP * k, ends[1]))


def by_hand(eta):
    """The limit: a scan over Heun's two stages."""
    weights = jnp.asarray(DENSE.weights, jnp.float32)

    def step(y, _):
        k = drift(y, eta, weights @ y[0])
        ahead = y + STEP * k
        y = y + 0.5 * STEP * (k + drift(ahead, eta, weights @ ahead[0]))
        return y, y

    return jax.lax.scan(step, START, length=STEPS)[1]


def ring_buffer(connectome):
    """What simulators do: delays rounded to steps, a gather of all edges from a ring buffer at every step,
    held over the step.
    """
    weights = jnp.asarray(connectome.weights, jnp.float32)
    delays = np.rint(np.asarray(connectome.lengths) / (SPEED * STEP)).astype(np.int32)
    past = int(delays.max()) + 1
    to = np.arange(REGIONS)[None, :]

    def run(eta):
        def step(carry, n):
            y, buffer = carry
            arrived = jnp.sum(weights * buffer[(n - delays) % past, to], axis=1)
            y = heun(y, lambda y, c: drift(y, eta, c), (arrived, arrived))
            return (y, buffer.at[(n + 1) % past].set(y[0])), y

        return jax.lax.scan(step, (START, jnp.broadcast_to(START[0], (past, REGIONS))), jnp.arange(STEPS))[1]

    return run


def ours(connectome=DENSE, speed=None, noise=None, step=STEP, **options):
    def run(eta):
        network = nmm.Network(
            models.MontbrioPazoRoxin(eta=eta), connectome, couplings.Additive(G=0.5), speed=speed, noise=noise
        )
        return nmm.solve(network, STEPS * step, step=step, key=KEY, **options).values

    return run


STORED, NOISE = {"adjoint": adjoints.Stored()}, noises.Additive(sigma=0.01)
# Name, function, and the row that it is measured against.
ROWS = {
    "hand-written scan, no delays": (by_hand, None),
    "solve, no delays, Checkpointed": (ours(), "hand-written scan, no delays"),
    "solve, no delays, Stored": (ours(**STORED), "hand-written scan, no delays"),
    "solve, no delays, diffrax.Heun": (ours(solver=diffrax.Heun(), **STORED), "hand-written scan, no delays"),
    "solve, no delays, noise": (ours(noise=NOISE), "solve, no delays, Checkpointed"),
    "ring buffer, dense": (ring_buffer(DENSE), "solve, no delays, Checkpointed"),
    "solve, delays, dense, Checkpointed": (ours(speed=SPEED), "solve, no delays, Checkpointed"),
    "solve, delays, dense, Stored": (ours(speed=SPEED, **STORED), "solve, no delays, Stored"),
    "solve, delays, half dense, Checkpointed": (ours(HALF, speed=SPEED), "solve, no delays, Checkpointed"),
    "solve, delays, half dense, Stored": (ours(HALF, speed=SPEED, **STORED), "solve, no delays, Stored"),
    "solve, delays, a tenth dense, Stored": (ours(TENTH, speed=SPEED, **STORED), "solve, no delays, Stored"),
    "solve, delays of 3–37 steps, dense, Stored": (
        ours(speed=SPEED, step=10 * STEP, **STORED),
        "solve, no delays, Stored",
    ),
    "solve, delays, dense, noise": (ours(speed=SPEED, noise=NOISE), "solve, no delays, noise"),
}
TARGETS = (
    "Targets: without delays ≤ 1.15 and ≤ 1.4 of the hand-written scan; delays ≤ 5 and ≤ 3 of the same run"
    " without delays. Checkpointed fetches delayed messages three times (forward, again, backward) and Stored"
    " twice; a fetch costs about what it takes to copy it, one number for each edge and step."
)


def measure(functions):
    """Best time of each in µs per step, the rounds interleaved."""
    eta = jnp.full(REGIONS, -5.0)
    best = dict.fromkeys(functions, np.inf)
    for function in functions.values():
        jax.block_until_ready(function(eta))
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = time.perf_counter()
            jax.block_until_ready(function(eta))
            best[name] = min(best[name], 1e6 * (time.perf_counter() - start) / STEPS)
    return best


def seconds(statement):
    """Best time of a fresh interpreter."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    forward = measure({name: jax.jit(run) for name, (run, _) in ROWS.items()})
    gradient = measure(
        {
            name: jax.jit(jax.value_and_grad(lambda eta, run=run: run(eta)[:, 0].mean()))
            for name, (run, _) in ROWS.items()
        }
    )
    rows = [
        (
            name,
            f"{forward[name]:.2f}",
            f"{gradient[name]:.2f}",
            *((f"{t[name] / t[base]:.2f}" if base else "1") for t in (forward, gradient)),
            base or "",
        )
        for name, (_, base) in ROWS.items()
    ]
    header = (
        "network",
        "forward µs/step",
        "value and gradient µs/step",
        "forward ratio",
        "gradient ratio",
        "against",
    )
    table = Table(*header)
    for row in rows:
        table.add_row(*row)
    Console(width=160).print(table)
    imports = {name: seconds(f"import {name}") for name in ("jax", "nmm_infer")}
    imports["all of nmm_infer.solve"] = seconds("import nmm_infer; nmm_infer.solve")
    lines = [
        "# A step of a network",
        "",
        (
            f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, jax {jax.__version__},"
            f" Python {platform.python_version()}, device {jax.devices()[0].platform}, load"
            f" {os.getloadavg()[0]:.1f}. Montbrió–Pazó–Roxin, {REGIONS} regions, float32, Heun, {STEP} ms,"
            f" {STEPS} steps, delays 3–37 ms. Best of {ROUNDS} interleaved rounds."
        ),
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        TARGETS,
        "",
        "Importing: "
        + ", ".join(f"`{name}` {t:.2f} s" for name, t in imports.items())
        + " (target: less than 1 s beyond `jax`).",
        "",
    ]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(lines))
    print(TARGETS, lines[-2], f"written to {RESULT}", sep="\n")


if __name__ == "__main__":
    main()
