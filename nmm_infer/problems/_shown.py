"""How problems show themselves."""

from typing import Any

from .._networks._shown import regions
from .._tools import _html as html
from .._tools._shown import indented, shown


def problem_text(problem: Any) -> str:
    """The way from the network to the data, and what is unknown."""
    priors = {name: shown(prior) for name, prior in problem.priors.items()}
    width = max(map(len, priors))
    lines = [
        f"{name:<{width}}  {text}".replace("\n", "\n" + " " * (width + 2)) for name, text in priors.items()
    ]
    network = problem.network
    way = " → ".join(
        (
            f"{network.n_regions} × {type(network.model).__name__}",
            type(problem.observe).__name__,
            type(problem.likelihood).__name__,
        )
    )
    return f"Problem: {way}\nunknown:\n" + indented("\n".join(lines), 2)


def problem_html(problem: Any) -> str:
    """The same, drawn."""
    network = problem.network
    model = type(network.model)
    prepared = "" if problem.prepare is None else f", {getattr(problem.prepare, '__name__', 'prepared')}"
    boxes = (
        ("Network", f"{regions(network)} of {model.__name__}{prepared}"),
        (type(problem.observe).__name__, "what is measured of it"),
        (type(problem.likelihood).__name__, "how it is compared"),
        ("data", "what was measured"),
    )
    unknown = [(name, shown(prior)) for name, prior in problem.priors.items()]
    return (
        html.heading("Problem")
        + html.chain(boxes)
        + html.rows(("unknown", "prior"), unknown)
        + html.folded("Network", network._repr_html_())
        + html.folded("Likelihood", problem.likelihood._repr_html_())
    )
