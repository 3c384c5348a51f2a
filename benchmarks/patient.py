"""A simulated patient with epilepsy: a connectome, electrodes, and a seizure that begins in one zone and
spreads into another.
"""

from typing import Any, NamedTuple

import numpy as np

TAU, STEP, SAMPLES, NOISE, COUPLING, AMPLITUDE = 30.0, 0.15, 130, 0.1, 1.5, 1.2
# Mean level of a contact: that of tissue at rest.
LEVEL = -2.0
# x1 of the fold, of calm regions, and the distance from the fold of regions without rest.
FOLD, CALM, NEAREST = -4.0 / 3.0, -1.8, 0.15
# Spread of the deviations of initial states from rest.
INITIAL_SD = 0.05
# How smoothly the branch ends at the fold, in z.
SMOOTH = 0.01


class Size(NamedTuple):
    """How large the patient is: regions, electrodes, contacts on each, regions in the epileptogenic and in
    the propagation zone.
    """

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
    """The group connectome, and the gain of electrodes: it falls with the fourth power of the distance, as
    the power of dipoles does.
    """
    import nmm_infer as nmm

    whole = nmm.datasets.desikan_killiany().power(0.75)
    centre = "R.ITG"
    order = np.argsort(-np.asarray(whole.weights)[whole.index(centre)], kind="stable")
    kept = [whole.index(centre), *(i for i in order if i != whole.index(centre))][: size.regions]
    connectome = (
        whole.select([whole.labels[i] for i in kept]).without_self_connections().scaled_by_mean_strength()
    )
    centres = np.asarray(connectome.centres, dtype=float)
    # Straight electrodes from the side, a contact every 5 mm: each is the one of many that shows most of what
    # those before it do not.
    along = np.stack(
        [np.repeat(np.sign(centres[:, 0]), 20), *(0.5 * rng.normal(size=(2, 20 * size.regions)))], axis=1
    )
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    beyond = rng.integers(0, size.contacts, 20 * size.regions)
    places = (
        np.repeat(centres, 20, axis=0)[:, None]
        + along[:, None] * (5.0 * (np.arange(size.contacts) - beyond[:, None]))[..., None]
    )
    gains = 1.0 / (((places[:, :, None] - centres) ** 2).sum(axis=-1) + 5.0**2) ** 2
    shares = (gains / gains.sum(axis=-1, keepdims=True)).max(axis=1)
    seen, chosen = np.zeros(size.regions), []
    for _ in range(size.electrodes):
        chosen.append(int(np.argmax(np.log(np.maximum(shares, seen) + 0.02).sum(axis=1))))
        seen = np.maximum(seen, shares[chosen[-1]])
    gain = gains[chosen].reshape(-1, size.regions)
    return connectome, gain / gain.sum(axis=1).mean()


def network(connectome: Any, x0: Any, G: Any, initial: Any) -> Any:
    """Seizures spread through the slow variable: a seizing neighbour lowers the permittivity, so Ks is
    negative.
    """
    import nmm_infer as nmm

    return nmm.Network(
        nmm.models.Epileptor2D(x0=x0, r=1.0 / TAU, Ks=-1.0),
        connectome,
        nmm.couplings.Diffusive(G=G),
        initial=initial,
    )


def resting(x0: Any, G: Any, weights: Any) -> Any:
    """How far below the fold at x1 = -4/3 each region rests while its neighbours are calm, `["region"]`.

    There z = 4.1 - x³ - 2x² and z' = 0, which Newton's method solves. Regions so excitable that they have no
    rest begin near the fold.
    """
    import jax
    import jax.numpy as jnp

    strength = G * jnp.asarray(weights).sum(axis=1)
    x = jnp.full_like(jnp.asarray(x0), CALM)
    for _ in range(8):
        x -= (4.0 * (x - x0) - 4.1 + x**3 + 2.0 * x**2 + strength * (x - CALM)) / (
            4.0 + 3.0 * x**2 + 4.0 * x + strength
        )
    return NEAREST + 0.05 * jax.nn.softplus((FOLD - x - NEAREST) / 0.05)


