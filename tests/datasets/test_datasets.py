import numpy as np
import pytest

from nmm_infer import datasets
from nmm_infer._networks._connectome import Connectome


def pairs(matrix) -> np.ndarray:
    matrix = np.asarray(matrix)
    return matrix[np.triu_indices(len(matrix), 1)]


def correlation(a, b) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def average_reference(gain):
    return gain - gain.mean("sensor")


# Connectome


@pytest.mark.parametrize(("cortical", "n"), [(False, 84), (True, 68)])
def test_connectome(cortical, n):
    connectome = datasets.desikan_killiany(cortical=cortical)
    assert isinstance(connectome, Connectome)
    assert connectome.n_regions == n
    assert connectome.weights.dtype == np.float64
    assert np.array_equal(connectome.weights, connectome.weights.T)
    assert np.array_equal(connectome.lengths, connectome.lengths.T)
    assert not np.diag(connectome.weights).any()
    # Every pair is connected: what is missing of 1 is the diagonal.
    assert (connectome.weights > 0).mean() == pytest.approx(0.99, abs=0.005)
    assert np.all(pairs(connectome.weights) > 0)
    assert np.all(connectome.lengths[connectome.weights > 0] > 0)
    assert np.abs(connectome.centres).max() < 110


def test_longest_tract():
    assert datasets.desikan_killiany().lengths.max() == pytest.approx(224.2, abs=0.1)


def test_cortical_regions_are_those_of_the_recordings():
    names = list(datasets.desikan_killiany(cortical=True).labels)
    assert names == datasets.lemon_bold().region.values.tolist()
    assert names == datasets.leadfield().region.values.tolist()
    assert names == datasets.cortex_centres().region.values.tolist()
    assert names == datasets.group_fc(cortical=True).region.values.tolist()


def test_cortical_is_a_selection_of_all():
    whole, cortical = datasets.desikan_killiany(), datasets.desikan_killiany(cortical=True)
    chosen = whole.select(cortical.labels)
    np.testing.assert_array_equal(chosen.weights, cortical.weights)
    np.testing.assert_array_equal(chosen.lengths, cortical.lengths)
    np.testing.assert_array_equal(chosen.centres, cortical.centres)


def test_centres_lie_on_their_side():
    connectome = datasets.desikan_killiany()
    left = np.array([label.startswith("L.") for label in connectome.labels])
    assert left.sum() == 42
    assert np.all(connectome.centres[left, 0] < 0)
    # Medial orbitofrontal cortex: the source has x = -1 mm on the right.
    wrong = np.flatnonzero(~left & (connectome.centres[:, 0] <= 0))
    assert [connectome.labels[i] for i in wrong] == ["R.MOFG"]


def test_surface_centres_are_near_the_centres_of_volume():
    centres = datasets.cortex_centres()
    assert centres.dims == ("region", "axis")
    assert centres.attrs["units"] == "mm"
    distance = np.linalg.norm(centres.values - datasets.desikan_killiany(cortical=True).centres, axis=1)
    assert distance.max() < 15


# Functional connectivity


@pytest.mark.parametrize(("cortical", "expected"), [(False, 0.46), (True, 0.59)])
def test_structure_predicts_function(cortical, expected):
    weights = pairs(datasets.desikan_killiany(cortical=cortical).weights)
    fc = pairs(datasets.group_fc(cortical=cortical))
    exists = weights > 0
    assert correlation(fc[exists], np.log(weights[exists])) == pytest.approx(expected, abs=0.01)


def test_group_fc_is_a_correlation_matrix():
    fc = datasets.group_fc()
    assert fc.dims == ("region", "region_2")
    assert fc.attrs["units"] == "1"
    np.testing.assert_array_equal(fc.values, fc.values.T)
    np.testing.assert_array_equal(np.diag(fc), 1.0)
    assert pairs(fc).max() < 1.0
    assert fc.sel(region="L.PrCG", region_2="R.PrCG") == fc.sel(region="R.PrCG", region_2="L.PrCG")


# BOLD


def test_lemon_bold_agrees_with_the_group():
    bold = datasets.lemon_bold()
    assert correlation(
        pairs(np.corrcoef(bold.values.T)), pairs(datasets.group_fc(cortical=True))
    ) == pytest.approx(0.48, abs=0.01)


