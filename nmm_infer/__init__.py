"""Bayesian inference for brain network models: from a connectome to a posterior.

Everything is imported when it is first used, so that `import nmm_infer` costs little more than `import jax`.

Where nothing else was asked for, importing asks JAX for matrix products in full precision (`jax_default_matmul_precision`).
"""

import jax as _jax
import lazy_loader as _lazy_loader

# GPUs round the factors of a product to ten bits unless told otherwise: log densities of networks would be off by several units.
if _jax.config.jax_default_matmul_precision is None:  # pyright: ignore[reportAttributeAccessIssue]
    _jax.config.update("jax_default_matmul_precision", "highest")

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
