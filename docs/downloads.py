"""Every page whose code has run can be had as a notebook, with its outputs."""

import base64
import contextlib
import re
from pathlib import Path
from typing import Any

import nbformat
import pages
from jupyter_cache import get_cache

FOLDER = "_notebooks"
COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s:]+)\)")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|mailto:|attachment:)[^)]*\)")


def portable(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Without links to other pages, and with the pictures inside."""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        attachments = {}

        def attached(found: re.Match[str], kept: dict = attachments) -> str:
            path = folder / found.group(2)
            data = base64.b64encode(path.read_bytes()).decode()
            kept[path.name] = {"image/png": data}
            return f"![{found.group(1)}](attachment:{path.name})"

        cell.source = LINK.sub(
            r"\1", PICTURE.sub(attached, COMMENT.sub("", cell.source))
        )
        if attachments:
            cell.attachments = attachments
    for key in ("source_map", "mystnb"):
        notebook.metadata.pop(key, None)
    return notebook


def has_code(app: Any, name: str) -> bool:
    path = Path(app.env.doc2path(name))
    return path.suffix == ".md" and "```python" in path.read_text(encoding="utf-8")


def offer(app: Any, name: str, template: str, context: dict, doctree: Any) -> None:
    if doctree is not None and has_code(app, name):
        context["notebook"] = f"{FOLDER}/{name}.ipynb"


def write(app: Any, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    config = app.config
    cache = get_cache(config.nb_execution_cache_path)
    for name in app.env.found_docs:
        if has_code(app, name):
            path = Path(app.env.doc2path(name))
            page = pages.notebook(path.read_text(encoding="utf-8"), config.short)
            if config.nb_execution_mode == "cache":
                with contextlib.suppress(KeyError):  # it has not run: `build.py --only`
                    _, page = cache.merge_match_into_notebook(page)
            target = Path(app.outdir) / FOLDER / f"{name}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(portable(page, path.parent), target)


def setup(app: Any) -> None:
    app.add_config_value("short", False, "env", bool)
    app.connect("html-page-context", offer)
    app.connect("build-finished", write)
