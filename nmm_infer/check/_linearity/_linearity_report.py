"""The result of `linearity`, in words and as a table."""

import dataclasses
import textwrap
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from .._text import aligned, listed

# In standard deviations of the posterior. An estimate that is off by half of one is still well inside the
# error that is reported with it: by itself it leaves 90 % intervals 86 % of the truths.
BIAS = 0.5
# What 90 % intervals may hold: twice as many truths outside as they should have, or less than half as many,
# and the intervals no longer mean what they say.
COVERAGE = (0.82, 0.96)
# Monte-Carlo errors beyond these limits that count as certain, of one number; of many, so many that all of
# them together are no more often wrong.
CERTAIN = 2.0
# Simulations that may diverge or leave the fixed point.
FAILED = 0.05
# Monte-Carlo error of a bias from which on nothing can be told.
VAGUE = 0.25
# Power or covariance off by this part is worth a sentence of what is off.
OFF = 0.05
NAMED, MANY = 5, 6
# Of a 90 % interval, in standard deviations.
HALF = 1.6448536269514722
HEADS = ("parameter", "bias (sd)", "± error", "by linearisation", "± error", "coverage", "± error", "verdict")
GOOD, BAD, UNCLEAR = "good", "bad", "unclear"


class LinearityRow(NamedTuple):
    """One number of a parameter.

    Fields:
        label, name: of the number, and its site.
        bias: by how many posterior standard deviations its estimates are off; `bias_error` is the Monte-Carlo
            error.
        by_linearisation: the part of it that a linear network in the same noise has not; with its error.
        coverage: what its 90 % intervals are expected to hold; with its error.
        verdict: "good", "bad" (beyond a limit by two errors, or by more where there are many numbers), or
            "unclear" (beyond it by less).
    """

    label: str
    name: str
    bias: float
    bias_error: float
    by_linearisation: float
    by_linearisation_error: float
    coverage: float
    coverage_error: float
    verdict: str


