"""`write_report`: a tree becomes a page."""

from pathlib import Path
from typing import Any

from .._tools._files import writable, write_whole
from ..check._diagnostics._diagnose import diagnose
from ..check._predictive import predictive
from . import _diagnosis as diagnosis
from . import _learnt as learnt
from . import _model as model
from . import _prediction as prediction
from . import _predictive_check as predictive_check
from . import _provenance as provenance
from . import _summary as summary
from . import _traces as traces
from ._page import page


def write_report(tree: Any, path: str | Path, *, title: str | None = None) -> Path:
    """Writes a self-contained HTML page (pictures inside, nothing to download) about a result, and returns
    its path.

    Args:
        tree: what an engine of `nmm.infer` returned, or `nmm.load` read. Groups other than the posterior may
            be absent; the page says so.
        path: of the file, which ends in .html; its folder must exist.
        title: heading; None: the tree's `title` attribute, or a general one.

    Raises:
        ValueError: the tree has no posterior, or the path is not that of a page.
        FileNotFoundError: the folder does not exist.
    """
    path = writable(path)
    if path.suffix not in (".html", ".htm"):
        raise ValueError(
            f"write_report(path={str(path)!r}) writes a page, expected a name that ends in .html, such as"
            f" {str(path.with_suffix('.html'))!r}"
        )
    diagnosed = diagnose(tree)
    predicted = predictive(tree)
    sections = [
        ("summary", "Summary", summary.render(tree, diagnosed, predicted)),
        ("model", "Model", model.render(tree)),
        ("diagnosis", "Diagnosis", diagnosis.render(diagnosed)),
        ("learnt", "What was learnt", learnt.render(tree, diagnosed)),
        ("prediction", "Predicted and measured", prediction.render(tree)),
        ("check", "Posterior predictive check", predictive_check.render(predicted)),
        ("traces", "Chains", traces.render(tree)),
        ("provenance", "Provenance", provenance.render(tree)),
    ]
    heading = title or str(tree.attrs.get("title", "")) or "Posterior of a brain network model"
    return write_whole(path, page(heading, summary.lead(tree), sections).encode())
