"""Docstrings are written as Markdown of the plainest kind; here they become what Sphinx reads.

Names in backticks are code (or links, of what `nmm.` offers), equations stay line by line,
and the parameters of a part are listed from its metadata.
"""

import inspect
import re
from typing import Any

import reference

from nmm_infer.models import AbstractModel
from nmm_infer.models._catalogue import _is_equations as is_equations
from nmm_infer.models._catalogue import model_classes
from nmm_infer.parameters import AbstractPart

CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
PUBLIC = {name for name, _ in reference.public()}
SECTION = re.compile(
    r"^(Args|Fields|Returns|Raises|Yields|Attributes|Examples?|Notes?):\s*$"
)


def code(found: re.Match[str]) -> str:
    text = " ".join(found.group(1).split())
    name = text.removeprefix("nmm.").partition("(")[0]
    if text.startswith("nmm.") and name in PUBLIC:
        return f":py:obj:`{text} <nmm_infer.{name}>`"
    return f"``{text}``"


def plain(text: str) -> str:
    """Prose, in which stars, bars and underscores mean themselves."""
    text = text.replace("\\", "\\\\")
    text = re.sub(r"\*", r"\\*", text)
    text = re.sub(r"\|(?=\S)", r"\\|", text)
    return re.sub(r"(?<=\w)_(?=\W|$)", r"\\_", text)


def prose(text: str) -> str:
    pieces = re.split(r"((?<!`)`[^`]+`(?!`)|``.+?``)", text, flags=re.DOTALL)
    done = ""
    for piece in pieces:
        is_code = piece.startswith("`")
        # What is code must stand apart from letters, if by nothing that shows.
        if is_code and done[-1:].isalnum():
            done += "\\ "
        if not is_code and done.endswith("`") and piece[:1].isalnum():
            done += "\\ "
        done += CODE.sub(code, piece) if is_code else plain(piece)
    return done


def table(rows: list[str]) -> list[str]:
    """A table of Markdown as one of reStructuredText."""
    out = [".. list-table::", "   :header-rows: 1", ""]
    for row in (rows[0], *rows[2:]):
        first, *others = (prose(cell.strip()) for cell in row.strip("| ").split(" | "))
        out += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
    return [*out, ""]


def restructured(lines: list[str]) -> list[str]:
    """Equations before the first section as they are, all else as prose."""
    out: list[str] = []
    in_section = False
    for paragraph in re.split(r"\n\n+", "\n".join(lines).strip("\n")):
        rows = paragraph.split("\n")
        in_section = in_section or bool(SECTION.match(rows[0]))
        indented = all(row.startswith("  ") for row in rows)
        if rows[0].startswith("| "):
            out += table(rows)
        elif not in_section and (indented or is_equations(paragraph)):
            out += [".. code-block:: text", "", *(f"   {row}" for row in rows), ""]
        else:
            out += [*prose(paragraph).split("\n"), ""]
    return out


def before(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = restructured(lines)


def parameters(cls: type[AbstractPart]) -> list[str]:
    """What metadata say of the slots of a part."""
    lines = []
    for slot in cls.parameters().values():
        unit = "" if slot.unit == "1" else f" {slot.unit}"
        default = "none" if slot.default is None else f"{slot.default:g}{unit}"
        limits = f"{slot.low:g} to {slot.high:g}{unit}; by default {default}."
        lines.append(f":param {slot.name}: {plain(slot.doc)}, {plain(limits)}")
    return lines


def after(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    if (
        what != "class"
        or not inspect.isclass(thing)
        or not issubclass(thing, AbstractPart)
    ):
        return
    if not inspect.isabstract(thing):
        lines += ["", *parameters(thing)]
    if issubclass(thing, AbstractModel) and thing.__name__ in model_classes():
        page = f"/models/{thing.__name__}"
        lines += [
            "",
            f"Equations, variables, literature and a picture: :doc:`{page}`.",
            "",
        ]


def skip(
    app: Any, what: str, name: str, thing: Any, left_out: bool, options: Any
) -> bool | None:
    """The fields of named tuples have nothing to say unless somebody wrote it."""
    said = str(getattr(thing, "__doc__", ""))
    return True if said.startswith("Alias for field number") else None


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", before, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", after, priority=600)
    app.connect("autodoc-skip-member", skip)
