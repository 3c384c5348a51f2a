"""Regional values on a brain that names its regions, and in a table that can be sorted and taken away."""

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from ..viz._brain import VIEWS, project
from ..viz._style import SEQUENTIAL

UNKNOWN = "#b8bec4"  # of what has no value
MARGIN = 8.0  # mm around the outlines


def atlas(labels: Sequence[str], values: np.ndarray, centres: np.ndarray, words: Sequence[str]) -> str:
    """Three views; a disc says its `words` when it is pointed at. Nothing where it is not known where regions
    are; a hemisphere without any has no view.
    """
    if not np.all(np.isfinite(centres)) or not np.isfinite(values).any():
        return ""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    shades = colormaps[SEQUENTIAL]((values - low) / ((high - low) or 1.0))
    colours = [
        to_hex(shade) if ok else UNKNOWN for shade, ok in zip(shades, np.isfinite(values), strict=True)
    ]
    views = []
    for view in VIEWS:
        points, shown, radius, outlines = project(view, centres)
        if not outlines:
            continue
        everything = np.concatenate(outlines)
        (left, bottom), (right, top) = everything.min(axis=0) - MARGIN, everything.max(axis=0) + MARGIN

        def at(x: float, y: float, left: float = left, top: float = top) -> str:
            return f"{x - left:.1f},{top - y:.1f}"

        hulls = "".join(
            f'<polygon points="{" ".join(at(*corner) for corner in hull)}"/>' for hull in outlines
        )
        discs = "".join(
            f'<circle cx="{points[i, 0] - left:.1f}" cy="{top - points[i, 1]:.1f}" r="{radius:.1f}"'
            f' fill="{colours[i]}" data-region="{escape(labels[i])}">'
            f"<title>{escape(words[i])}</title></circle>"
            for i in map(int, shown)
        )
        width, height = right - left, top - bottom
        ends = "".join(
            f'<text x="{x:.0f}" y="{height + 10:.0f}" text-anchor="{anchor}">{escape(word)}</text>'
            for x, anchor, word in (
                (2, "start", view.ends[0]),
                (width / 2, "middle", view.title),
                (width - 2, "end", view.ends[1]),
            )
        )
        views.append(
            f'<svg class="atlas" viewBox="0 0 {width:.0f} {height + 14:.0f}" role="img"'
            f' style="flex: {width:.0f} 1 {width:.0f}px"'  # one scale for all views
            f' aria-label="{escape(view.title)}">{hulls}{discs}{ends}</svg>'
        )
    ramp = ", ".join(to_hex(colormaps[SEQUENTIAL](x)) for x in np.linspace(0.0, 1.0, 9))
    scale = (
        f'<div class="ramp"><span>{low:.3g}</span><i style="background: linear-gradient(to right, {ramp})">'
        f"</i><span>{high:.3g}</span></div>"
    )
    return f'<div class="atlases">{"".join(views)}</div>{scale}'


def region_table(name: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A row for each region, folded away; a click on a head sorts, a link saves the table as CSV."""
    text = "\n".join(",".join(_quoted(cell) for cell in row) for row in (heads, *rows)) + "\n"
    data = base64.b64encode(text.encode()).decode("ascii")
    head = "".join(f'<th><button type="button">{escape(cell)}</button></th>' for cell in heads)
    body = "".join(
        f'<tr data-region="{escape(str(row[0]))}">'
        + "".join(
            f"<td>{escape(cell)}</td>" if isinstance(cell, str) else f'<td class="number">{cell:.3g}</td>'
            for cell in row
        )
        + "</tr>"
        for row in rows
    )
    file = escape(f"{name}.csv")
    return (
        f"<details><summary>All {len(rows)} regions as a table</summary>"
        f'<p><a download="{file}" href="data:text/csv;base64,{data}">Save as {file}</a>. A click on a heading'
        ' sorts.</p><div class="scroll"><table class="sortable"><thead><tr>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )


def _quoted(cell: Any) -> str:
    if not isinstance(cell, str):
        return f"{cell:.8g}"
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\n') else cell
