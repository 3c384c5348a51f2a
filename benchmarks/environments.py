"""Each peer in an environment of its own, made by uv in a cache folder and kept."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path.home() / ".cache" / "nmm_infer_benchmarks"


class InstallError(Exception):
    """A peer's environment could not be made; says why in a few words."""


def python_of(name: str, packages: tuple[str, ...], folder: Path = FOLDER) -> str:
    """The interpreter of the environment `name` with the newest `packages`; without packages, this one."""
    if not packages:
        return sys.executable
    what = hashlib.sha256(" ".join((sys.version, *packages)).encode()).hexdigest()[:8]
    place = folder / f"{name}-{what}"
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = place / "installed"
    if not done.exists():
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        _uv("venv", "--python", sys.executable, str(place))
        _uv("pip", "install", "--python", str(python), *packages)
        done.touch()
    return str(python)


def _uv(*arguments: str) -> None:
    # `uv run` says where it is; what a shell finds may be a stand-in that needs the checkout's folder.
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise InstallError(
            "uv not found: install it with `pip install uv`, or run `uv run --group bench python -m"
            " benchmarks`"
        )
    finished = subprocess.run(
        [uv, *arguments], capture_output=True, text=True, cwd=Path(__file__).parent.parent, check=False
    )
    if finished.returncode:
        lines = [line.strip(" ×╰─▶│├") for line in finished.stderr.splitlines() if line.strip(" ×╰─▶│├")]
        raise InstallError(
            f"not installed: {lines[-1][:150] if lines else f'uv ended with {finished.returncode}'}"
        )
