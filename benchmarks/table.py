"""Measurements as Markdown and as JSON."""

import statistics
from typing import Any

from .reference import Scheme


def row(session: Any) -> dict[str, Any]:
    """What a session found out, without its process."""
    times = session.seconds
    return {
        "name": session.contestant.name,
        "worker": session.contestant.worker,
        "variant": session.contestant.variant,
        "problem": session.problem,
        "excused": session.excused,
        "best": min(times) if times else None,
        "median": statistics.median(times) if times else None,
        "processor": min(session.processor) if times else None,
        "rounds": times,
        **{
            name: session.info.get(name)
            for name in ("versions", "python", "warm_up", "before", "peak", "scheme", "keeps", "note")
        },
        "agreement": session.agreement,
    }


def markdown(steps: int, rows: list[dict[str, Any]]) -> list[str]:
    """A table of those who ran, the ratios to the first of them foremost, and a line on those who did not."""
    ran = [each for each in rows if each["best"] is not None]
    lines: list[str] = []
    if ran:
        base = ran[0]
        header = (
            "simulator",
            "time, best",
            "time, median",
            "processor time, best",
            "µs per step",
            "first call",
            "peak memory (over imports)",
            "how it steps",
            "the same as the reference",
        )
        lines += ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        lines += ["| " + " | ".join(cells(each, base, steps)) + " |" for each in ran]
        lines += [""]
    for excused, heading in ((True, "Cannot do it: "), (False, "Failed: ")):
        absent = [
            f"{each['name']} ({each['problem']})"
            for each in rows
            if each["problem"] is not None and each["excused"] == excused
        ]
        if absent:
            lines += [heading + "; ".join(absent) + ".", ""]
    return lines


def cells(each: dict[str, Any], base: dict[str, Any], steps: int) -> tuple[str, ...]:
    scheme = Scheme(**each["scheme"])
    extras = [scheme.words, each["note"]] + (["keeps every step"] if each["keeps"] == "every step" else [])
    return (
        each["name"],
        f"{each['best'] / base['best']:.2f}",
        f"{each['median'] / base['median']:.2f}",
        f"{each['processor'] / base['processor']:.2f}",
        f"{1e6 * each['best'] / steps:.1f}",
        f"{each['warm_up']:.1f} s",
        f"{each['peak']:.0f} MiB ({each['peak'] - each['before']:.0f})",
        "; ".join(extra for extra in extras if extra),
        verdict(each["agreement"]),
    )


def verdict(agreement: dict[str, Any]) -> str:
    if not agreement:
        return "not checked"
    if agreement["error"] is None:
        return f"no: {agreement['why']}"
    off = f"; scheme {100 * agreement['off']:.3g} % off" if agreement.get("off") else ""
    return f"{'verified' if agreement['verified'] else 'no'} ({agreement['error']:.0e}{off})"
