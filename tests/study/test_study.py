"""Many fits: what is finished is kept, what failed is said, and nothing depends on the order."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import nmm_infer as nmm
from nmm_infer.study import Study

ENGINE = nmm.infer.NUTS(draws=60, warmup=60, chains=2)


def model(y):
    with numpyro.plate("region", 3):
        mean = numpyro.sample("mean", dist.Normal(0.0, 2.0))
        numpyro.sample("y", dist.Normal(mean, 0.5).to_event(0), obs=y)


PROBLEM = nmm.NumPyroModel(model)


def make(name):
    number = int(name.rpartition("-")[2])
    if number == 13:
        raise ValueError(f"{name} has no recording; look for it")
    return PROBLEM, np.full(3, float(number % 4))


NAMES = ["sub-1", "sub-13", "sub-2"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "fits"
    return Study(make, NAMES, ENGINE, folder, key=3).run(progress=False)


def test_what_is_done_is_there_and_what_failed_is_said(study):
    states = {entry.name: entry.state for entry in study.entries()}
    assert states == {"sub-1": "done", "sub-13": "failed", "sub-2": "done"}
    assert "Study of 3 fits: 2 done, 1 failed" in str(study)
    assert "ValueError: sub-13 has no recording; look for it" in str(study)
    told = (study.folder / "sub-13.failure.txt").read_text()
    assert "Traceback" in told
    assert "in make" in told
    with pytest.raises(ValueError, match=r"result\('sub-13'\): it failed: see .*sub-13.failure.txt"):
        study.result("sub-13")
    with pytest.raises(ValueError, match="the study has sub-1, sub-13, sub-2"):
        study.result("sub-9")


def test_estimates_are_those_of_each_recording(study):
    table = study.summary()
    assert set(table["fit"]) == {"sub-1", "sub-2"}
    for name, value in (("sub-1", 1.0), ("sub-2", 2.0)):
        rows = table[table["fit"] == name]
        assert len(rows) == 3
        assert np.allclose(rows["mean"], value * 4 / 4.25, atol=0.35)
        assert np.all(rows["5 %"] < rows["95 %"])
    combined = study.combined()
    assert combined["fit"].values.tolist() == ["sub-1", "sub-2"]
    assert combined["mean"].sizes == {"fit": 2, "chain": 2, "draw": 60, "region": 3}


def test_a_second_run_fits_only_what_is_missing(study):
    called = []

    def counted(name):
        called.append(name)
        return make(name)

    before = {path.name: path.stat().st_mtime_ns for path in study.folder.glob("*.nc")}
    again = Study(counted, [*NAMES, "sub-4"], ENGINE, study.folder, key=3)
    again.run(progress=False, retry=False)
    assert called == ["sub-4"]
    again.run(progress=False)
    assert called == ["sub-4", "sub-13"]
    for name, changed in before.items():
        assert (study.folder / name).stat().st_mtime_ns == changed


def test_a_failure_that_is_mended_leaves_no_trace(tmp_path):
    broken = Study(make, ["sub-13"], ENGINE, tmp_path).run(progress=False)
    assert broken.entries()[0].state == "failed"
    mended = Study(lambda name: make("sub-1"), ["sub-13"], ENGINE, tmp_path).run(progress=False)
    assert mended.entries()[0].state == "done"
    assert not list(tmp_path.glob("*.failure.txt"))


def test_draws_depend_neither_on_the_order_nor_on_the_others(study, tmp_path):
    other = Study(make, ["sub-2"], ENGINE, tmp_path, key=3).run(progress=False)
    alone, among = (one.result("sub-2")["posterior"]["mean"].values for one in (other, study))
    np.testing.assert_array_equal(alone, among)
    assert not np.array_equal(among, study.result("sub-1")["posterior"]["mean"].values)


def test_a_folder_belongs_to_one_engine_and_key(study):
    with pytest.raises(ValueError, match="holds fits of another engine"):
        Study(make, NAMES, nmm.infer.NUTS(draws=61, warmup=60, chains=2), study.folder, key=3)
    with pytest.raises(ValueError, match="holds fits of another key"):
        Study(make, NAMES, ENGINE, study.folder, key=4)


def test_a_truncated_result_is_fitted_again(study, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in study.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "sub-1.nc").write_bytes((folder / "sub-1.nc").read_bytes()[:3000])
    cut = Study(make, NAMES, ENGINE, folder, key=3)
    assert cut.entries()[0].state == "missing"
    assert set(cut.summary()["fit"]) == {"sub-2"}
    cut.run(progress=False, retry=False)
    np.testing.assert_array_equal(
        cut.result("sub-1")["posterior"]["mean"].values, study.result("sub-1")["posterior"]["mean"].values
    )


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"")
    with pytest.raises(ValueError, match=r"is not empty, and holds no study \(study.json is missing\)"):
        Study(make, ["a"], ENGINE, tmp_path)


def test_errors_are_said_by_their_first_line(tmp_path):
    def fails(name):
        error = ValueError("what went wrong\nand more\n\nFor simplicity, much was removed")
        error.add_note("a note")
        raise error

    broken = Study(fails, ["a"], ENGINE, tmp_path).run(progress=False)
    assert broken.entries()[0].said == "ValueError: what went wrong"
    assert "a note" in (tmp_path / "a.failure.txt").read_text()


def test_fits_of_other_shapes_are_not_mixed(study, tmp_path):
    short = Study(lambda name: make("sub-1"), ["a", "b"], ENGINE, tmp_path).run(progress=False)
    tree = short.result("b")
    tree["posterior"] = tree["posterior"].to_dataset().isel(draw=slice(0, 50))
    nmm.save(tree, tmp_path / "b.nc")
    with pytest.warns(UserWarning, match="mean have other shapes, or other labels"):
        assert not short.combined().data_vars


def test_rows_of_a_table_are_judged_one_by_one(study):
    table = study.summary()
    assert table["r_hat"].nunique() == len(table)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["../up"], r"got '../up', expected names of files"),
        (["a", "a"], "repeats a"),
        ([], "is empty"),
        ([""], "expected names of files"),
    ],
)
def test_names_are_checked(names, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Study(make, names, ENGINE, tmp_path)


def test_parts_are_checked(tmp_path):
    with pytest.raises(TypeError, match=r"Study\(make=...\) got int"):
        Study(3, ["a"], ENGINE, tmp_path)
    with pytest.raises(TypeError, match=r"Study\(engine=...\) got str"):
        Study(make, ["a"], "NUTS", tmp_path)


def test_ctrl_c_stops_the_study_and_keeps_what_is_done(tmp_path, capsys):
    def stops(name):
        if name == "sub-2":
            raise KeyboardInterrupt
        return make(name)

    stopped = Study(stops, ["sub-1", "sub-2", "sub-3"], ENGINE, tmp_path).run(progress=False)
    assert [entry.state for entry in stopped.entries()] == ["done", "missing", "missing"]
    assert "stopped in sub-2; 1 of 3 are done, the next run goes on" in capsys.readouterr().out


@pytest.mark.slow
def test_workers_give_the_same_draws(study, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        spread = Study(make, NAMES, ENGINE, tmp_path / "spread", key=3).run(client=client, progress=False)
        other = Study(lambda name: make("sub-3"), NAMES, ENGINE, tmp_path / "other").run(
            client=client, progress=False
        )
    assert [entry.state for entry in other.entries()] == ["done"] * 3  # of the same names, another study
    assert [entry.state for entry in spread.entries()] == ["done", "failed", "done"]
    for name in ("sub-1", "sub-2"):
        np.testing.assert_array_equal(
            spread.result(name)["posterior"]["mean"].values, study.result(name)["posterior"]["mean"].values
        )


SCRIPT = """
import sys
import nmm_infer as nmm
nmm.use_cores({cores})  # as here: other numbers are rounded in another order
sys.path.insert(0, {here!r})
from test_study import ENGINE, make
from nmm_infer.study import Study
Study(make, [f"sub-{{i}}" for i in range(1, 9)], ENGINE, {folder!r}).run(progress=False)
"""


@pytest.mark.slow
def test_a_killed_study_goes_on(tmp_path):
    """Killed at some moment, every result that is there can be read, and a rerun gives the same draws as a
    study that nobody killed.
    """
    script = SCRIPT.format(
        here=str(Path(__file__).parent), folder=str(tmp_path / "killed"), cores=jax.device_count()
    )
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    deadline = time.monotonic() + 300
    while len(list((tmp_path / "killed").glob("*.nc"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    names = [f"sub-{i}" for i in range(1, 9)]
    killed = Study(make, names, ENGINE, tmp_path / "killed")
    states = [entry.state for entry in killed.entries()]
    assert states.count("done") >= 2
    assert "failed" not in states
    killed.run(progress=False)
    whole = Study(make, names, ENGINE, tmp_path / "whole").run(progress=False)
    for name in names:
        np.testing.assert_array_equal(
            killed.result(name)["posterior"]["mean"].values, whole.result(name)["posterior"]["mean"].values
        )
    assert (
        json.loads((tmp_path / "whole" / "study.json").read_text())["key"]
        == np.asarray(jax.random.key_data(jax.random.key(0))).ravel().tolist()
    )
