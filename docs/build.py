"""Builds the site: runs the code of all pages, writes the HTML, and checks it.

    uv run --group docs python docs/build.py            # as it is published
    uv run --group docs python docs/build.py --short    # with few draws, as in CI

The site is in `build/docs/full/html` (or `short`). What the pages' code gave is kept in
`build/docs/run`, as long as neither a page's code nor the package's has changed.
"""

import argparse
import ast
import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import links
import nbformat
import pages
import reference
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from sphinx.cmd.build import build_main

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BUILD = ROOT / "build" / "docs"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# ---------------------------------------------------------------- running


def program_of(path: Path) -> str:
    """What a file of the package does: its code without docstrings and comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def fingerprint() -> str:
    """Of everything besides a page's code that its outputs depend on."""
    digest = hashlib.sha256()
    for name in ("jax", "numpyro", "blackjax", "diffrax", "matplotlib", "arviz"):
        digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    for path in sorted((ROOT / "nmm_infer").rglob("*.py*")):
        if path.suffix in (".py", ".pyi"):
            digest.update(f"{path.relative_to(ROOT)} {program_of(path)}".encode())
    digest.update((DOCS / "ipython_kernel_config.py").read_bytes())
    return digest.hexdigest()[:16]


def prepare(run: Path) -> None:
    """The environment of the kernels."""
    profile = BUILD / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    shutil.copy(DOCS / "ipython_kernel_config.py", profile)
    os.environ["IPYTHONDIR"] = str(BUILD / "ipython")
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    os.environ["NO_COLOR"] = "1"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".jax_cache"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
    os.environ.pop("MPLBACKEND", None)  # Jupyter's own, which shows pictures inline
    # Results of other versions of the package are of no use any more.
    for other in (BUILD / "run").glob("*"):
        if other != run:
            shutil.rmtree(other)
    run.mkdir(parents=True, exist_ok=True)


def tidied(notebook: nbformat.NotebookNode) -> None:
    """Take away what a call that draws leaves as its value beside the picture."""
    for cell in notebook.cells:
        kinds = [set(output.get("data", ())) for output in cell.get("outputs", ())]
        if any("image/png" in kind for kind in kinds):
            cell.outputs = [
                output
                for output, kind in zip(cell.outputs, kinds, strict=True)
                if kind != {"text/plain"}
            ]


def run_page(notebook: nbformat.NotebookNode) -> ExecutionResult:
    """Run a page in a kernel of its own, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        return single_nb_execution(notebook, folder, timeout=None, allow_errors=False)


def said_on_stderr(notebook: nbformat.NotebookNode) -> str:
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    outputs = (output for cell in cells for output in cell.outputs)
    texts = (
        o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"
    )
    return "".join(texts)


def known(cache: JupyterCacheAbstract, notebook: nbformat.NotebookNode) -> bool:
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def name_of(path: Path) -> str:
    return path.relative_to(DOCS).with_suffix("").as_posix()


def run_pages(run: Path, short: bool, jobs: int, paths: list[Path]) -> list[str]:
    """Run what has not run yet; the names of the pages that failed."""
    cache = get_cache(run)
    waiting = {}
    for path in paths:
        notebook = pages.notebook(path.read_text(encoding="utf-8"), short)
        if "mystnb" not in notebook.metadata and not known(cache, notebook):
            waiting[path] = notebook
    print(f"{len(waiting)} pages to run")
    failed = []
    with ThreadPoolExecutor(jobs) as pool:
        began = {pool.submit(run_page, nb): path for path, nb in waiting.items()}
        for done in as_completed(began):
            path = began[done]
            name = str(path.relative_to(DOCS))
            result, error = None, done.exception()
            if error is None:
                result = done.result()
                error = result.exc_string
            if result is None or error:
                failed.append(name)
                print(f"  {name} FAILED\n{COLOURS.sub('', str(error))[-6000:]}")
                continue
            tidied(waiting[path])
            bundle = CacheBundleIn(
                waiting[path], str(path), data={"execution_seconds": result.time}
            )
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            print(f"  {name}: {result.time:.0f} s", flush=True)
            if warnings := said_on_stderr(waiting[path]):
                print(f"    stderr: {warnings.strip()[:2000]}", flush=True)
    return failed


# ---------------------------------------------------------------- all of it


def remove_old_stubs() -> None:
    """Pages of the reference for names that are gone."""
    known = {f"nmm_infer.{name}" for name, _ in reference.public()}
    known |= set(reference.filenames().values())
    for path in (DOCS / "reference").glob("*.rst"):
        if path.stem not in known:
            path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the site.")
    parser.add_argument("--short", action="store_true", help="few draws, as in CI")
    parser.add_argument("--jobs", type=int, default=2, help="pages that run at a time")
    parser.add_argument(
        "--no-run", action="store_true", help="show code without outputs"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="PAGE",
        help="run these, such as tutorials/bifurcations",
    )
    parser.add_argument("--fresh", action="store_true", help="begin with nothing")
    options = parser.parse_args()
    began = time.monotonic()
    chosen = [
        path
        for path in pages.paths()
        if not options.only or name_of(path) in options.only
    ]
    variant = BUILD / ("short" if options.short else "full")
    run = BUILD / "run" / fingerprint()
    if options.fresh:
        shutil.rmtree(variant, ignore_errors=True)
        shutil.rmtree(run, ignore_errors=True)
    prepare(run)
    if not options.no_run:
        failed = run_pages(run, options.short, options.jobs, chosen)
        if failed:
            print(f"{len(failed)} pages failed: {', '.join(failed)}")
            return 1
        print(f"all pages have run after {time.monotonic() - began:.0f} s", flush=True)
    remove_old_stubs()
    settings = {
        "nb_execution_mode": "off" if options.no_run else "cache",
        "nb_execution_cache_path": run,
    }
    if options.only:  # the others are shown without outputs
        others = [name_of(path) for path in pages.paths() if path not in chosen]
        os.environ["NMM_DOCS_LEFT_OUT"] = " ".join(f"{name}.md" for name in others)
    defined = [
        word for name, value in settings.items() for word in ("-D", f"{name}={value}")
    ]
    tags = ["-t", "short"] if options.short else []
    html = variant / "html"
    # Sphinx would keep the listing of a file in which more names are documented now.
    shutil.rmtree(html / "_modules", ignore_errors=True)
    places = ["-d", str(variant / "doctrees"), str(DOCS), str(html)]
    code = build_main(
        ["-W", "--keep-going", "-q", "-b", "html", *defined, *tags, *places]
    )
    if code:
        return code
    found = links.problems(html)
    for problem in found:
        print(problem)
    print(f"{html} after {time.monotonic() - began:.0f} s")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
