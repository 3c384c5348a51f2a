import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import nmm_infer as nmm
from nmm_infer._tools._files import write_whole
from nmm_infer.cli import app
from nmm_infer.report import write_report

# What a process does that saves a result in which every number is the same.
SAVING = """
import os, resource, signal, sys, time
import numpy as np, xarray as xr
from nmm_infer.results import load, save

path = sys.argv[1]

def tree(value, n=50_000):
    draws = np.full((2, n), float(value))
    return xr.DataTree.from_dict({"posterior": xr.Dataset({"x": (("chain", "draw"), draws)})})

def whole():
    values = np.unique(load(path)["posterior"]["x"])
    assert values.size == 1, values
    return values[0]

def child(act):
    pid = os.fork()
    if not pid:
        try:
            act()
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    return pid

save(tree(0), path)
"""
FULL = """
save(tree(0), path)
before = set(os.listdir(os.path.dirname(path)))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    save(tree(1), path)
except OSError as error:
    print("refused:", error)
assert whole() == 0
assert set(os.listdir(os.path.dirname(path))) == before
"""
TWO_WRITERS = """
def act(value):
    return lambda: [save(tree(value), path) for _ in range(10)]
children = [child(act(value)) for value in (1, 2)]
assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0]
assert whole() in (1, 2)
"""
KILLED = """
began = time.perf_counter()
save(tree(0), path)
taken = time.perf_counter() - began
for value, moment in enumerate(np.random.default_rng(0).uniform(0.0, 1.2 * taken, int(sys.argv[2])), 1):
    pid = child(lambda: save(tree(value), path))
    time.sleep(moment)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert whole() in range(value + 1)
"""


def tree(**attrs):
    return xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"x": (("chain", "draw"), np.zeros((1, 3)), attrs)}, attrs=attrs)}
    )


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_whatever_happens_to_a_save_there_is_a_whole_result(tmp_path, kills):
    path = tmp_path / "x.nc"
    program = SAVING + TWO_WRITERS + KILLED + FULL
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, path, str(kills)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("refused: [Errno 27] File too large")
    assert (
        f"{path} needs 0.8 MB; what was there before is kept; make room, or write to another disk"
        in done.stdout
    )


def test_paths_are_checked_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert nmm.writable("~/x.nc") == tmp_path / "x.nc"
    assert nmm.save(tree(), "~/x.nc") == tmp_path / "x.nc"
    assert "posterior" in nmm.load("~/x.nc").children
    for function in (nmm.writable, lambda path: nmm.save(tree(), path)):
        with pytest.raises(
            FileNotFoundError, match=r"no/such/x.nc': the folder '.*no/such' does not exist; make it first"
        ):
            function(tmp_path / "no/such/x.nc")
        with pytest.raises(ValueError, match=r"is a folder; name a file in it, such as '.*posterior.nc'"):
            function(tmp_path)
        with pytest.raises(ValueError, match=r"got the path '', expected the name of a file"):
            function("")
    assert [path.name for path in tmp_path.iterdir()] == ["x.nc"]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link, end = tmp_path / "link", tmp_path / "elsewhere/file"
    link.symlink_to(end)
    write_whole(link, b"content")
    assert link.is_symlink()
    assert end.read_bytes() == b"content"


plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.just(Path("a/b"))
)
anything = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
)


@settings(max_examples=40, deadline=None)
@given(value=anything)
def test_any_attribute_can_be_saved(value, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "attributes.nc"
    given = tree(excluded=value)
    loaded = nmm.load(nmm.save(given, path))["posterior"]
    assert given["posterior"].attrs["excluded"] is value
    for attrs in (loaded.attrs, loaded["x"].attrs):
        if value is None or isinstance(value, bool | dict | Path):
            assert isinstance(attrs["excluded"], str)
        elif isinstance(value, float):
            np.testing.assert_equal(float(attrs["excluded"]), value)
        assert "excluded" in attrs


def test_a_report_does_not_overwrite_a_result(tmp_path):
    path = nmm.save(tree(), tmp_path / "r.nc")
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=r"writes a page, expected a name that ends in .html, such as '.*r.html'"
    ):
        write_report(nmm.load(path), path)
    outcome = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["report", str(path), "--out", str(path)])
    assert outcome.exit_code == 2
    assert path.read_bytes() == before
