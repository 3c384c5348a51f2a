"""How connectomes and networks show themselves."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jax.core import Tracer

from .._tools import _html as html
from .._tools._shown import shown
from ..parameters import walk
from ..priors._base import AbstractPrior


def connectome_text(connectome: Any) -> str:
    """How many regions and edges, how long, which regions."""
    labels, lengths = connectome.labels, connectome.lengths
    facts = [regions(connectome), _edges(connectome)]
    if isinstance(lengths, np.ndarray) and np.any(connectome.edges.exists):
        long = lengths[connectome.edges.exists]
        facts.append(f"{long.min():.0f} to {long.max():.0f} mm")
    facts.append(", ".join(labels) if len(labels) <= 4 else f"{labels[0]} … {labels[-1]}")
    return f"Connectome({', '.join(facts)})"


def connectome_html(connectome: Any) -> str:
    """The same beside a small picture of the weights."""
    text = html.heading("Connectome", connectome_text(connectome).removeprefix("Connectome"))
    weights = connectome.weights
    if isinstance(weights, AbstractPrior | Tracer) or connectome.n_regions < 2:
        return text
    matrix = np.asarray(weights, dtype=float)
    known = matrix[matrix > 0]
    skewed = known.size and known.max() > 30 * np.median(known)  # of counts one would see the largest alone
    if skewed:
        matrix = np.log(np.maximum(matrix, known.min()))
    scale = "logarithms of the weights" if skewed else "weights"
    return (
        f"{text}<div>{html.heat_map(matrix, scale)}<br><small>{scale}, to (rows) from (columns)</small></div>"
    )


def network_text(network: Any) -> str:
    """A line for each part."""
    lines = [f"  {name:<12}{text}".replace("\n", "\n" + " " * 14) for name, text in _parts(network)]
    return "\n".join([f"Network of {regions(network)}", *lines])


def regions(network: Any) -> str:
    """How many."""
    return "1 region" if network.n_regions == 1 else f"{network.n_regions} regions"


def network_html(network: Any) -> str:
    """A table of its parts, and one of all their slots."""
    parts = html.rows((), list(_parts(network)))
    title = html.heading("Network", f"of {regions(network)}")
    return title + parts + html.folded("All parameters", slots_html(network))


def slots_html(network: Any) -> str:
    """A table of every slot: where, value, unit, meaning."""
    found = []
    for name in ("model", "couplings", "noise", "stimuli"):
        value = getattr(network, name)
        for part in value if isinstance(value, tuple) else (value,):
            if part is not None:
                for path, inner in walk(part):
                    for slot, p in type(inner).parameters().items():
                        unit = "" if p.unit == "1" else p.unit
                        where = f"{type(part).__name__}.{path}{slot}"
                        found.append((where, shown(getattr(inner, slot)), unit, p.doc))
    return html.rows(("parameter", "value", "unit", "meaning"), found)


def _edges(connectome: Any) -> str:
    weights = connectome.weights
    if isinstance(weights, AbstractPrior):
        return f"weights {shown(weights)}"
    n = int(np.sum(connectome.edges.exists))
    if isinstance(weights, Tracer) or not connectome.is_symmetric:
        return f"{n} directed edges"
    own = int(np.sum(np.diagonal(connectome.edges.exists)))
    both = (n - own) // 2 + own
    return f"{both} edge" if both == 1 else f"{both} edges"


def _parts(network: Any) -> Iterator[tuple[str, str]]:
    yield "model", shown(network.model)
    if network.n_regions > 1:
        yield "connectome", connectome_text(network.connectome)
    for coupling in network.couplings:
        yield "coupling", shown(coupling)
    if network.noise is not None:
        yield "noise", shown(network.noise)
    for stimulus in network.stimuli:
        yield "stimulus", shown(stimulus)
    if network.speed is not None:
        unit = "" if isinstance(network.speed, AbstractPrior) else " mm/ms"
        yield "speed", f"{shown(network.speed)}{unit}"
    if isinstance(network.initial, AbstractPrior):
        yield "initial", shown(network.initial)
