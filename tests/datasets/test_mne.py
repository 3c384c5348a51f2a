"""MNE's recordings and forward solutions: a sphere, sources on it, and what electrodes see of them."""

import warnings

import brainunit as u
import jax
import numpy as np
import numpyro.distributions as dist
import pytest

import nmm_infer as nmm

mne = pytest.importorskip("mne")

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def info():
    montage = mne.channels.make_standard_montage("standard_1020")
    made = mne.create_info(montage.ch_names[:32], 250.0, "eeg")
    made.set_montage(montage, verbose="error")
    return made


@pytest.fixture(scope="module")
def forward(info):
    """Forty radial dipoles, 7 cm from the middle of a head that is a sphere."""
    sphere = mne.make_sphere_model((0.0, 0.0, 0.04), 0.09, verbose="error")
    normals = RNG.normal(size=(40, 3))
    normals[:, 2] = np.abs(normals[:, 2])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    places = {"rr": 0.07 * normals + [0.0, 0.0, 0.04], "nn": normals}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        space = mne.setup_volume_source_space(pos=places, sphere_units="m", verbose="error")
        return mne.make_forward_solution(info, None, space, sphere, meg=False, verbose="error")


PARCELS = {"L.A": range(4), "R.A": range(4, 10), "L.B": range(10, 11), "R.B": range(11, 30)}


def evoked(info, values=None):
    values = RNG.normal(size=(32, 50)) * 1e-6 if values is None else values
    return mne.EvokedArray(values, info, tmin=0.004, verbose="error")


def test_evoked_has_names_units_and_times(info):
    response = evoked(info)
    response.info["bads"] = [info["ch_names"][3]]
    data = nmm.datasets.from_mne(response)
    assert data.dims == ("time", "sensor")
    assert data["sensor"].values.tolist() == [n for i, n in enumerate(info["ch_names"]) if i != 3]
    assert (data.attrs["units"], data.attrs["bads"]) == ("uV", [info["ch_names"][3]])
    np.testing.assert_allclose(data["time"].values[:3], [4.0, 8.0, 12.0])
    np.testing.assert_allclose(data.values, np.delete(response.data, 3, axis=0).T * 1e6)
    response.info["bads"] = []


def test_epochs_and_raw(info):
    raw = mne.io.RawArray(RNG.normal(size=(32, 1000)) * 1e-6, info, verbose="error")
    epochs = mne.make_fixed_length_epochs(raw, 1.0, verbose="error")
    data = nmm.datasets.from_mne(epochs)
    assert data.dims == ("trial", "time", "sensor")
    assert data.shape == (4, 250, 32)
    np.testing.assert_allclose(data.values[1, 7], raw.get_data()[:, 257] * 1e6)
    whole = nmm.datasets.from_mne(raw)
    assert whole.dims == ("time", "sensor")
    np.testing.assert_allclose(whole.values, raw.get_data().T * 1e6)


def test_average_reference_is_applied_and_said(info):
    response = evoked(info)
    kept = response.data.copy()
    assert "reference" not in nmm.datasets.from_mne(response).attrs
    by_projector = response.copy().set_eeg_reference(projection=True, verbose="error")
    at_once = response.copy().set_eeg_reference(projection=False, verbose="error")
    for referenced in (by_projector, at_once):
        data = nmm.datasets.from_mne(referenced)
        assert data.attrs["reference"] == "average"
        np.testing.assert_allclose(data.mean("sensor"), 0.0, atol=1e-9)
    np.testing.assert_array_equal(response.data, kept)
    assert not by_projector.proj  # the user's own stays as it was


def test_kinds_are_chosen_or_asked_for():
    mixed = mne.create_info(["MEG1", "EEG1", "EEG2", "STI"], 100.0, ["mag", "eeg", "eeg", "stim"])
    response = mne.EvokedArray(1e-6 * np.ones((4, 30)), mixed, verbose="error")
    with pytest.raises(ValueError, match="channels of eeg, mag; expected one kind: pass picks="):
        nmm.datasets.from_mne(response)
    assert nmm.datasets.from_mne(response, picks="eeg")["sensor"].values.tolist() == ["EEG1", "EEG2"]
    magnetic = nmm.datasets.from_mne(response, picks="mag")
    assert magnetic.attrs["units"] == "fT"
    np.testing.assert_allclose(magnetic.values, 1e9)
    with pytest.raises(ValueError, match=r"picks='seeg': there are only eeg, mag"):
        nmm.datasets.from_mne(response, picks="seeg")
    with pytest.raises(TypeError, match=r"from_mne\(instance=...\) got ndarray, expected mne.io.Raw"):
        nmm.datasets.from_mne(np.ones(3))


def test_noise_of_sensors_from_a_covariance(info):
    variances = np.linspace(1.0, 2.0, 32) * 1e-12
    covariance = mne.Covariance(np.diag(variances), info["ch_names"], ["EEG 999", "Cz"], [], 100)
    noise = nmm.datasets.sensor_noise(covariance, info)
    kept = [i for i, name in enumerate(info["ch_names"]) if name != "Cz"]
    np.testing.assert_allclose(noise.values, np.sqrt(variances[kept]) * 1e6)
    assert noise.attrs["units"] == "uV"


