"""Counts what the pages are made of: words, numbers, lines of code, pictures.

uv run python docs/counts.py               # a row for every page
uv run python docs/counts.py how-to        # for those of a folder
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import pages

GENERATED = re.compile(r"<!-- generated: \w+ -->.*?<!-- end -->", re.DOTALL)
FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TABLE = re.compile(r"^\|.*$", re.MULTILINE)
IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
TARGET = re.compile(r"\]\([^)]*\)")
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
MARKER = re.compile(r"^\s*\d+\. ", re.MULTILINE)
SPAN = re.compile(r"`[^`\n]+`")
WORD = re.compile(r"\S*[^\W_]\S*")
DRAWS = re.compile(r"\bnmm\.viz\.|\bplt\.|\bsubplots\(")

# Digits that measure nothing: years of citations, volumes and pages, versions.
NAMES = (
    re.compile(r"(?:\b[A-ZÀ-Þ][\w’'-]+|\bal\.),? \(?(?:1[89]|20)\d\d[a-z]?\b"),
    re.compile(r"\b\d+:e?\d+\b"),
    re.compile(r"\b\d+\.\d+\.\d+\b"),
    re.compile(r"\b(?:JAX|Diffrax|[Ee]quinox|NumPyro|BlackJAX|Python) \d+(?:\.\d+)*"),
)
# One number, however long: 3, 0.85, 49 000, 10⁻⁶; none within a word: float32, T1w.
NUMBER = re.compile(
    r"(?<![\w.,])\d{1,3}(?:[ \u202f]\d{3})+\b|(?<![\w.,])\d+(?:[.,]\d+)*(?![a-zA-Z])"
)


class Counts(NamedTuple):
    """What a page is made of."""

    words: int
    numbers: int
    code: int  # lines of all blocks of code
    pictures: int

    @property
    def density(self) -> float:
        """Numbers per 100 words."""
        return 100.0 * self.numbers / max(self.words, 1)


def prose(text: str) -> str:
    """What is read: no code, tables, formulas, pictures, generated parts or comments."""
    for what in (FRONT_MATTER, GENERATED, COMMENT, pages.FENCE, TABLE, IMAGE, FORMULA):
        text = what.sub(" ", text)
    return MARKER.sub("", TARGET.sub("]", text))


def counts(text: str) -> Counts:
    """Of a page.

    A number is a run of digits in the prose, outside of spans of code and of words
    (`float32`, T1w). A number that names something is none: the year of a citation,
    volume and page of a journal, a version, the marker of a list.
    """
    read = prose(text)
    plain = SPAN.sub(" ", read)
    for name in NAMES:
        plain = name.sub(" ", plain)
    blocks = [
        found
        for found in pages.FENCE.finditer(GENERATED.sub("", text))
        if not found.group(1).startswith("{")
    ]
    drawn = sum(bool(DRAWS.search(block.code)) for block in pages.blocks(text))
    return Counts(
        words=len(WORD.findall(SPAN.sub(" code ", read))),
        numbers=len(NUMBER.findall(plain)),
        code=sum(found.group(2).count("\n") for found in blocks),
        pictures=len(IMAGE.findall(pages.DRAWN_BELOW.sub("", text))) + drawn,
    )


def main() -> None:
    chosen = sys.argv[1:]
    head = ("page", "words", "numbers", "per 100", "code", "pictures")
    print("{:40}{:>8}{:>9}{:>9}{:>7}{:>10}".format(*head))
    for path in pages.paths():
        name = path.relative_to(pages.DOCS).with_suffix("").as_posix()
        if chosen and not any(Path(name).is_relative_to(part) for part in chosen):
            continue
        of = counts(path.read_text(encoding="utf-8"))
        print(
            f"{name:40}{of.words:8}{of.numbers:9}{of.density:9.1f}{of.code:7}"
            f"{of.pictures:10}"
        )


if __name__ == "__main__":
    main()