@dataclasses.dataclass(frozen=True)
class Linearity:
    """What a linearisation does to a posterior; print it, or draw `nmm.viz.linearity(result.data)`.

    Attributes:
        data: `xarray.Dataset`. By kind and parameter: `bias` in standard deviations of the posterior,
            `spread` (of estimates, relative to what the posterior takes for granted), `coverage` of 90 %
            intervals, each with its Monte-Carlo error `_error`; kinds are the "simulated" network, the
            "linear" one in the same noise, and data "predicted" by the likelihood, a control whose bias is
            zero. `by_linearisation` is the difference of the first two biases. By recording: `shift`, how far
            one estimate moves. And what the likelihood looks at: `power`, `covariance`, `fc`.
    """

    data: Any

    def table(self) -> tuple[LinearityRow, ...]:
        """A row for each number of each parameter."""
        data, simulated = self.data, self.data.sel(kind="simulated")
        columns = (
            *(simulated[name].values for name in ("bias", "bias_error")),
            *(data[name].values for name in ("by_linearisation", "by_linearisation_error")),
            *(simulated[name].values for name in ("coverage", "coverage_error")),
        )
        return tuple(
            LinearityRow(str(label), str(name), *(float(x) for x in row), verdict=verdict)
            for label, name, verdict, *row in zip(
                data["parameter"].values,
                data["name"].values,
                self._verdicts("simulated"),
                *columns,
                strict=True,
            )
        )

    def _verdicts(self, kind: str) -> list[str]:
        """Of every parameter."""
        of = self.data.sel(kind=kind)
        names = ("bias", "bias_error", "coverage", "coverage_error", "spread", "spread_error")
        errors = float(norm.isf(norm.sf(CERTAIN) / of.sizes["parameter"]))
        return [
            _verdict(*map(float, row), errors=errors)
            for row in zip(*(of[name].values for name in names), strict=True)
        ]

    @property
    def lost(self) -> int:
        """Simulations that diverged or left the fixed point."""
        return int(self.data.attrs["failed"]) + int(self.data.attrs["left"])

    @property
    def ok(self) -> bool:
        """Whether no parameter is certain to be beyond the limits, nearly all simulations stayed where they
        began, and there were enough of them.
        """
        return not (self._bad() or self._unstable() or self._vague())

    def _bad(self) -> list[LinearityRow]:
        return sorted((row for row in self.table() if row.verdict == BAD), key=lambda row: -abs(row.bias))

    def _unstable(self) -> bool:
        return self.lost > FAILED * self.data.attrs["recordings"]

    def _vague(self) -> bool:
        return bool(np.median(self.data["bias_error"].sel(kind="simulated").values) > VAGUE)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self._unstable() or (self._bad() and self._by_linearisation()):
            return "Do not rely on this posterior: the linearisation is not good enough here."
        if self._bad():
            return "Do not rely on this posterior: it is off, though not by the linearisation."
        if self._vague():
            return f"Cannot tell: {self.data.sizes['recording']} recordings are too few."
        worst = max(self.table(), key=lambda row: abs(row.bias))
        return (
            f"The linearisation of {self.data.attrs['likelihood']} is good enough here: no estimate is off by"
            f" more than {abs(worst.bias):.2f} ± {worst.bias_error:.2f} posterior standard deviations"
            f" ({worst.label})."
        )

    def _by_linearisation(self) -> bool:
        """Whether something is wrong that is right for the linear network."""
        control = dict(zip(map(str, self.data["parameter"].values), self._verdicts("linear"), strict=True))
        return any(control[row.label] != BAD or abs(row.by_linearisation) > BIAS for row in self._bad())

    def sentences(self) -> list[str]:
        """The verdict, what is wrong, how much of it is the linearisation's, and what to do."""
        found, attrs, bad = [self.verdict], self.data.attrs, self._bad()
        if bad:
            names = [
                f"{row.label} ({row.bias:+.2f} ± {row.bias_error:.2f} sd, 90 % intervals hold"
                f" {100 * row.coverage:.0f} %)"
                for row in bad
            ]
            found.append(
                f"Beyond the limits (bias {BIAS} sd, coverage {100 * COVERAGE[0]:.0f} to"
                f" {100 * COVERAGE[1]:.0f} %): {listed(names, NAMED)}."
            )
        unclear = [row.label for row in self.table() if row.verdict == UNCLEAR]
        if unclear:
            found.append(
                f"Near the limits, within the Monte-Carlo error: {listed(unclear, NAMED)}; take more"
                " recordings= to tell."
            )
        if attrs["left"]:
            found.append(
                f"{attrs['left']} of {attrs['recordings']} simulations left the fixed point that was"
                " linearised, and are not counted in the table."
            )
        if attrs["failed"]:
            found.append(
                f"{attrs['failed']} of {attrs['recordings']} simulations failed"
                f" ({attrs['reason'] or 'no finite score'}), and are not counted."
            )
        found += self._off()
        if self._unstable() or (bad and self._by_linearisation()):
            found.append(
                "What to do: less noise, or priors farther from the bifurcation, if that is what is known;"
                " else a likelihood that does not linearise at the fixed point: nmm.likelihoods.Features,"
                " ExtendedKalman or LatentPath."
            )
        elif bad:
            found.append(
                "A linear network in the same noise is as far off. What to do: a longer recording, a band"
                " well below the Nyquist frequency, narrower bands or nodes=, Multitaper for steep spectra, a"
                " baseline of the haemodynamics at the resting activity; and a smaller step= here, to see"
                " that it is not the solver."
            )
        return found

    def _off(self) -> list[str]:
        """Where simulated power, or variance, is off from what was predicted."""
        for name in ("power", "covariance"):
            if name not in self.data:
                continue
            ratio = self.ratio(name)
            worst = int(np.nanargmax(np.abs(np.log(ratio.values))))
            value = float(ratio.values.reshape(-1)[worst])
            if abs(value - 1.0) <= OFF:
                return []
            place = ratio[ratio.dims[0]].values[worst]
            what, where = ("power", f"{float(place):.3g} Hz") if name == "power" else ("variance", str(place))
            return [
                f"Simulated {what} is up to {100 * abs(value - 1):.0f} % {'above' if value > 1 else 'below'}"
                f" the predicted one, at {where}."
            ]
        return []

    def ratio(self, name: str) -> Any:
        """Simulated over predicted power by frequency, the channels' mean; or variance by channel, from their
        `covariance`.
        """
        values = self.data[name].sel(kind=["simulated", "predicted"])
        if name == "power":
            channel = next(dim for dim in values.dims if dim not in ("kind", "recording", "frequency"))
            values = values.mean("recording").mean(channel)
        else:
            values = values.isel(lag=0) if "lag" in values.dims else values
            first, second = (dim for dim in values.dims if dim != "kind")
            kinds = [
                np.diagonal(values.sel(kind=kind).transpose(first, second).values)
                for kind in ("simulated", "predicted")
            ]
            return values.isel({second: 0, "kind": 0}, drop=True).copy(data=kinds[0] / kinds[1])
        return values.sel(kind="simulated", drop=True) / values.sel(kind="predicted", drop=True)

    def _rows(self) -> list[tuple[str, ...]]:
        """The table as text; a parameter of many numbers has its worst one, and how many are not good."""
        rows, table = [], self.table()
        for name in dict.fromkeys(row.name for row in table):
            of = [row for row in table if row.name == name]
            if len(of) <= MANY:
                rows += [_cells(row, row.label, row.verdict) for row in of]
                continue
            worst = max(of, key=lambda row: (row.verdict == BAD, row.verdict == UNCLEAR, abs(row.bias)))
            bad = sum(row.verdict == BAD for row in of)
            rows.append(
                _cells(
                    worst,
                    f"{worst.label}, the worst of {len(of)}",
                    f"{bad} of {len(of)} bad" if bad else worst.verdict,
                )
            )
        return rows

    def __str__(self) -> str:
        attrs = self.data.attrs
        head = (
            f"{self.data.sizes['recording']} recordings of {_time(attrs['length'])}, simulated in steps of"
            f" {_time(attrs['step'])} after a transient of {_time(attrs['transient'])}"
        )
        lines = [
            line
            for sentence in self.sentences()
            for line in textwrap.wrap(sentence, 120, subsequent_indent="  ")
        ]
        return "\n".join([*lines, head, "", *aligned([HEADS, *self._rows()])])

    __repr__ = __str__

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))


