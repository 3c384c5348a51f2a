"""What a fit cost and how good it is, for the tables of the benchmarks of posteriors."""

import datetime
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple


class Fit(NamedTuple):
    """One run of a sampler.

    Fields:
        title: in words.
        unknowns: dimensions of the posterior.
        seconds: of the whole call, compilation included.
        chains, draws, warmup: numbers of each, per chain.
        r_hat, ess: the worst of all parameters; ess is the smaller one of bulk and tail.
        divergences: of all draws.
        leapfrogs: gradients a draw, without warmup.
        gradients: all of them, warmup and search of the mode included.
        tree: the result.
    """

    title: str
    unknowns: int
    seconds: float
    chains: int
    draws: int
    warmup: int
    r_hat: float
    ess: float
    divergences: int
    leapfrogs: float
    gradients: int
    tree: Any

    @property
    def converged(self) -> bool:
        """R-hat below 1.01, every effective sample size above 400, no divergence."""
        return self.r_hat < 1.01 and self.ess > 400 and not self.divergences

    def verdict(self, limit: float) -> str:
        """Whether it converged in less than so many seconds, and what it misses."""
        return (
            "met"
            if self.converged and self.seconds < limit
            else f"missed: {'time' if self.converged else 'not converged'}"
        )

    def numbers(self) -> dict[str, Any]:
        """All but the draws."""
        return {name: value for name, value in self._asdict().items() if name != "tree"} | {
            "converged": self.converged
        }

    @classmethod
    def of(cls, numbers: dict[str, Any]) -> "Fit":
        """The fit that gave these numbers, without its draws."""
        return cls(**{name: numbers[name] for name in cls._fields if name != "tree"}, tree=None)


def destination(given: Path | None, usual: Path, quick: bool) -> Path:
    """Where something is written if nobody says where: a quick run does not write over what counts."""
    return given or (Path(tempfile.gettempdir()) / usual.name if quick else usual)


def earlier(path: Path, keep: bool) -> dict[str, Any]:
    """What an earlier run wrote; nothing if it is not to be kept, or does not exist."""
    return json.loads(path.read_text()) if keep and path.exists() else {}


HEAD = (
    "posterior",
    "unknowns",
    "seconds",
    "draws",
    "leapfrogs a draw",
    "R-hat",
    "smallest ESS",
    "divergences",
    "ESS/s",
    "ESS per 1000 gradients",
)


def fitted(title: str, run: Callable[[], Any], warmup: int) -> Fit:
    """Runs a sampler and looks at what it gave."""
    import nmm_infer as nmm

    began = time.perf_counter()
    tree = run()
    seconds = time.perf_counter() - began
    # A constant has no R-hat: a Deterministic of a fixed number is no parameter.
    table = [row for row in nmm.check.diagnose(tree).table if not row.constant]
    stats, posterior = tree["sample_stats"], tree["posterior"]
    return Fit(
        title=title,
        unknowns=sum(int(x[0, 0].size) for x in tree["unconstrained_posterior"].data_vars.values()),
        seconds=seconds,
        chains=posterior.sizes["chain"],
        draws=posterior.sizes["draw"],
        warmup=warmup,
        r_hat=max(row.r_hat for row in table),
        ess=min(min(row.ess_bulk, row.ess_tail) for row in table),
        divergences=int(stats["diverging"].sum()),
        leapfrogs=float(stats["n_steps"].mean()),
        gradients=int(tree.attrs["gradient_evaluations"]),
        tree=tree,
    )


def cells(fit: Fit) -> tuple[str, ...]:
    """One row of the table under `HEAD`."""
    return (
        fit.title,
        str(fit.unknowns),
        f"{fit.seconds:.0f}",
        f"{fit.chains} × ({fit.warmup} + {fit.draws})",
        f"{fit.leapfrogs:.1f}",
        f"{fit.r_hat:.3f}",
        f"{fit.ess:.0f}",
        str(fit.divergences),
        f"{fit.ess / fit.seconds:.2f}",
        f"{1000 * fit.ess / fit.gradients:.2f}",
    )


def report(fit: Fit) -> None:
    """Prints the numbers of one row while others are still to come."""
    print(
        "  " + ", ".join(f"{head} {cell}" for head, cell in zip(HEAD[1:], cells(fit)[1:], strict=True)),
        flush=True,
    )


def publish(text: str, numbers: dict[str, Any], out: Path) -> None:
    """Writes a page, and beside it its numbers for programs and for `--keep`; prints the page."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    out.with_suffix(".json").write_text(json.dumps(numbers, indent=1) + "\n")
    print(text, f"written to {out}", sep="\n")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A table in markdown, and an empty line."""
    head = tuple(head)
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def circumstances(quick: bool) -> str:
    """When, where and with what."""
    software = ", ".join(f"{package} {version(package)}" for package in ("jax", "blackjax", "numpyro"))
    return (
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, load"
        f" {os.getloadavg()[0]:.1f} at the end, {software}, Python {platform.python_version()}."
        + (" **A quick run: the figures mean nothing.**" if quick else "")
    )
