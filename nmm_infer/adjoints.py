"""How a gradient gets back through a long simulation."""

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

if TYPE_CHECKING:  # to a type checker it would be an argument of the constructor
    from typing import ClassVar as AbstractClassVar
else:
    from equinox import AbstractClassVar

# Steps in a frame where frames do not matter for the derivative: messages under way stay in the cache.
FRAME = 256


class AbstractAdjoint(eqx.Module):
    """Decides how a simulation is differentiated, and what it keeps for that.

    Class-level metadata: reverse_only: whether delays may have a backward pass of their own, which is fast
        and which reverse mode alone can take.
    """

    reverse_only: AbstractClassVar[bool]

    @property
    @abc.abstractmethod
    def frame_steps(self) -> int:
        """Preferred number of steps in a frame: a simulation that records little holds the states of one
        frame at a time.
        """

    @abc.abstractmethod
    def wrap(self, frame: Any) -> Any:
        """The function that advances one frame, with its backward pass arranged."""

    @abc.abstractmethod
    def differentiate(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """The whole simulation, `run(*arguments)` → arrays, with its derivative arranged."""


class Checkpointed(AbstractAdjoint):
    """Keep the state between frames of `steps` steps and recompute inside them.

    Memory grows with (total steps)/`steps` + `steps` instead of with all steps; the price is one more
    forward pass. The default suits networks of 70–400 regions.
    """

    steps: int = eqx.field(static=True, default=256)

    reverse_only: ClassVar[bool] = True

    def __check_init__(self):
        if self.steps < 1:
            raise ValueError(f"Checkpointed(steps={self.steps}): expected at least 1 step")

    @property
    def frame_steps(self) -> int:
        return self.steps

    def wrap(self, frame):
        return jax.checkpoint(frame, prevent_cse=False)

    def differentiate(self, run):
        return run


class AbstractUncut(AbstractAdjoint):
    """Frames are of no account for the derivative."""

    @property
    def frame_steps(self) -> int:
        return FRAME

    def wrap(self, frame):
        return frame


class Stored(AbstractUncut):
    """Keep everything: the fastest gradient with respect to many numbers, while memory lasts."""

    reverse_only: ClassVar[bool] = True

    def differentiate(self, run):
        return run


class Direct(AbstractUncut):
    """Every derivative that JAX can take: forward (`jax.jvp`, `jax.jacfwd`), reverse, and Hessians.

    Its reverse mode keeps everything, and is slow through delays, which have no backward pass of their own
    here.
    """

    reverse_only: ClassVar[bool] = False

    def differentiate(self, run):
        return run


class Forward(AbstractUncut):
    """Forward sensitivities: the gradient with respect to a few numbers, in the same pass as the simulation.

    Nothing is kept of the past, so memory does not grow with the number of steps, but with outputs ×
    unknowns: record few outputs (`observe=`, `sample_every=`). Time grows with the unknowns instead. It is
    used by `jax.grad` like every other adjoint, so a sampler needs to know nothing of it. What counts as an
    unknown is every number that the derivative is taken with respect to: a regional parameter counts once for
    each region.

    Args:
        most: unknowns beyond which it is an error, since reverse mode would be faster by far.
    """

    most: int = eqx.field(static=True, default=256)

    reverse_only: ClassVar[bool] = False

    def __check_init__(self):
        if self.most < 1:
            raise ValueError(f"Forward(most={self.most}): expected at least 1 unknown")

    def differentiate(self, run):
        def simulate(*arguments: Any) -> Any:
            arrays, rest = eqx.partition(arguments, eqx.is_array)
            leaves, structure = jax.tree.flatten(arrays)

            def from_leaves(*leaves: Any) -> Any:
                return run(*eqx.combine(jax.tree.unflatten(structure, leaves), rest))

            sensitive = jax.custom_vjp(from_leaves)
            sensitive.defvjp(
                lambda *leaves: self._forward(from_leaves, leaves), _backward, symbolic_zeros=True
            )
            return sensitive(*leaves)

        return simulate

    def _forward(self, function: Callable[..., Any], leaves: tuple[Any, ...]) -> tuple[Any, Any]:
        """Outputs, and their derivatives with respect to each unknown number, one after the other."""
        values = [leaf.value for leaf in leaves]
        free = [
            i
            for i, leaf in enumerate(leaves)
            if leaf.perturbed and jnp.issubdtype(leaf.value.dtype, jnp.inexact)
        ]
        shapes = [values[i].shape for i in free]
        sizes = [values[i].size for i in free]
        if sum(sizes) > self.most:
            raise ValueError(
                f"Forward(most={self.most}) got a derivative with respect to {sum(sizes)} numbers (of shapes"
                f" {', '.join(map(str, shapes))}), expected at most {self.most}; use"
                " nmm.adjoints.Checkpointed(), whose cost does not grow with them, or raise most="
            )

        def of_free(*unknown: Any) -> Any:
            filled = list(values)
            for i, value in zip(free, unknown, strict=True):
                filled[i] = value
            return function(*filled)

        if not free:
            return of_free(), (None, (), tuple(values))
        point = [values[i] for i in free]
        starts = [sum(sizes[:k]) for k in range(len(sizes))]
        directions = [
            jnp.eye(sum(sizes), size, -start, dtype=value.dtype).reshape(-1, *value.shape)
            for size, start, value in zip(sizes, starts, point, strict=True)
        ]
        outputs, sensitivities = jax.vmap(
            lambda *along: jax.jvp(of_free, tuple(point), along), out_axes=(None, 0)
        )(*directions)
        return outputs, (sensitivities, tuple(free), tuple(values))


def _backward(kept: Any, cotangents: Any) -> tuple[Any, ...]:
    sensitivities, free, values = kept
    gradients: list[Any] = [None] * len(values)
    if not free:
        return tuple(gradients)
    pairs = [
        (s, c)
        for s, c in zip(
            jax.tree.leaves(sensitivities), jax.tree.leaves(cotangents, is_leaf=_is_zero), strict=True
        )
        if not _is_zero(c)
    ]
    total = sum(
        (jnp.tensordot(s.reshape(s.shape[0], -1), c.reshape(-1), 1) for s, c in pairs), start=jnp.zeros(())
    )
    first = 0
    for i in free:
        size = values[i].size
        part = total[first : first + size] if pairs else jnp.zeros(size)
        gradients[i] = part.reshape(values[i].shape).astype(values[i].dtype)
        first += size
    return tuple(gradients)


def _is_zero(cotangent: Any) -> bool:
    return isinstance(cotangent, SymbolicZero)
