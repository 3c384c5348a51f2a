"""How chains share a machine."""

import abc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array
from threadpoolctl import threadpool_limits

from ..problems._base import AbstractProblem
from ._allocator import keep_freed_memory


class AbstractArrangement(eqx.Module):
    """Turns the program of one chain into that of all chains, stacked along the first axis."""

    @abc.abstractmethod
    def program(self, chain: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """The program of all chains.

        Args:
            chain: a function of what chains share and of what is one chain's own.
        """

    def threads(self) -> AbstractContextManager[Any]:
        """A context that fits the threads and the memory of numerical libraries to the arrangement."""
        return nullcontext()

    @abc.abstractmethod
    def place(self, tree: Any, n_chains: int) -> Any:
        """Values stacked by chain, where the program wants them."""

    @abc.abstractmethod
    def each(self, function: Callable[..., Any], inputs: tuple[Array, ...], batch: int) -> Any:
        """`function` of each of many draws, stacked along the first axes of `inputs`, on a device at most
        `batch` of them at once.
        """


class Vectorised(AbstractArrangement):
    """All chains in one batched program: best on a GPU, and for small models anywhere. Trees wait for the
    longest.
    """

    def program(self, chain):
        return jax.vmap(chain, in_axes=(None, 0))

    def each(self, function, inputs, batch):
        return _one_after_the_other(function, inputs, batch)

    def place(self, tree, n_chains):
        return tree


class Parallel(AbstractArrangement):
    """Chains spread over devices, each running on its own: best for large networks on a CPU (see
    `nmm.use_cores`).
    """

    def threads(self):
        # Small factorisations gain nothing from a second BLAS thread, and chains that share BLAS threads wait
        # for each other: measured eight times slower with four chains on two cores.
        import scipy.linalg  # noqa: F401  (loads the BLAS that JAX calls, so that it can be limited)

        keep_freed_memory()
        return threadpool_limits(1, user_api="blas")

    def _devices(self, n_chains: int) -> list[Any]:
        devices = jax.devices()
        return devices[: max(k for k in range(1, min(len(devices), n_chains) + 1) if n_chains % k == 0)]

    def program(self, chain):
        def local(shared: Any, own: Any) -> Any:
            # One chain on a device needs no vmap, which would turn every branch of a sampler into both of its
            # sides.
            if len(jax.tree.leaves(own)[0]) == 1:
                one = chain(shared, jax.tree.map(lambda x: x[0], own))
                return jax.tree.map(lambda x: jnp.asarray(x)[None], one)
            return jax.vmap(chain, in_axes=(None, 0))(shared, own)

        def program(shared: Any, own: Any) -> Any:
            mesh, spec = Mesh(self._devices(len(jax.tree.leaves(own)[0])), ("chain",)), PartitionSpec("chain")
            return jax.shard_map(
                local, mesh=mesh, in_specs=(PartitionSpec(), spec), out_specs=spec, check_vma=False
            )(shared, own)

        return program

    def each(self, function, inputs, batch):
        n = len(inputs[0])
        devices = jax.devices()[:n]
        share = -(-n // len(devices))
        full = _filled(inputs, share * len(devices))
        mesh, spec = Mesh(devices, ("draw",)), PartitionSpec("draw")
        found = jax.shard_map(
            lambda *own: _one_after_the_other(function, own, batch),
            mesh=mesh,
            in_specs=spec,
            out_specs=spec,
            check_vma=False,
        )(*full)
        return jax.tree.map(lambda x: x[:n], found)

    def place(self, tree, n_chains):
        sharding = NamedSharding(Mesh(self._devices(n_chains), ("chain",)), PartitionSpec("chain"))
        return jax.device_put(tree, sharding)


def _one_after_the_other(function: Callable[..., Any], inputs: tuple[Array, ...], batch: int) -> Any:
    n = len(inputs[0])
    # Batches of one size: a rest of another one would be compiled as well.
    batches = -(-n // batch)
    size = -(-n // batches)
    found = jax.lax.map(lambda one: function(*one), _filled(inputs, size * batches), batch_size=size)
    return jax.tree.map(lambda x: x[:n], found)


def _filled(inputs: tuple[Array, ...], n: int) -> tuple[Array, ...]:
    """`n` draws, the last one again in place of those that are missing, for shares of equal size."""
    return tuple(jnp.concatenate([x, jnp.repeat(x[-1:], n - len(x), axis=0)]) for x in inputs)


def default_arrangement(n_chains: int, problem: AbstractProblem) -> AbstractArrangement:
    """Parallel on a CPU with several devices, if the problem can be, else vectorised."""
    return (
        Parallel()
        if problem.divisible and jax.default_backend() == "cpu" and len(jax.devices()) > 1 and n_chains > 1
        else Vectorised()
    )


def arranged(
    arrangement: AbstractArrangement | None, n_chains: int, problem: AbstractProblem
) -> AbstractArrangement:
    """The arrangement that was asked for, or the default.

    Raises:
        ValueError: chains on devices of their own, of a problem that cannot be.
    """
    if isinstance(arrangement, Parallel) and not problem.divisible:
        raise ValueError(
            "arrangement=Parallel() got a problem with a stepsize_controller, expected fixed steps: adaptive"
            " ones cannot be divided among devices; leave arrangement out, or use Vectorised()"
        )
    return arrangement or default_arrangement(n_chains, problem)
