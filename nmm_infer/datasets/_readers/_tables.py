"""Tables of numbers as text: csv, tsv, or columns divided by spaces, with or without labels."""

import codecs
import csv
import gzip
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._errors import intact

# BIDS writes n/a, R writes NA, pandas an empty cell.
_MISSING = ("", "n/a", "na", "nan")


# Bytes of text, and columns, of the largest connectome or recording.
LONGEST = 500_000_000
WIDEST = 100_000

# What stands above row labels.
_CORNER = re.compile(r"|index|unnamed: \d+", re.IGNORECASE)


class Table(NamedTuple):
    """Numbers (NaN where the file has none) and the labels found beside and above them."""

    values: np.ndarray
    rows: list[str] | None
    columns: list[str] | None


class _Line(NamedTuple):
    number: int
    cells: list[str]


def read_table(path: Path) -> Table:
    """The table in a text file.

    Raises:
        ValueError: no text, no rows, rows of different length, or a cell that is not a number.
    """
    return parse_table(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The text of a file, which may be packed as .gz.

    Raises:
        ValueError: neither UTF-8 nor UTF-16 that says so, or more than a table can be.
    """
    with intact(path, "text"):
        if path.name.lower().endswith(".gz"):
            with gzip.open(path) as stream:
                content = stream.read(LONGEST + 1)
        else:
            content = path.read_bytes()
    return decoded(content, path)


def decoded(content: bytes, path: Path) -> str:
    """Text from its bytes."""
    if len(content) > LONGEST:
        raise ValueError(
            f"{path} has more than {LONGEST:g} bytes of text, which is more than a connectome or a recording"
            " can be; is it another file?"
        )
    with intact(path, "text"):
        # Spreadsheets save "Unicode text" as UTF-16, with a mark in front.
        return content.decode(
            "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        )


def parse_table(text: str, source: str) -> Table:
    """The table in `text`; `source` names it in messages. Lines that start with # are comments, of which one
    before the rows may hold names.

    Row labels are a first column of words, of numbers that are the header's too, or under an empty corner.
    Where the first line is of whole numbers that are all different it is a header if the table holds
    fractions, or is a symmetric matrix without it: atlas codes.
    """
    lines = _split(text, source)
    if not lines:
        raise ValueError(f"{source} has no rows, expected a table of numbers; is the file complete?")
    head = lines.pop(0) if _is_header(lines) else None
    if not lines:
        raise ValueError(
            f"{source} has a header and no rows, expected a table of numbers; is the file complete?"
        )
    rows = None
    first = [line.cells[0] for line in lines]
    # A cell above the row labels may be empty, named or absent.
    if all(_number(cell) is None for cell in first) or (
        head and (_CORNER.fullmatch(head.cells[0]) or first == head.cells[1:])
    ):
        rows = first
        lines = [_Line(line.number, line.cells[1:]) for line in lines]
    width = len(lines[0].cells)
    columns = (
        head.cells[1:] if head and rows and len(head.cells) == width + 1 else head.cells if head else None
    )
    if columns is not None and len(columns) != width:
        raise ValueError(
            f"{source} has {len(columns)} names in its header and {width} numbers in line {lines[0].number};"
            " expected one name for each column"
        )
    shift = 1 if rows is None else 2
    values = np.array([_numbers(line, width, source, shift) for line in lines])
    return Table(values, rows, columns or _commented(text, width))


def _commented(text: str, width: int) -> list[str] | None:
    """Names of the columns in the last comment before the rows, each after its own # as AFNI's 3dROIstats
    writes them.
    """
    comments = [line for line in text.splitlines() if line.strip()]
    found = None
    for line in comments:
        if not line.lstrip().startswith("#"):
            break
        cells = line.split()
        if len(cells) == width and all(cell.startswith("#") and len(cell) > 1 for cell in cells):
            found = [cell[1:] for cell in cells]
    return found


def counts(names: list[str]) -> bool:
    """Whether names only count, from 0 or from 1."""
    return any(names == [str(first + i) for i in range(len(names))] for first in (0, 1))


def _split(text: str, source: str) -> list[_Line]:
    kept = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not kept:
        return []
    delimiter = next((mark for mark in "\t;," if mark in kept[0][1]), None)
    for number, line in kept:
        if line.count('"') % 2:
            raise ValueError(
                f"{source} has a quote in line {number} that is not closed; expected it around the whole"
                " name, or none"
            )
    if (n := kept[0][1].count(delimiter or " ")) > WIDEST:
        raise ValueError(
            f"{source} has about {n} columns in line {kept[0][0]}, which is more than a connectome or a"
            " recording can be; is it another file?"
        )
    # Without a delimiter any run of blanks divides.
    bare = [line if delimiter else " ".join(line.split()) for _, line in kept]
    cells = [[cell.strip() for cell in row] for row in csv.reader(bare, delimiter=delimiter or " ")]
    # A delimiter at the end of every row, and perhaps of the header.
    if len(cells[-1]) > 1 and all(row[-1] == "" for row in cells[1:] or cells):
        width = len(cells[-1]) - 1
        cells = [row[:-1] if row[-1] == "" and len(row) > width else row for row in cells]
    return [_Line(number, row) for (number, _), row in zip(kept, cells, strict=True)]


def _is_header(lines: list[_Line]) -> bool:
    first = lines[0].cells
    if _CORNER.fullmatch(first[0]) or any(_number(cell) is None for cell in first[1:] or first):
        return True
    # pandas numbers columns without names. A square table cannot have such a header: it would have one row
    # too many.
    names = first if _number(first[0]) is not None else first[1:]
    return (counts(names) and len(names) > 2 and len(lines) != len(names)) or _of_codes(lines)


def _of_codes(lines: list[_Line]) -> bool:
    """Whether the first line is of whole numbers that name columns, such as codes of an atlas."""
    first, rest = lines[0].cells, lines[1:]
    if (
        not rest
        or len(first) < 2
        or not all(cell.isdigit() for cell in first)
        or len(set(first)) < len(first)
    ):
        return False
    square = len(lines) == len(first)
    if square:
        return _cornered(lines)
    if any(not _is_whole(cell) for line in rest for cell in line.cells):
        return True
    # Whole numbers below, too: the header of a matrix, which is square and symmetric without it.
    return [line.cells for line in rest] == [
        list(column) for column in zip(*(line.cells for line in rest), strict=False)
    ]


def _cornered(lines: list[_Line]) -> bool:
    """Whether a square table begins with the same codes above and beside a symmetric matrix, which are larger
    than all of its numbers.
    """
    cells = [line.cells for line in lines]
    codes, inner = cells[0][1:], [row[1:] for row in cells[1:]]
    if (
        len(codes) < 2
        or codes != [row[0] for row in cells[1:]]
        or inner != [list(column) for column in zip(*inner, strict=False)]
    ):
        return False
    largest = max(
        (number for row in inner for cell in row if (number := _number(cell)) is not None), default=math.inf
    )
    return min(float(code) for code in codes) > largest


def _is_whole(cell: str) -> bool:
    return cell.lstrip("+-").isdigit()


def _number(cell: str) -> float | None:
    if cell.lower() in _MISSING:
        return np.nan
    try:
        return float(cell)
    except ValueError:
        return None


def _numbers(line: _Line, width: int, source: str, shift: int) -> list[float]:
    if len(line.cells) != width:
        raise ValueError(
            f"{source} has {len(line.cells)} numbers in line {line.number}, expected {width} as in the lines"
            " before; is the file truncated?"
        )
    numbers = []
    for column, cell in enumerate(line.cells, shift):
        number = _number(cell)
        if number is None:
            raise ValueError(
                f"{source} has {cell!r} in line {line.number}, column {column}; expected a number (decimal"
                " point, not comma) or n/a"
            )
        numbers.append(number)
    return numbers