@pytest.mark.parametrize("confounds_removed", [False, True])
def test_lemon_bold_form(confounds_removed):
    bold = datasets.lemon_bold(confounds_removed=confounds_removed)
    assert bold.dims == ("time", "region")
    assert bold.shape == (652, 68)
    assert bold.attrs["units"] == "1"
    assert bold.attrs["repetition_time_ms"] == 1400.0
    assert bold.attrs["licence"] == "CC0"
    assert "ds000221" in bold.attrs["provenance"]
    assert bold.time.attrs["units"] == "ms"
    np.testing.assert_allclose(np.diff(bold.time), 1400.0)
    assert np.all(np.isfinite(bold))
    assert np.all(bold.std("time") > 0)


def test_confounds_make_a_difference():
    assert not np.allclose(datasets.lemon_bold(), datasets.lemon_bold(confounds_removed=True))


def test_lemon_bold_is_band_limited():
    bold = datasets.lemon_bold()
    power = np.abs(np.fft.rfft(bold.values, axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(bold), bold.attrs["repetition_time_ms"] / 1000.0)
    assert power[frequency < 0.07].sum() / power.sum() > 0.95


# Lead field


def test_leadfield_form():
    gain = datasets.leadfield()
    assert gain.dims == ("sensor", "region")
    assert gain.shape == (64, 68)
    assert gain.attrs["units"] == "V/(A m)"
    assert gain.attrs["reference"] == "infinity"
    assert np.all((gain.coherence > 0) & (gain.coherence <= 1))
    assert gain.area.attrs["units"] == "mm^2"
    # A potential of tens of microvolts for a dipole moment of 100 nA m.
    assert 1e-6 < np.abs(gain).max() * 100e-9 < 100e-6
    # Electrodes sit on a head, in mm.
    radius = np.sqrt(gain.x**2 + gain.y**2 + gain.z**2)
    assert radius.min() > 60
    assert radius.max() < 160
    assert gain.x.attrs["units"] == "mm"
    assert gain.x.sel(sensor="C3") < 0 < gain.x.sel(sensor="C4")


@pytest.mark.parametrize(("region", "sensor"), [("L.PrCG", "C3"), ("R.PrCG", "C4")])
def test_precentral_gyrus_peaks_over_the_motor_cortex(region, sensor):
    gain = average_reference(datasets.leadfield()).sel(region=region)
    assert gain.sensor.values[np.argmax(np.abs(gain.values))] == sensor


def test_lateral_parcels_load_on_their_own_side():
    gain = np.abs(average_reference(datasets.leadfield()))
    loads = {
        side: gain.isel(sensor=np.flatnonzero(condition)).mean("sensor")
        for side, condition in (("L", gain.x < -5), ("R", gain.x > 5))
    }
    x = datasets.cortex_centres().sel(axis="x")
    lateral = x.region.values[np.abs(x) > 40]
    assert len(lateral) > 20
    for region in lateral:
        own = region[0]
        other = "R" if own == "L" else "L"
        assert loads[own].sel(region=region) > loads[other].sel(region=region), region


def test_archives_carry_their_provenance():
    import json

    from nmm_infer.datasets._archive import load

    for name in ("desikan_killiany", "lemon_bold", "leadfield_eeg64"):
        assert "licence" in json.loads(str(load(name)["meta"]))
    assert "CC-BY-4.0" in datasets.group_fc().attrs["licence"]


def test_every_call_gives_fresh_arrays():
    datasets.lemon_bold().values[:] = 0.0
    assert datasets.lemon_bold().values.any()


def test_datasets_survive_netcdf(tmp_path):
    import xarray as xr

    for array in (
        datasets.lemon_bold(),
        datasets.leadfield(),
        datasets.group_fc(),
        datasets.cortex_centres(),
    ):
        path = tmp_path / f"{array.name}.nc"
        array.to_netcdf(path, engine="h5netcdf")
        with xr.open_dataarray(path, engine="h5netcdf") as back:
            xr.testing.assert_identical(back.load(), array)


def test_importing_datasets_imports_no_heavy_reader():
    import subprocess
    import sys

    code = (
        "import sys, nmm_infer.datasets; print([m for m in ('xarray', 'pandas', 'nibabel', 'h5py',"
        " 'scipy.io', 'brainunit') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
