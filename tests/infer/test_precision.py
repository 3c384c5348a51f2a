"""Matrix products are in full precision on every device: GPUs round their factors to ten bits unless a
program says otherwise.
"""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import nmm_infer as nmm
from nmm_infer._tools._provenance import provenance
from nmm_infer.infer._target import Target
from nmm_infer.likelihoods import Spectral

CONNECTOME = nmm.Connectome(np.ones((5, 5)) - np.eye(5)).scaled_by_spectral_radius()


def network(G: Any = 0.3):
    return nmm.Network(
        nmm.models.LeakyIntegrator(tau=1000.0),
        CONNECTOME,
        nmm.couplings.Additive(G=G),
        noise=nmm.noises.Additive(sigma=1e-3),
    )


def simulation():
    return jax.make_jaxpr(lambda G: nmm.solve(network(G), 5.0, step=1.0, key=jax.random.key(0)).values)(0.3)


def log_density():
    spectra = Spectral(band=(1e-5, 1e-4), bands=2, noise=0.1, repetition_time=2000.0)
    problem = nmm.Problem(
        network(nmm.Prior(dist.Uniform(0.0, 0.5))), nmm.observe.Bold(period=2000.0), spectra
    )
    target = Target(problem.condition(np.random.default_rng(0).normal(size=(200, 5))))
    return jax.make_jaxpr(target.value_and_gradient)(jnp.zeros(target.size))


@pytest.mark.parametrize("trace", [simulation, log_density])
def test_products_are_in_full_precision(trace):
    products = re.findall(r"dot_general\[(.*?)\n\s*\]", str(trace()), flags=re.DOTALL)
    assert products
    assert all("Precision.HIGHEST" in product for product in products)


@pytest.mark.parametrize("first", ["nmm_infer", "jax"])
@pytest.mark.parametrize(("asked", "given"), [(None, "highest"), ("tensorfloat32", "tensorfloat32")])
def test_whoever_asks_for_less_gets_it(asked, given, first):
    environment = {
        name: value for name, value in os.environ.items() if name != "JAX_DEFAULT_MATMUL_PRECISION"
    }
    environment |= {"JAX_DEFAULT_MATMUL_PRECISION": asked} if asked else {}
    code = f"import {first}, nmm_infer, jax; print(jax.config.jax_default_matmul_precision)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()
        == given
    )


def test_source_code_on_the_path_has_no_version_and_results_all_the_same(monkeypatch):
    monkeypatch.setattr("nmm_infer._tools._provenance.version", lambda name: "1.2.3")
    found = provenance()
    assert found["nmm_infer_version"] == "1.2.3"

    def nothing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("nmm_infer._tools._provenance.version", nothing)
    assert provenance()["nmm_infer_version"] == "not installed"
    assert provenance()["device"] == found["device"]
