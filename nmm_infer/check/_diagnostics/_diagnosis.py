"""The result of `diagnose`, in words, as a table and as colours."""

import dataclasses
import math
import textwrap
from typing import Any

from .._table import Row
from ._finding import Finding, Severity

_MARK: dict[Severity, str] = {"good": "ok", "note": "note", "warning": "look", "problem": "PROBLEM"}
_COLOUR: dict[Severity, str] = {"good": "green", "note": "cyan", "warning": "yellow", "problem": "red"}
HEADS = ("parameter", "unit", "mean", "sd", "5 %", "95 %", "R-hat", "ESS bulk", "ESS tail", "contraction")


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """What was checked and found; print it.

    Attributes:
        ok: no criterion is violated, and a sampler has chains to compare. Warnings may remain: read
            `findings`.
        checks: every criterion, met or not.
        findings: those that were not met, the worst first, each with its remedy.
        table: one row for each parameter.
        engine, chains, draws: what was run.
    """

    engine: str
    chains: int
    draws: int
    checks: tuple[Finding, ...]
    table: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether no check found a problem."""
        return all(check.severity != "problem" for check in self.checks)

    @property
    def findings(self) -> list[Finding]:
        """Everything that was not met, the worst first."""
        order = ("problem", "warning", "note")
        return [check for severity in order for check in self.checks if check.severity == severity]

    @property
    def verdict(self) -> str:
        """One sentence."""
        problems = sum(check.severity == "problem" for check in self.checks)
        looks = sum(check.severity == "warning" for check in self.checks)
        if problems:
            return f"Do not use these draws yet: {_count(problems, 'problem')}" + (
                f" and {_count(looks, 'warning')}." if looks else "."
            )
        return (
            f"No problem was found, but {_count(looks, 'warning')}."
            if looks
            else "Every check that applies passed."
        )

    def learnt(self) -> list[str]:
        """Sentences on prior–posterior contraction: the most and least informed parameters, regional ones
        summarised.
        """
        known = [row for row in self.table if not math.isnan(row.contraction)]
        scalars = sorted((row for row in known if row.size == 1), key=lambda row: -row.contraction)
        many = sorted((row for row in known if row.size > 1), key=lambda row: -row.contraction)
        half = min(3, len(scalars) // 2 + len(scalars) % 2)
        sentences = []
        if scalars:
            sentences.append(
                "most informed: " + ", ".join(f"{row.name} {row.contraction:.2f}" for row in scalars[:half])
            )
        if len(scalars) > half:
            sentences.append(
                "least informed: "
                + ", ".join(f"{row.name} {row.contraction:.2f}" for row in reversed(scalars[half:][-3:]))
            )
        for row in many:
            ends = f"{row.contraction_low:.2f} ({row.least}) to {row.contraction_high:.2f} ({row.most})"
            sentences.append(f"{row.name}: median {row.contraction:.2f} of {row.size} values, from {ends}")
        return sentences

    def cells(self) -> list[tuple[str, ...]]:
        """The table as text, columns as in `HEADS`."""
        return [_cells(row) for row in self.table]

    def __str__(self) -> str:
        lines = [
            self.verdict,
            f"{self.engine}: {_count(self.chains, 'chain')} of {_count(self.draws, 'draw')}",
            "",
        ]
        widths = [
            max(len(text) for text in column)
            for column in zip(*((_MARK[c.severity], c.what, c.measured) for c in self.checks), strict=True)
        ]
        for check in self.checks:
            lines.append(
                f"  {_MARK[check.severity]:{widths[0]}}  {check.what:{widths[1]}} "
                f" {check.measured:{widths[2]}}  expected {check.expected}"
            )
        remedies = [f for f in self.findings if f.remedy]
        lines += ["", "What to do:"] if remedies else []
        lines += [
            line
            for f in remedies
            for line in textwrap.wrap(
                f"- {f.what}: {f.remedy}.", 110, initial_indent="  ", subsequent_indent="    "
            )
        ]
        learnt = self.learnt()
        lines += (
            [
                "",
                "What was learnt (1 - posterior variance / prior variance):",
                *(f"  {sentence}" for sentence in learnt),
            ]
            if learnt
            else []
        )
        lines += ["", *_aligned([HEADS, *self.cells()])]
        return "\n".join(lines)

    __repr__ = __str__

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        checks = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for check in self.checks:
            checks.add_row(
                Text(_MARK[check.severity], style=_COLOUR[check.severity]),
                check.what,
                Text(check.measured),
                Text(f"expected {check.expected}", style="dim"),
            )
        parameters = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        for position, head in enumerate(HEADS):
            parameters.add_column(
                head, justify="left" if position < 2 else "right", overflow="fold", no_wrap=True
            )
        for row in self.cells():
            parameters.add_row(*(Text(cell) for cell in row))
        title = Text(self.verdict, style=f"bold {'green' if self.ok else 'red'}")
        parts: list[Any] = [
            title,
            Text(
                f"{self.engine}: {_count(self.chains, 'chain')} of {_count(self.draws, 'draw')}", style="dim"
            ),
            Text(),
            checks,
        ]
        remedies = [f for f in self.findings if f.remedy]
        if remedies:
            parts += [Text("\nWhat to do", style="bold")]
            parts += [
                Padding(Text.assemble((f"{f.what}: ", _COLOUR[f.severity]), f"{f.remedy}."), (0, 0, 0, 2))
                for f in remedies
            ]
        if self.learnt():
            parts += [Text("\nWhat was learnt (1 - posterior variance / prior variance)", style="bold")]
            parts += [Padding(Text(sentence), (0, 0, 0, 2)) for sentence in self.learnt()]
        return Group(*parts, Text(), parameters)


def _cells(row: Row) -> tuple[str, ...]:
    name = row.name if row.size == 1 else f"{row.name} ({row.size})"
    unit = "" if row.unit == "1" else row.unit
    numbers = (_short(value) for value in (row.mean, row.sd, row.low, row.high))
    if row.constant:
        return (name, unit, *numbers, "constant", "", "", "")
    return (
        name,
        unit,
        *numbers,
        _fixed(row.r_hat, 3),
        _fixed(row.ess_bulk, 0),
        _fixed(row.ess_tail, 0),
        _fixed(row.contraction, 2),
    )


def _short(value: float) -> str:
    """Three digits; thousands are written out."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _fixed(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else "> 10" if digits == 3 and value > 10 else f"{value:.{digits}f}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _aligned(table: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    left = 2  # name and unit read from the left, numbers from the right
    return [
        "  ".join(
            cell.ljust(width) if position < left else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
