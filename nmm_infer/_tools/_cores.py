"""CPU cores as devices."""

import jax


def use_cores(n: int) -> None:
    """Let JAX treat the CPU as `n` devices, so that chains run in parallel. Call it before anything else of
    JAX.

    Raises:
        RuntimeError: JAX has started already.
    """
    try:
        jax.config.update("jax_num_cpu_devices", n)
    except RuntimeError as error:
        raise RuntimeError(
            "use_cores(n) comes too late: JAX has started; call nmm.use_cores(n) at the top of the script, "
            "before any array or key is made and before blackjax is imported"
        ) from error
