"""The same comparison in numbers."""

from ..check._predictive import Prediction
from ._html import bullets, paragraph, section


def render(prediction: Prediction) -> str:
    """Correlations and coverages in words."""
    absent = [paragraph(f"Not available: {reason}.", "absent") for reason in prediction.missing]
    return section("check", "Posterior predictive check", bullets(prediction.sentences()), *absent)
