"""What was fitted, to what, with what, and how it went."""

from typing import Any

from .._signal import PLURAL
from ..check._diagnostics._diagnosis import Diagnosis
from ..check._groups import group, number, recording, variable
from ..check._predictive import Prediction
from ..viz import connectivity, timeseries
from . import _found as found
from ._html import attempt, axes, definitions, paragraph, section


def render(tree: Any, diagnosis: Diagnosis, prediction: Prediction) -> str:
    """The first section: the verdict, what was found, and then how."""
    severity = (
        "problem"
        if not diagnosis.ok
        else "warning"
        if any(f.severity == "warning" for f in diagnosis.findings)
        else "good"
    )
    return section(
        "summary",
        "Summary",
        paragraph(diagnosis.verdict, f"verdict {severity}"),
        *found.render(tree, diagnosis, prediction),
        "<h3>How</h3>",
        definitions(_facts(tree, diagnosis)),
        *_pictures(tree),
    )


def lead(tree: Any) -> str:
    """One line under the heading."""
    attrs = tree.attrs
    parts = [str(attrs[name]) for name in ("model", "subject") if name in attrs]
    made = f"nmm_infer {attrs['nmm_infer_version']}" if "nmm_infer_version" in attrs else "nmm_infer"
    return ", ".join([*parts, made, *([str(attrs["created_at"])] if "created_at" in attrs else [])])


def duration(seconds: float) -> str:
    """Seconds in words: "45 s", "3 min 20 s", "2 h 5 min"."""
    total = round(seconds)
    if total < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{total} s"
    minutes, rest = divmod(total, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _facts(tree: Any, diagnosis: Diagnosis) -> list[tuple[str, str]]:
    attrs = tree.attrs
    inferred = [
        row.name if row.size == 1 else f"{row.name} ({row.size})"
        for row in diagnosis.shown
        if not row.constant
    ]
    fitted = [f"{attrs[name]} ({name})" for name in ("model", "observation", "likelihood") if name in attrs]
    facts = [("fitted", " → ".join(fitted))] if fitted else []
    facts += [("inferred", ", ".join(inferred) or "nothing that varies"), ("data", _data(tree))]
    facts.append(
        (
            "engine",
            diagnosis.engine + (f" ({attrs['inference_library']})" if "inference_library" in attrs else ""),
        )
    )
    facts.append(("draws", f"{diagnosis.chains} × {diagnosis.draws} (chains × draws)"))
    wall, evaluations = number(attrs, "wall_time_s"), number(attrs, "gradient_evaluations")
    if wall is not None:
        facts.append(
            (
                "wall time",
                duration(wall) + (f", {evaluations:,.0f} evaluations of the gradient" if evaluations else ""),
            )
        )
    if "device" in attrs:
        facts.append(("device", str(attrs["device"])))
    versions = [
        f"{name.removesuffix('_version')} {attrs[name]}"
        for name in map(str, attrs)
        if name.endswith("_version") and name != "inference_library_version"
    ]
    return facts + ([("versions", ", ".join(versions))] if versions else [])


def _data(tree: Any) -> str:
    observed, recorded = group(tree, "observed_data"), recording(tree)
    if observed is None:
        return "not kept in the tree"
    kept = dict(observed.data_vars) | ({} if recorded is None else {"data": recorded})
    shapes = [
        f"{name}: " + " × ".join(f"{data.sizes[dim]} {PLURAL.get(str(dim), dim)}" for dim in data.dims)
        for name, data in kept.items()
    ]
    band = ""
    if "frequency" in observed.coords:
        frequencies = observed["frequency"].values
        band = f" ({frequencies.min():.3g} to {frequencies.max():.3g} Hz)"
    return "; ".join(shapes) + band


def _pictures(tree: Any) -> list[str]:
    pictures = []
    data, weights = recording(tree), variable(tree, "constant_data", "weights")
    if data is not None and "time" in data.dims:
        pictures.append(
            attempt(
                lambda: timeseries(data, axes((9.5, 3.4))[0], most=8), "The measured signals, eight of them."
            )
        )
    if weights is not None and weights.ndim == 2 and weights.shape[0] > 1:
        spread = float(weights.max()) > 30 * float(weights.where(weights > 0).median())
        caption = "The structural connectome" + (", on a logarithmic scale." if spread else ".")
        pictures.append(attempt(lambda: connectivity(weights, axes((4.8, 3.9))[0], log=spread), caption))
    return pictures
