"""Can the draws be trusted?"""

from ..check._diagnostics._criteria import R_HAT
from ..check._diagnostics._diagnosis import HEADS, Diagnosis
from ._html import bullets, paragraph, section, table

_MARK = {"good": "ok", "note": "note", "warning": "look", "problem": "problem"}


def render(diagnosis: Diagnosis) -> str:
    """Criteria, remedies and the table of parameters."""
    checks = [(_MARK[c.severity], c.what, c.measured, c.expected) for c in diagnosis.checks]
    remedies = [f"{f.what}: {f.remedy}." for f in diagnosis.findings if f.remedy]
    return section(
        "diagnosis",
        "Diagnosis",
        table(
            ("", "criterion", "measured", "expected"),
            checks,
            text_columns=4,
            row_css=[c.severity for c in diagnosis.checks],
        ),
        "<h3>What to do</h3>" + bullets(remedies) if remedies else "",
        "<h3>Parameters</h3>",
        table(HEADS, diagnosis.cells()),
        paragraph(
            "A regional parameter, with the number of its values in brackets, shows its largest R-hat"
            f" (expected < {R_HAT}), its smallest effective sample sizes and its median contraction; mean, sd"
            " and quantiles are of its draws pooled over regions.",
            "small",
        ),
    )
