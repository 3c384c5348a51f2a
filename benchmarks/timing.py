"""How long compiled functions take."""

import time
from collections.abc import Callable
from typing import Any


def best(
    function: Callable[..., Any], at: tuple[Any, ...], rounds: int = 5, patience: float = 10.0
) -> tuple[float, float]:
    """Best time on the clock and of the processors, of several runs, fewer where one takes long."""
    import jax

    clock, processors = [], []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        jax.block_until_ready(function(*at))
        clock.append(time.perf_counter() - start[0])
        processors.append(time.process_time() - start[1])
        if sum(clock) > patience:
            break
    return min(clock), min(processors)


def of_gradient(problem: Any, data: Any, dtype: str) -> tuple[int, float]:
    """Number of unknowns, and seconds of one value and gradient as one chain of a sampler runs it."""
    import jax
    import jax.numpy as jnp

    from nmm_infer.infer._engine import precision
    from nmm_infer.infer._target import Target
    from nmm_infer.infer.devices import Parallel

    with precision(dtype), Parallel().threads():
        target = Target(problem.condition(data))
        x = jnp.asarray(target.prior_median())
        jax.block_until_ready(target.value_and_gradient(x))
        return target.size, best(target.value_and_gradient, (x,), rounds=20)[0]
