"""Reads pages: their blocks of Python as the cells of a notebook, or as one program.

A page is Markdown as GitHub shows it. What a comment says is for the build alone:

- `<!-- skip -->` before a block: it is shown, not run.
- `<!-- tags: hide-input, raises-exception -->` before a block: tags of its cell (MyST-NB's).
- `<!-- drawn below -->` before a picture: it is what the next block draws, and only
  stands where nothing is run.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).parent
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

# Settings of real runs, and what they become in a short build and in the tests.
SHORTER = (
    (r",\s*(max_tree_depth|predictive_draws|chunk)=\d+", ""),
    (r"\bdraws=\d+", "draws=10"),
    (r"\bwarmup=\d+", "warmup=10"),
    (r"\bchains=\d+", "chains=2"),
    (r"\bsteps=\d{3,}", "steps=50"),
    (r"\b(Adam|PathAnnealing)\((\s*)\d{3,}", r"\1(\g<2>50"),
    (r"\bgenerations=\d+", "generations=10"),
    (r"\bparticles=\d+", "particles=30"),
    (r"\brecordings=\d+", "recordings=8"),
    (r"\buse_cores\(\d+\)", "use_cores(2)"),
    (r"\binfer\.NUTS\(", "infer.NUTS(max_tree_depth=3, predictive_draws=3, chunk=10, "),
    (r"\binfer\.SVI\(", "infer.SVI(draws=50, predictive_draws=3, "),
    (r"\bmetrics\.Laplace\(\)", "metrics.Laplace(steps=50)"),
)

FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```[^\S\n]*$", re.MULTILINE | re.DOTALL)
TAGS = re.compile(r"<!-- tags: ([\w, -]+) -->\Z")
DRAWN_BELOW = re.compile(r"^<!-- drawn below -->\n!\[[^\n]*\n", re.MULTILINE)


class Block(NamedTuple):
    """A block of Python that runs."""

    code: str
    tags: list[str]
    start: int  # in the text, of the fence and of what says its tags
    end: int
    line: int  # of its first line of code, from 0


def paths() -> list[Path]:
    """The pages; those of the models are short and come last."""
    written = (DOCS.glob("*.md"), *(f.glob("*.md") for f in DOCS.iterdir()))
    found = {path for some in written for path in some if path.parent.name[0] != "_"}
    return sorted(found, key=lambda path: (path.parent.name == "models", path))


def shortened(code: str) -> str:
    """The same with fewer draws."""
    for pattern, shorter in SHORTER:
        code = re.sub(pattern, shorter, code)
    return code


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page that run."""
    for found in FENCE.finditer(text):
        before = text[: found.start()].rstrip()
        if found.group(1) != "python" or before.endswith("<!-- skip -->"):
            continue
        tagged = TAGS.search(before)
        tags = [tag.strip() for tag in tagged.group(1).split(",")] if tagged else []
        start = tagged.start() if tagged else found.start()
        line = text.count("\n", 0, found.start(2))
        yield Block(found.group(2).rstrip(), tags, start, found.end(), line)


def script(text: str, short: bool = False) -> str:
    """The blocks as one program, every line where it is in the page."""
    lines = [""] * (text.count("\n") + 1)
    for block in blocks(text):
        code = shortened(block.code) if short else block.code
        for number, line in enumerate(code.splitlines()):
            lines[block.line + number] = line
    return "\n".join(lines)


def notebook(text: str, short: bool = False) -> Any:
    """The page as a notebook that has not run."""
    # Here, so that the rest does without the packages of the site.
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    cells, lines, at = [], [], 0

    def prose(end: int) -> None:
        # The same number of lines, so that warnings name the right one.
        source = DRAWN_BELOW.sub("\n\n", text[at:end])
        if source.strip():
            begin = len(source) - len(source.lstrip("\n"))
            lines.append(text.count("\n", 0, at) + source.count("\n", 0, begin))
            cells.append(new_markdown_cell(source[begin:].rstrip()))

    for block in blocks(text):
        prose(block.start)
        code = shortened(block.code) if short else block.code
        metadata = {"tags": block.tags} if block.tags else {}
        lines.append(block.line)
        cells.append(new_code_cell(code, metadata=metadata))
        at = block.end
    prose(len(text))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # in place of a random one
    metadata = {"kernelspec": KERNEL, "source_map": lines}
    if not any(cell.cell_type == "code" for cell in cells):
        metadata["mystnb"] = {"execution_mode": "off"}
    return new_notebook(cells=cells, metadata=metadata)
