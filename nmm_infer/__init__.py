"""Bayesian inference for brain network models: from a connectome to a posterior.

Everything is imported when it is first used, so that `import nmm_infer` costs little more than `import jax`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
