"""Freed memory is kept, in processes of their own: the C library's options cannot be taken back."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from nmm_infer.infer import _allocator as allocator

# Pages that the system hands out while 64 MB are taken, filled and freed twenty times.
PROGRAM = """
import importlib.util, json, resource, sys
import numpy as np

spec = importlib.util.spec_from_file_location("allocator", sys.argv[1])
allocator = importlib.util.module_from_spec(spec)
spec.loader.exec_module(allocator)
kept = allocator.keep_freed_memory() if sys.argv[2] == "keep" else None
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(8_000_000)
print(json.dumps([kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before]))
"""


def run(how, **environment):
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MALLOC_") and name != "GLIBC_TUNABLES"
    } | {"NUMPY_MADVISE_HUGEPAGE": "0"}
    command = [sys.executable, "-c", PROGRAM, str(Path(allocator.__file__)), how]
    return json.loads(
        subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=True).stdout
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_freed_memory_is_not_given_back_unless_the_environment_says_otherwise():
    _, usual = run("leave")
    kept, pages = run("keep")
    assert kept is True
    assert pages < usual / 5
    asked, _ = run("keep", MALLOC_TOP_PAD_="0")
    assert asked is False
