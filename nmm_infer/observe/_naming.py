"""Name and unit of what an observation reads."""

from ..models._base import AbstractDynamics


def of_model(model: AbstractDynamics | None, variable: str | None) -> tuple[str, str]:
    """Name and unit of a model's variable; without a model both are unknown."""
    if model is None:
        return variable or "activity", ""
    name = variable or model.observable
    return name, model.variables()[name]
