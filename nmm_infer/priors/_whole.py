"""NumPyro as it imports itself, whoever was imported first."""

import sys


def whole() -> None:
    """Give NumPyro's packages the attributes that their submodules are.

    ArviZ registers NumPyro to be loaded when it is first used. `import numpyro.distributions` then leaves the
    package without its submodules, of which NumPyro itself makes use:
    `numpyro.distributions.distribution.Unit` in every model with a bounded unknown.
    """
    for name in [name for name in sys.modules if name.startswith("numpyro.")]:
        parent, _, child = name.rpartition(".")
        package = sys.modules.get(parent)
        if package is not None and not hasattr(package, child):
            setattr(package, child, sys.modules[name])
