"""HTML from text, tables and figures. Whatever comes from a tree is escaped here, once."""

import base64
import io
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib.figure import Figure

DPI = 110


def paragraph(text: str, css: str = "") -> str:
    """A paragraph; `css` is a class name."""
    return f"<p{_css(css)}>{escape(text)}</p>"


def bullets(items: Iterable[str]) -> str:
    """A list; nothing if it is empty."""
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1, row_css: Sequence[str] = ()
) -> str:
    """A table that scrolls sideways where it is too wide; the first `text_columns` read from the left."""
    head = "".join(
        f"<th{_css('' if i < text_columns else 'number')}>{escape(cell)}</th>" for i, cell in enumerate(heads)
    )
    body = ""
    for position, row in enumerate(rows):
        cells = "".join(
            f"<td{_css('' if i < text_columns else 'number')}>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        body += f"<tr{_css(row_css[position] if row_css else '')}>{cells}</tr>"
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Terms and what they are."""
    return (
        "<dl>" + "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in pairs) + "</dl>"
    )


def section(identifier: str, title: str, *parts: str) -> str:
    """A part of the page with a heading to link to."""
    return f'<section id="{escape(identifier)}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def axes(size: tuple[float, float], n: int = 1, **grid: Any) -> np.ndarray:
    """Axes of a figure that pyplot does not know of, so that nothing stays behind when it has been drawn."""
    figure = Figure(figsize=size, layout="constrained")
    options: dict[str, Any] = {"nrows": 1, "ncols": n} | grid
    return np.asarray(figure.subplots(squeeze=False, **options), dtype=object).reshape(-1)


def picture(drawn: Any, caption: str) -> str:
    """The figure of some axes as an embedded PNG with a caption, which is also its alternative text."""
    buffer = io.BytesIO()
    np.asarray(drawn, dtype=object).reshape(-1)[0].figure.savefig(
        buffer, format="png", dpi=DPI, facecolor="white"
    )
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{data}"'
        f' alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def attempt(draw: Callable[[], Any], caption: str) -> str:
    """A picture, or the reason why data of an unforeseen shape could not be drawn: one odd variable must not
    cost the whole report.
    """
    try:
        return picture(draw(), caption)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return paragraph(f"Not drawn: {caption} ({type(error).__name__}: {error})", "absent")


def _css(name: str) -> str:
    return f' class="{escape(name)}"' if name else ""
