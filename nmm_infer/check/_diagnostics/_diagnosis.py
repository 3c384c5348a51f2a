"""The result of `diagnose`, in words, as a table and as colours."""

import dataclasses
import math
import textwrap
from typing import Any

from rich.jupyter import JupyterMixin

from .._table import Row, coordinate_names
from .._text import WIDTH, aligned
from ._finding import Finding, Severity

_MARK: dict[Severity, str] = {"good": "ok", "note": "note", "warning": "look", "problem": "PROBLEM"}
_COLOUR: dict[Severity, str] = {"good": "green", "note": "cyan", "warning": "yellow", "problem": "red"}
HEADS = ("parameter", "mean", "sd", "5 %", "95 %", "R-hat", "ESS bulk", "ESS tail", "contraction")
# Columns that give way, in this order, where a terminal is too narrow for all of them.
DISPENSABLE = ("ESS tail", "sd", "ESS bulk", "contraction")
HELD = "\N{NO-BREAK SPACE}"


@dataclasses.dataclass(frozen=True)
class Diagnosis(JupyterMixin):
    """What was checked and found; print it.

    Attributes:
        ok: no criterion is violated, and a sampler has chains to compare. Warnings may remain: read
            `findings`.
        checks: every criterion, met or not.
        findings: those that were not met, the worst first, each with its remedy.
        table: one row for each parameter.
        engine, chains, draws: what was run.
        coordinates: whether what is printed has rows, too, for the coordinates in which pooled parameters
            were sampled (`.x`, `.z`), beside the parameters themselves.
    """

    engine: str
    chains: int
    draws: int
    checks: tuple[Finding, ...]
    table: tuple[Row, ...]
    coordinates: bool = False

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

    @property
    def shown(self) -> list[Row]:
        """The rows of the table that are printed."""
        hidden = coordinate_names(row.name for row in self.table)
        return [row for row in self.table if self.coordinates or row.name not in hidden]

    def as_dict(self) -> dict[str, Any]:
        """Everything as numbers, texts and lists, for JSON; what does not apply is None."""
        return {
            "ok": self.ok,
            "verdict": self.verdict,
            "engine": self.engine,
            "chains": self.chains,
            "draws": self.draws,
            "checks": [check._asdict() for check in self.checks],
            "table": [
                {name: value if _is_known(value) else None for name, value in row._asdict().items()}
                for row in self.table
            ],
        }

    def learnt(self) -> list[str]:
        """Sentences on prior–posterior contraction: the most and least informed parameters, regional ones
        summarised.
        """
        told = [row for row in self.shown if not math.isnan(row.contraction)]
        scalars = sorted((row for row in told if row.size == 1), key=lambda row: -row.contraction)
        many = sorted((row for row in told if row.size > 1), key=lambda row: -row.contraction)
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
        return [_cells(row) for row in self.shown]

    def __str__(self) -> str:
        lines = [
            self.verdict,
            f"{self.engine}: {_count(self.chains, 'chain')} of {_count(self.draws, 'draw')}",
            "",
        ]
        marks = max(len(_MARK[check.severity]) for check in self.checks)
        whats = max(len(check.what) for check in self.checks)
        for check in self.checks:
            before = f"  {_MARK[check.severity]:{marks}}  {check.what:{whats}}  "
            expected = f"(expected {check.expected})".replace(" ", HELD)
            wrapped = textwrap.wrap(
                f"{check.measured} {expected}",
                WIDTH,
                initial_indent=before,
                subsequent_indent=" " * (len(before) + 2),
            )
            lines += [line.replace(HELD, " ") for line in wrapped]
        remedies = [f for f in self.findings if f.remedy]
        lines += ["", "What to do:"] if remedies else []
        lines += [
            line
            for f in remedies
            for line in textwrap.wrap(
                f"- {f.what}: {f.remedy}.", WIDTH, initial_indent="  ", subsequent_indent="    "
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
        lines += ["", *aligned([HEADS, *self.cells()])]
        return "\n".join(lines)

    __repr__ = __str__

    def __rich_console__(self, console: Any, options: Any) -> Any:
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        checks = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for check in self.checks:
            checks.add_row(
                Text(_MARK[check.severity], style=_COLOUR[check.severity]),
                check.what,
                Text.assemble(check.measured, (f" (expected {check.expected})", "dim")),
            )
        yield Text(self.verdict, style=f"bold {'green' if self.ok else 'red'}")
        yield Text(
            f"{self.engine}: {_count(self.chains, 'chain')} of {_count(self.draws, 'draw')}\n", style="dim"
        )
        yield checks
        remedies = [f for f in self.findings if f.remedy]
        if remedies:
            yield Text("\nWhat to do", style="bold")
            for f in remedies:
                text = Text.assemble((f"{f.what}: ", _COLOUR[f.severity]), f"{f.remedy}.")
                yield Padding(text, (0, 0, 0, 2))
        if self.learnt():
            yield Text("\nWhat was learnt (1 - posterior variance / prior variance)", style="bold")
            for sentence in self.learnt():
                yield Padding(Text(sentence), (0, 0, 0, 2))
        yield Text()
        yield self._parameters(options.max_width)

    def _parameters(self, width: int) -> Any:
        """The table with the columns that fit into `width`: names are folded, numbers never cut."""
        from rich.table import Table
        from rich.text import Text

        columns = dict(zip(HEADS, zip(*self.cells(), strict=True), strict=True)) if self.cells() else {}
        name = HEADS[0]
        for head in DISPENSABLE:
            needed = (max(len(head), *map(len, cells)) + 1 for head, cells in columns.items())
            if sum(needed) <= width:
                break
            columns.pop(head, None)
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        for head in columns:
            justify = "left" if head == name else "right"
            table.add_column(head, justify=justify, overflow="fold", no_wrap=head != name)
        for cells in zip(*columns.values(), strict=True):
            table.add_row(*(Text(cell) for cell in cells))
        return table


def _is_known(value: Any) -> bool:
    """Whether JSON has a word for a value: it has none for numbers that are not finite."""
    return not isinstance(value, float) or math.isfinite(value)


def _cells(row: Row) -> tuple[str, ...]:
    unit = f" [{row.unit}]" if row.unit not in ("", "1") else ""
    name = row.name + (f" ({row.size})" if row.size > 1 else "") + unit
    numbers = (_short(value) for value in (row.mean, row.sd, row.low, row.high))
    if row.constant:
        return (name, *numbers, "constant", "", "", "")
    ends = (_fixed(row.r_hat, 3), _fixed(row.ess_bulk, 0), _fixed(row.ess_tail, 0))
    return (name, *numbers, *ends, _fixed(row.contraction, 2))


def _short(value: float) -> str:
    """Three digits; thousands are written out."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _fixed(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else "> 10" if digits == 3 and value > 10 else f"{value:.{digits}f}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
