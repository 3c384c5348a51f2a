"""How the tests run: double precision, two CPU devices, programs compiled quickly and kept between sessions,
no display.
"""

import os
from pathlib import Path

import hypothesis
import jax
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
# Most of the time goes into compiling programs that run once, a third of it into making them fast.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)

# Before anything computes: the number of devices is fixed when the backend starts.
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_enable_x64", True)
if jax.config.jax_compilation_cache_dir is None:
    jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parent.parent / ".jax_cache"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)

# The same examples on every machine and every day: a failure is a change of the code.
hypothesis.settings.register_profile("nmm_infer", deadline=None, derandomize=True, max_examples=25)
hypothesis.settings.load_profile("nmm_infer")

# Linux allows a process so many mappings of memory (`vm.max_map_count`), and every compiled program takes
# some: a worker that runs all tests alone would die for want of them.
MAPPINGS, TESTS_BETWEEN_LOOKS = 30_000, 5
_done = 0


# Measured (`tests/longest.py`).
LONGEST = frozenset((Path(__file__).parent / "longest.txt").read_text().splitlines())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        # What is slow anyway, or run by hand, is not run twice.
        if item.nodeid in LONGEST and not any(map(item.get_closest_marker, ("slow", "battery", "by_hand"))):
            item.add_marker(pytest.mark.long)


def pytest_runtest_teardown():
    global _done
    _done += 1
    mappings = Path("/proc/self/maps")
    if (
        _done % TESTS_BETWEEN_LOOKS == 0
        and mappings.exists()
        and mappings.read_bytes().count(b"\n") > MAPPINGS
    ):
        jax.clear_caches()
