"""Bayesian inference for brain network models: from a connectome to a posterior.

Everything is imported when it is first used, so that `import nmm_infer` costs next to nothing.

Where nothing else was asked for, importing asks JAX for matrix products in full precision
(`jax_default_matmul_precision`).
"""

import os as _os
import sys as _sys

import lazy_loader as _lazy_loader

# GPUs round the factors of a product to ten bits unless told otherwise: log densities of networks would be
# off by several units. JAX reads its environment when it is imported, which may be later, or never.
if "jax" not in _sys.modules:
    _os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
elif _sys.modules["jax"].config.jax_default_matmul_precision is None:
    _sys.modules["jax"].config.update("jax_default_matmul_precision", "highest")

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
