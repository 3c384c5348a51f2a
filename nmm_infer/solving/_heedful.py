"""Adaptive steps that do not jump over a stimulus."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp

from ..stimuli._base import AbstractStimulus


class Heedful(diffrax.AbstractAdaptiveStepSizeController):
    """`controller`, with steps that end where a stimulus changes.

    An error estimate knows of a stimulus what the stages of a step meet. At rest steps grow beyond every
    pulse, and there would be no error to see.
    """

    controller: diffrax.AbstractAdaptiveStepSizeController
    stimuli: tuple[AbstractStimulus, ...]

    def __init__(
        self, controller: diffrax.AbstractAdaptiveStepSizeController, stimuli: tuple[AbstractStimulus, ...]
    ):
        self.controller = controller
        # When steps are made is no part of what is differentiated.
        self.stimuli = jax.tree.map(jax.lax.stop_gradient, stimuli)

    @property
    def rtol(self):
        return self.controller.rtol

    @property
    def atol(self):
        return self.controller.atol

    @property
    def norm(self):  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.controller.norm

    def wrap(self, direction):
        return eqx.tree_at(lambda self: self.controller, self, self.controller.wrap(direction))

    def init(self, terms, t0, t1, y0, dt0, args, func, error_order):
        end, state = self.controller.init(terms, t0, t1, y0, dt0, args, func, error_order)
        return self._before(t0, end), state

    def adapt_step_size(self, t0, t1, y0, y1_candidate, args, y_error, error_order, controller_state):
        keep, begin, end, jumped, state, result = self.controller.adapt_step_size(
            t0, t1, y0, y1_candidate, args, y_error, error_order, controller_state
        )
        return keep, begin, self._before(begin, end), jumped, state, result

    def _before(self, begin, end):
        for stimulus in self.stimuli:
            end = jnp.minimum(end, jnp.asarray(stimulus.until(begin), jnp.result_type(end)))
        return end