def test_gain_averages_the_dipoles_of_a_parcel(forward):
    gain = nmm.datasets.gain_of_forward(forward, PARCELS)
    assert gain["region"].values.tolist() == list(PARCELS)
    columns = np.asarray(forward["sol"]["data"]).reshape(32, -1, 3)
    normals = np.concatenate([space["nn"][space["vertno"]] for space in forward["src"]])
    for name, index in PARCELS.items():
        expected = np.mean([columns[:, i] @ normals[i] for i in index], axis=0)
        np.testing.assert_allclose(gain.sel(region=name), expected, rtol=1e-6)
        coherence = np.linalg.norm(normals[list(index)].mean(axis=0))
        assert float(gain["coherence"].sel(region=name)) == pytest.approx(coherence)
    assert float(gain["coherence"].sel(region="L.B")) == pytest.approx(1.0)
    upwards = nmm.datasets.gain_of_forward(forward, PARCELS, [0.0, 0.0, 2.0])
    np.testing.assert_allclose(upwards.sel(region="L.B"), columns[:, 10, 2], rtol=1e-6)


def test_parcels_are_numbers_or_masks(forward):
    mask = np.zeros(40, dtype=bool)
    mask[[7, 8]] = True
    gain = nmm.datasets.gain_of_forward(forward, {"mask": mask, "numbers": [8, 7, 7]})
    np.testing.assert_array_equal(gain.sel(region="mask"), gain.sel(region="numbers"))
    for wrong in ([0.7, 1.9], np.ones(3, dtype=bool)):
        with pytest.raises(TypeError, match="expected numbers of sources, or a mask of all 40"):
            nmm.datasets.gain_of_forward(forward, {"a": wrong})
    label = mne.Label([1, 2], hemi="lh", name="a-lh", subject="sample")
    with pytest.raises(TypeError, match=r"expected a list of mne.Label"):
        nmm.datasets.gain_of_forward(forward, label)


def test_labels_are_looked_for_on_their_own_hemisphere():
    from nmm_infer._mne import _of_labels

    right = {"id": 102, "nuse": 3, "vertno": np.array([1, 5, 9]), "subject_his_id": "sample"}
    left = right | {"id": 101, "nuse": 2, "vertno": np.array([1, 2])}
    rh = mne.Label([5, 9], hemi="rh", name="a-rh", subject="sample")
    lh = mne.Label([1, 5], hemi="lh", name="a-lh", subject="sample")
    found = _of_labels([left, right], [rh, lh])
    assert {name: index.tolist() for name, index in found.items()} == {"a-rh": [3, 4], "a-lh": [0]}
    alone = _of_labels([right], [lh, rh])
    assert {name: index.tolist() for name, index in alone.items()} == {"a-lh": [], "a-rh": [1, 2]}
    other = mne.Label([5], hemi="rh", name="a-rh", subject="fsaverage")
    with pytest.raises(ValueError, match="is of fsaverage, the forward solution of sample"):
        _of_labels([right], [other])
    with pytest.raises(ValueError, match="'a-rh' twice"):
        _of_labels([right], [rh, rh])


def test_lead_field_of_a_forward_solution_is_in_microvolts(forward):
    field = nmm.observe.LeadField.from_forward(forward, PARCELS, moment=10.0, average_reference=True)
    gain = nmm.datasets.gain_of_forward(forward, PARCELS)
    assert field.unit == "uV"
    np.testing.assert_allclose(
        field.referenced_gain(), (gain - gain.mean("sensor")).values * 1e6 * 10e-9, rtol=1e-6
    )


def test_what_is_wrong_with_parcels_is_said(forward):
    with pytest.raises(ValueError, match="'far' names sources beyond the 40 that there are"):
        nmm.datasets.gain_of_forward(forward, {"far": [99]})
    with pytest.warns(UserWarning, match="no source lies in none"):
        gain = nmm.datasets.gain_of_forward(forward, {"none": [], "one": [1]})
    assert gain["region"].values.tolist() == ["one"]
    with pytest.raises(ValueError, match=r"got the shape \(2,\), expected a direction"):
        nmm.datasets.gain_of_forward(forward, PARCELS, [1.0, 0.0])


@pytest.mark.slow
def test_parameters_are_found_again_from_an_evoked_response(info, forward):
    """From a forward solution and MNE's own container to a posterior: what a user does."""
    field = nmm.observe.LeadField.from_forward(forward, PARCELS, moment=10.0, average_reference=True)
    labels = list(PARCELS)
    weights = np.array([[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]], dtype=float)
    connectome = nmm.Connectome(weights, labels=labels)
    pulse = nmm.stimuli.Pulse(onset=30 * u.ms, width=20 * u.ms, amplitude=0.3, regions=["L.A"])

    def network(A, G):
        return nmm.Network(
            nmm.models.JansenRit(A=A, mu=0.12),
            connectome,
            nmm.couplings.SigmoidalJansenRit(cmax=G),
            stimulus=pulse,
        )

    truth = {"model.A": 3.6, "coupling.cmax": 0.01}
    run = {"duration": 200 * u.ms, "step": 1 * u.ms}
    seen = nmm.observe.Chain(nmm.observe.Subsample(period=4 * u.ms), field)
    clean = nmm.solve(network(*truth.values()), observe=seen, **run)
    noisy = np.asarray(clean.values) + 0.02 * RNG.normal(size=(50, 32))
    data = evoked(info, noisy.T * 1e-6).set_eeg_reference(projection=True, verbose="error")
    unknown = network(nmm.Prior(dist.Normal(3.25, 0.4)), nmm.Prior(dist.HalfNormal(0.02)))
    problem = nmm.Problem(
        unknown,
        observe=seen,
        likelihood=nmm.likelihoods.Gaussian(scale=nmm.Prior(dist.HalfNormal(0.1))),
        **run,
    )
    tree = nmm.infer.Laplace(draws=400)(problem, data, key=jax.random.key(0), progress=False)
    for name, value in truth.items():
        draws = tree["posterior"][name]
        assert abs(float(draws.mean()) - value) < 4 * float(draws.std()), name
        assert float(draws.std()) < 0.1 * value
