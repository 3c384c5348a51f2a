"""Tables of numbers as text: csv, tsv, or columns divided by spaces, with or without labels."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .errors import intact

# BIDS writes n/a, R writes NA, pandas an empty cell.
_MISSING = ("", "n/a", "na", "nan")


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
    with intact(path, "text"):
        text = path.read_text(encoding="utf-8-sig")
    return parse_table(text, str(path))


def parse_table(text: str, source: str) -> Table:
    """The table in `text`; `source` names it in messages. Lines that start with # are comments."""
    lines = _split(text)
    if not lines:
        raise ValueError(f"{source} has no rows, expected a table of numbers; is the file complete?")
    head = lines.pop(0) if _is_header(lines) else None
    if not lines:
        raise ValueError(f"{source} has a header and no rows, expected a table of numbers; is the file complete?")
    rows = None
    # A cell above the row labels may be empty, named or absent.
    if any(_number(line.cells[0]) is None for line in lines) or (head and head.cells[0] == ""):
        rows = [line.cells[0] for line in lines]
        lines = [_Line(line.number, line.cells[1:]) for line in lines]
    width = len(lines[0].cells)
    columns = head.cells[1:] if head and rows and len(head.cells) == width + 1 else head.cells if head else None
    if columns is not None and len(columns) != width:
        raise ValueError(f"{source} has {len(columns)} names in its header and {width} numbers in line {lines[0].number}; expected one name for each column")
    return Table(np.array([_numbers(line, width, source) for line in lines]), rows, columns)


def _split(text: str) -> list[_Line]:
    kept = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and not line.lstrip().startswith("#")]
    if not kept:
        return []
    delimiter = next((mark for mark in "\t;," if mark in kept[0][1]), None)
    # Without a delimiter any run of blanks divides.
    bare = [line if delimiter else " ".join(line.split()) for _, line in kept]
    cells = [[cell.strip() for cell in row] for row in csv.reader(bare, delimiter=delimiter or " ")]
    if len(cells[0]) > 1 and all(row[-1] == "" for row in cells):
        cells = [row[:-1] for row in cells]
    return [_Line(number, row) for (number, _), row in zip(kept, cells, strict=True)]


def _is_header(lines: list[_Line]) -> bool:
    first = lines[0].cells
    if first[0] == "" or any(_number(cell) is None for cell in (first[1:] or first)):
        return True
    # pandas numbers columns without names. A square table cannot have such a header: it would have one row too many.
    names = first if _number(first[0]) is not None else first[1:]
    counted = any(names == [str(start + i) for i in range(len(names))] for start in (0, 1))
    return counted and len(names) > 2 and len(lines) != len(names)


def _number(cell: str) -> float | None:
    if cell.lower() in _MISSING:
        return np.nan
    try:
        return float(cell)
    except ValueError:
        return None


def _numbers(line: _Line, width: int, source: str) -> list[float]:
    if len(line.cells) != width:
        raise ValueError(f"{source} has {len(line.cells)} numbers in line {line.number}, expected {width} as in the lines before; is the file truncated?")
    numbers = []
    for column, cell in enumerate(line.cells, 1):
        number = _number(cell)
        if number is None:
            raise ValueError(f"{source} has {cell!r} in line {line.number}, column {column}; expected a number (decimal point, not comma) or n/a")
        numbers.append(number)
    return numbers
