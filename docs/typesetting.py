"""Equations as docstrings have them (`τ_e E' = -E + s_e`), typeset by MathJax.

What is read: names with subscripts (`c_ee`), primes for derivatives, `²`, products by a
space, quotients (`a/b` of two operands; `a b / (c + d)` of what stands left and right of
the spaced stroke), sums (`Σ_x`), `A if x < 0,  else  B`, and statements side by side, two
spaces after a comma.
"""

import re
from typing import NamedTuple

FUNCTIONS = {
    "exp": r"\exp",
    "tanh": r"\tanh",
    "erfc": r"\operatorname{erfc}",
    "log": r"\log",
    "sin": r"\sin",
    "cos": r"\cos",
}
WORDS = {"if", "else", "for", "and"}
POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
SIGNS = {"·": r"\cdot", "≥": r"\ge", "≤": r"\le", "…": r"\dots", "₊": "_+"}
TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)"
    r"|(?P<sum>Σ_\w)"
    r"|(?P<root>√\d+)"
    r"|(?P<name>[^\W\d_⁰¹²³⁴-⁹][^\W_⁰¹²³⁴-⁹]*(?:_[^\W_⁰¹²³⁴-⁹]+)*'*)"
    r"|(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<sign>\S)"
)
CASES = re.compile(r"(.+?) = (.+?)\s+if (.+?),\s+else\s+(.+)")
CLOSING = {"(": ")", "[": "]"}


class Piece(NamedTuple):
    """LaTeX, what it is, and whether a space stood before it."""

    latex: str
    kind: str
    spaced: bool


def typeset(text: str) -> str:
    """Lines of equations as one block of display mathematics."""
    lines = [
        statement(part)
        for line in text.splitlines()
        for part in re.split(r",\s{2,}(?!else)", line.strip())
    ]
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}\n$$"


def statement(text: str) -> str:
    """One equation, to be aligned at its first `=`; words without any as they stand."""
    text = text.strip()
    if "`" in text or "=" not in text:
        return rf"&\text{{{text.replace('`', '')}}}"
    found = CASES.fullmatch(text)
    if found:
        left, first, when, second = map(latex, found.groups())
        rows = rf"{first} & \text{{if }} {when} \\ {second} & \text{{else}}"
        return rf"{left} &= \begin{{cases}} {rows} \end{{cases}}"
    left, _, right = text.partition("=")
    body, _, said = right.partition(
        ", E' and"
    )  # WilsonCowanThreePopulations ends in words
    words = rf",\quad\text{{E' and{said}}}" if said else ""
    return f"{latex(left)} &= {latex(body)}{words}"


def latex(text: str) -> str:
    """An expression."""
    pieces = []
    for found in TOKEN.finditer(text):
        spaced = text[: found.start()].endswith(" ")
        pieces.append(_piece(found.lastgroup or "sign", found.group(), spaced))
    return _joined(_grouped(iter(pieces), ""))


def _piece(kind: str, text: str, spaced: bool) -> Piece:
    if kind == "number":
        digits, _, exponent = text.partition("e")
        if exponent:
            one = "" if digits == "1" else rf"{digits} \cdot "
            return Piece(rf"{one}10^{{{int(exponent)}}}", "operand", spaced)
        return Piece(text, "operand", spaced)
    if kind == "sum":
        return Piece(rf"\sum_{text[2:]}", "sum", spaced)
    if kind == "root":
        return Piece(rf"\sqrt{{{text[1:]}}}", "operand", spaced)
    if kind == "power":
        return Piece(f"^{{{text.translate(POWERS)}}}", "power", spaced)
    if kind == "name":
        if text in WORDS:
            return Piece(rf"\text{{ {text} }}", "word", spaced)
        is_function = text in FUNCTIONS
        return Piece(name(text), "function" if is_function else "operand", spaced)
    return Piece(SIGNS.get(text, text), "power" if text == "₊" else "sign", spaced)


def name(text: str) -> str:
    """A name with its subscripts and primes."""
    primes = len(text) - len(text.rstrip("'"))
    stem, *below = text.rstrip("'").split("_")
    if stem in FUNCTIONS:
        return FUNCTIONS[stem]
    counted = re.fullmatch(r"([^\W\d])(\d+)", stem)
    if counted:
        stem, below = counted.group(1), [counted.group(2), *below]
    upright = stem if len(stem) == 1 else rf"\mathrm{{{stem}}}"
    dotted = {0: upright, 1: rf"\dot{{{upright}}}", 2: rf"\ddot{{{upright}}}"}[primes]
    if not below:
        return dotted
    parts = (part if len(part) == 1 else rf"\mathrm{{{part}}}" for part in below)
    return f"{dotted}_{{{','.join(parts)}}}"


def _grouped(pieces, closing: str) -> list[Piece]:
    """The pieces up to `closing`, those in brackets as one."""
    found = []
    for piece in pieces:
        if piece.latex == closing and closing:
            break
        if piece.latex in CLOSING:
            inside = _joined(_grouped(pieces, CLOSING[piece.latex]))
            text = rf"\left{piece.latex}{inside}\right{CLOSING[piece.latex]}"
            piece = Piece(text, "group", piece.spaced)
        found.append(piece)
    return found


def _joined(pieces: list[Piece]) -> str:
    """With quotients as fractions, and a little room between factors."""
    pieces = _attached(pieces)
    while True:
        at = next((i for i, p in enumerate(pieces) if p.latex == "/"), None)
        if at is None:
            break
        pieces = _divided(pieces, at)
    text, before = "", None
    for piece in pieces:
        factors = ("operand", "group", "sum", "function")
        if before and piece.spaced and before.kind in factors and piece.kind in factors:
            text += r"\,"
        elif text:
            text += " "
        text += piece.latex
        before = piece
    return text


def _attached(pieces: list[Piece]) -> list[Piece]:
    """Powers to what they are of, and arguments to their functions."""
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        called = piece.kind == "group" and not piece.spaced and last is not None
        if (last and piece.kind == "power") or (
            last and called and last.kind in ("operand", "function")
        ):
            found[-1] = Piece(last.latex + piece.latex, "operand", last.spaced)
        else:
            found.append(piece)
    return found


def _divided(pieces: list[Piece], at: int) -> list[Piece]:
    """With the quotient at `at` as a fraction; of sums the stroke stays."""
    wide = pieces[at].spaced
    start = at - 1
    if wide:
        while start > 0 and pieces[start - 1].kind in ("operand", "group", "sum"):
            start -= 1
    above, below = pieces[start:at], pieces[at + 1]
    if below.kind == "sum" or any(piece.kind == "sum" for piece in above):
        kept = Piece(r"\big/", "stroke", True)
        return [*pieces[:at], kept, *pieces[at + 1 :]]
    numerator = _bare(above[0].latex) if len(above) == 1 else _joined(above)
    fraction = rf"\frac{{{numerator}}}{{{_bare(below.latex)}}}"
    whole = Piece(fraction, "operand", pieces[start].spaced)
    return [*pieces[:start], whole, *pieces[at + 2 :]]


def _bare(text: str) -> str:
    """Without the brackets around all of it."""
    if not (text.startswith(r"\left(") and text.endswith(r"\right)")):
        return text
    depth = 0
    for found in re.finditer(r"\\left|\\right", text):
        depth += 1 if found.group() == r"\left" else -1
        if depth == 0 and found.end() < len(text) - 1:
            return text
    return text[len(r"\left(") : -len(r"\right)")]
