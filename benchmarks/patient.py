"""A simulated patient with epilepsy: a connectome, electrodes, and a seizure that begins in one zone and spreads into another."""

from typing import Any, NamedTuple

import numpy as np

TAU, STEP, SAMPLES, NOISE, COUPLING, AMPLITUDE = 30.0, 0.15, 130, 0.1, 1.5, 1.2


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