def _verdict(
    bias: float,
    bias_error: float,
    covered: float,
    coverage_error: float,
    spread: float,
    spread_error: float,
    errors: float,
) -> str:
    """What is certain at so many Monte-Carlo errors."""
    low, high = COVERAGE
    if abs(bias) <= BIAS and low <= covered <= high:
        return GOOD
    # Near 100 % the error of a coverage says nothing: whether intervals are too wide is asked of how much
    # estimates scatter.
    too_wide = coverage(bias, spread + errors * spread_error) > high
    return (
        BAD
        if abs(bias) - BIAS > errors * bias_error or low - covered > errors * coverage_error or too_wide
        else UNCLEAR
    )


def coverage(bias: Any, spread: Any) -> Any:
    """How often a 90 % interval holds the truth, if estimates are off by `bias` and scatter `spread` times as
    much as the interval takes for granted.
    """
    return norm.cdf((HALF - bias) / spread) - norm.cdf((-HALF - bias) / spread)


def _cells(row: LinearityRow, label: str, verdict: str) -> tuple[str, ...]:
    signed = (
        f"{row.bias:+.2f}",
        f"{row.bias_error:.2f}",
        f"{row.by_linearisation:+.2f}",
        f"{row.by_linearisation_error:.2f}",
    )
    return (label, *signed, f"{100 * row.coverage:.0f} %", f"{100 * row.coverage_error:.0f} %", verdict)


def _time(ms: float) -> str:
    return f"{ms / 1000:.3g} s" if ms >= 1000 else f"{ms:.3g} ms"
