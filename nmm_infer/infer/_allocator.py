"""Memory that one evaluation frees is kept for the next."""

import ctypes
import os

# Numbers of glibc's options (malloc.h), and what they become.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
LARGE, AHEAD = 2**31 - 1, 2**26


def keep_freed_memory() -> bool:
    """Lets the C library keep blocks of memory of up to 2 GiB when they are freed, instead of giving each
    back to the system; says whether it could.

    A program of XLA takes its memory anew whenever it runs. From tens of MB on, glibc maps it and unmaps it,
    and the system fills every page with zeros in between: of networks of 400 regions that was a tenth of a
    gradient, and a fifth on two cores, which wait for each other there. The memory of the process stays at
    its highest. Other C libraries, and processes whose environment sets these options, are left alone.
    """
    if any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get(
        "GLIBC_TUNABLES", ""
    ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(
        mallopt(option, value)
        for option, value in ((MMAP_THRESHOLD, LARGE), (TRIM_THRESHOLD, LARGE), (TOP_PAD, AHEAD))
    )