def from_rest(drawn: Any) -> Any:
    """A network whose initial state was drawn as a deviation from rest: of x1 from the branch, and along it.

    Both are bent so that what a seizure's onset depends on is linear in them (see
    `docs/benchmarks/posteriors.md`).
    Along the branch it is z that deviates: from any z the slow drift reaches the fold after a time
    proportional to the distance in z. Across it, x1 = branch + 2 d (1 - exp(-s)), with 2 d the distance from
    the branch of rest to the unstable one, beyond which the seizure would have begun already: while x1' = 2
    (δ - 2 d) δ brings a deviation δ back to rest, z drifts by 4 r ∫ δ dt = 2 r s.
    """
    import equinox as eqx
    import jax.numpy as jnp

    (across, along), rest = (
        drawn.initial,
        resting(drawn.model.x0, drawn.couplings[0].G, drawn.connectome.weights),
    )
    above = 2.0 * rest**2 + rest**3 + (4.0 * rest + 3.0 * rest**2) * along  # z above that of the fold
    positive = 0.5 * (above + jnp.sqrt(above**2 + SMOOTH**2))
    d = jnp.sqrt(0.5 * positive)
    for _ in range(4):
        d -= (2.0 * d**2 + d**3 - positive) / (4.0 * d + 3.0 * d**2)
    x1 = FOLD - d - 2.0 * d * jnp.expm1(-0.5 * across / rest)
    return eqx.tree_at(
        lambda network: network.initial, drawn, jnp.stack([x1, 4.1 - FOLD**3 - 2.0 * FOLD**2 + above])
    )


def contacts(gain: np.ndarray, amplitude: Any, level: Any, levels: bool = True) -> Any:
    """What electrodes see: the logarithm of the power, around a level that means nothing; or with an offset
    that means as little.
    """
    from nmm_infer.observe import Chain, LeadField, Level, LogPower

    if not levels:
        return LogPower(LeadField(gain), amplitude=amplitude, offset=level)  # pyright: ignore[reportCallIssue]
    return Chain(LogPower(LeadField(gain), amplitude=amplitude), Level(level))  # pyright: ignore[reportCallIssue]


def patient(size: Size, seed: int) -> Patient:
    """Zones, a seizure that starts in one and spreads into the other, and what contacts see of it."""
    import jax

    import nmm_infer as nmm

    rng = np.random.default_rng(seed)
    connectome, gain = anatomy(size, rng)
    n, weights = size.regions, np.asarray(connectome.weights)
    epileptogenic = np.argsort(-np.where(np.arange(n) == 0, np.inf, weights[0]), kind="stable")[
        : size.epileptogenic
    ]
    input_of = weights[:, epileptogenic].sum(axis=1)
    input_of[epileptogenic] = -1.0
    propagation = np.argsort(-input_of, kind="stable")[: size.propagation]
    x0 = rng.uniform(-2.9, -2.4, n)
    x0[epileptogenic] = rng.uniform(-1.8, -1.5, size.epileptogenic)
    x0[propagation] = rng.uniform(-2.05, -1.97, size.propagation)
    with jax.enable_x64(True):
        initial = rng.normal(0.0, INITIAL_SD, (2, n))
        run = nmm.solve(from_rest(network(connectome, x0, COUPLING, initial)), SAMPLES * STEP, step=STEP)
        x1 = np.asarray(run.variable("x1").values)
        level = rng.normal(LEVEL, 1.0, len(gain))
        clean = np.asarray(contacts(gain, AMPLITUDE, level)(run).values)
    seizes = x1 > -0.5
    onset = np.where(seizes.any(axis=0), np.argmax(seizes, axis=0), np.inf)
    truth = {
        "model.x0": x0,
        "initial": initial,
        "coupling.G": np.array(COUPLING),
        "observe.parts.0.amplitude": np.array(AMPLITUDE),
        "observe.parts.1.level": level,
        "likelihood.scale": np.array(NOISE),
    }
    return Patient(
        connectome,
        gain,
        epileptogenic,
        propagation,
        truth,
        onset,
        clean + NOISE * rng.normal(size=clean.shape),
    )
