"""The equations and the priors."""

import json
from html import escape
from typing import Any

from ..models._catalogue import description, model_classes
from ._html import definitions, paragraph, section


def render(tree: Any) -> str:
    """What was believed before the data."""
    attrs = tree.attrs
    model = model_classes().get(str(attrs.get("model", "")))
    parts = []
    if model is not None:
        told = description(model())
        parts.append(paragraph(" ".join(told[0].text.split())))
        parts += [f"<pre>{escape(part.text)}</pre>" for part in told if part.equations]
        written = str(attrs.get("model_as_written", ""))
        if written:
            parts.append(
                paragraph(
                    f"Fitted was {written}; equations are those of the model with its parts by default."
                )
            )
        parts.append(paragraph(f"Literature: {'; '.join(model().references)}", "small"))
    else:
        name = attrs.get("model", "a model of the user's own")
        parts.append(paragraph(f"Not available: equations of {name}.", "absent"))
    try:
        priors = json.loads(str(attrs.get("priors", "{}")))
    except json.JSONDecodeError:
        priors = {}
    if priors:
        parts += ["<h3>Priors</h3>", definitions([(str(name), str(text)) for name, text in priors.items()])]
    else:
        parts.append(paragraph("Not available: the priors in words, which the tree does not hold.", "absent"))
    return section("model", "Model", *parts)
