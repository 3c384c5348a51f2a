"""The equations of every model once more, in plain NumPy: `formula(p, y, c)` with parameters by name, states
and coupling inputs by row.
"""

from . import evoked, mean_field, phenomenological, physiological, recurrent

FORMULAS = (
    phenomenological.FORMULAS
    | physiological.FORMULAS
    | mean_field.FORMULAS
    | evoked.FORMULAS
    | recurrent.FORMULAS
)
