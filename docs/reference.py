"""Public names: what `nmm_infer` and its packages offer, and under which name each is documented."""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import nmm_infer as nmm

# Every package and module whose names are public, as they are reached from `nmm_infer`; of a thing that two
# of them offer, the first one's name counts.
PACKAGES = (
    "models",
    "couplings",
    "noises",
    "stimuli",
    "priors",
    "parameters",
    "units",
    "problems",
    "solvers",
    "adjoints",
    "linear",
    "dynamics",
    "observe",
    "observe.kernels",
    "likelihoods",
    "infer",
    "infer.metrics",
    "infer.optimisers",
    "infer.starts",
    "infer.stopping",
    "infer.devices",
    "check",
    "viz",
    "report",
    "study",
    "results",
    "demo",
    "datasets",
)


def module(package: str) -> Any:
    thing: Any = nmm
    for part in package.split("."):
        thing = getattr(thing, part, None) or importlib.import_module(
            f"{thing.__name__}.{part}"
        )
    return thing


def exported(package: str) -> dict[str, Any]:
    """What a package re-exports, or a module defines."""
    home = module(package)
    is_package = hasattr(home, "__path__")
    found = {}
    for name, thing in vars(home).items():
        source = str(getattr(thing, "__module__", ""))
        ours = source.startswith("nmm_infer") if is_package else source == home.__name__
        if ours and callable(thing) and not name.startswith("_"):
            found[name] = thing
    return found


def top_level() -> dict[str, Any]:
    """What `nmm_infer` itself offers, without its packages."""
    things = {name: getattr(nmm, name) for name in vars(nmm)["__all__"]}
    return {
        name: thing for name, thing in things.items() if not inspect.ismodule(thing)
    }


def public() -> Iterator[tuple[str, Any]]:
    """Every public thing once, by the name under which it is documented (`infer.NUTS`)."""
    seen = {}
    for name, thing in top_level().items():
        seen[id(thing)] = thing
        yield name, thing
    for package in PACKAGES:
        for name, thing in exported(package).items():
            if id(thing) not in seen:
                seen[id(thing)] = thing
                yield f"{package}.{name}", thing


def names_in(package: str) -> list[str]:
    """The names of a package that are documented as its own."""
    names = (name for name, _ in public() if name.rpartition(".")[0] == package)
    return sorted(names, key=str.lower)


def filenames() -> dict[str, str]:
    """Files of names that differ from another one in capitals only, where not all systems tell them apart: of
    classes, a name of its own.
    """
    names = {f"nmm_infer.{name}": thing for name, thing in public()}
    folded = [name.casefold() for name in names]
    return {
        name: f"{name}_class"
        for name, thing in names.items()
        if inspect.isclass(thing) and folded.count(name.casefold()) > 1
    }
