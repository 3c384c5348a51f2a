"""Pieces of HTML by which things show themselves in notebooks. Whatever they hold is escaped here."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from ._shown import flat

_CELL = 'style="text-align: left; vertical-align: top; padding: .2em 1em .2em 0; overflow-wrap: normal"'


def heading(text: str, beside: str = "") -> str:
    """A name in bold, and what it is."""
    return f"<div><b>{escape(text)}</b> {escape(beside)}</div>"


def rows(heads: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    head = "".join(f"<th {_CELL}>{escape(cell)}</th>" for cell in heads)
    lines = ("".join(f"<td {_CELL}>{escape(flat(cell))}</td>" for cell in row) for row in body)
    return (
        f'<div style="overflow-x: auto"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table></div>"
    )


def folded(title: str, *inside: str) -> str:
    """What is shown on a click."""
    return f"<details><summary>{escape(title)}</summary>{''.join(inside)}</details>"


def chain(boxes: Iterable[tuple[str, str]]) -> str:
    """Boxes with a title and a text each, and an arrow from each to the next."""
    style = (
        "display: inline-block; border: 1px solid currentColor; border-radius: 6px; padding: .2em .6em;"
        " margin: .2em 0; vertical-align: middle; text-align: center"
    )
    drawn = (
        f'<span style="{style}"><b>{escape(title)}</b><br><small>{escape(text)}</small></span>'
        for title, text in boxes
    )
    return f"<div>{' → '.join(drawn)}</div>"


def heat_map(matrix: np.ndarray, description: str, size: int = 160) -> str:
    """A small picture of a matrix, large values dark."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, np.asarray(matrix, dtype=float), cmap="Blues", format="png")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<img alt="{escape(description)}" width="{size}" height="{size}"'
        f' style="image-rendering: pixelated" src="data:image/png;base64,{data}">'
    )
