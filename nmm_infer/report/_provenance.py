"""Everything needed to make the result again."""

from typing import Any

from ._html import definitions, paragraph, section


def render(tree: Any) -> str:
    """The attributes of the tree, and what its groups hold."""
    facts = [
        (str(name), str(value)) for name, value in sorted(tree.attrs.items(), key=lambda item: str(item[0]))
    ]
    groups = [
        (name, ", ".join(map(str, child.data_vars)) or "empty") for name, child in tree.children.items()
    ]
    absent = "" if facts else paragraph("The tree carries no attributes.", "absent")
    return section(
        "provenance",
        "Provenance",
        definitions(facts),
        absent,
        "<h3>Groups of the tree</h3>",
        definitions(groups),
    )
