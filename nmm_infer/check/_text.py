"""Tables and lists as text."""

WIDTH = 88  # of what is printed


def aligned(table: list[tuple[str, ...]], left: int = 1) -> list[str]:
    """Lines of a table whose first `left` columns read from the left; the others, numbers, from the right,
    except words at the end.
    """
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    words = [
        column < left
        or not any(character.isdigit() for row in table[1:] for character in row[column].lstrip("-")[:1])
        for column in range(len(widths))
    ]
    return [
        "  ".join(
            cell.ljust(width) if word else cell.rjust(width)
            for cell, width, word in zip(row, widths, words, strict=True)
        ).rstrip()
        for row in table
    ]


def listed(names: list[str], most: int) -> str:
    """The first `most` names, and how many there are more."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
