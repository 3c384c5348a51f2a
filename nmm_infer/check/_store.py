"""Simulations or fits on disk, one file each, so that a run that was stopped goes on where it was."""

import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .._tools._files import write_whole

SETTINGS = "settings.json"
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# Log densities at fixed points differ between machines by rounding, between problems by more.
SAME = 1e-6


class Store:
    """A folder with `settings.json` and a file for every finished simulation, or whatever `kind` says;
    without a path, memory.

    Args:
        path: the folder; None: nothing is written.
        identity: gives what the simulations belong to, texts and lists of numbers by name; asked only if
            there is a folder. Another one in the same folder is refused.
        kind: of what is kept, one word.

    Raises:
        ValueError: the folder holds something else, or simulations of something else.
    """

    def __init__(
        self, path: str | Path | None, identity: Callable[[], dict[str, Any]], kind: str = "simulation"
    ):
        self.path = None if path is None else Path(path).expanduser()
        self.kind = kind
        self._memory: dict[int, dict[str, np.ndarray]] = {}
        if self.path is None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        settings = self.path / SETTINGS
        begun = any(self.path.glob(f"{kind}-*.npz"))
        if settings.exists() and begun:
            self._compare(json.loads(settings.read_text()), identity())
        elif not settings.exists() and any(self.path.iterdir()):
            raise ValueError(
                f"path={str(self.path)!r} is not empty and has no {kind}s ({SETTINGS} is missing); choose"
                " another folder"
            )
        else:
            write_whole(settings, f"{json.dumps(identity(), indent=1)}\n".encode())
        for file in sorted(self.path.glob(f"{kind}-*.npz")):
            with np.load(file) as arrays:
                self._memory[int(file.stem.removeprefix(f"{kind}-"))] = dict(arrays)

    def _compare(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        other = [name for name in now if not _same(before.get(name), now[name])]
        if other:
            details = "; ".join(
                f"{name} was {was}, is {now_is}"
                for name in other
                for was, now_is in [_apart(str(before.get(name)), str(now[name]))]
            )
            raise ValueError(
                f"path={str(self.path)!r} holds {self.kind}s that do not belong to these: {details}; choose"
                " another folder, or delete this one"
            )

    def done(self) -> dict[int, dict[str, np.ndarray]]:
        """What is finished, by number."""
        return dict(sorted(self._memory.items()))

    def write(self, number: int, arrays: dict[str, np.ndarray]) -> None:
        """Keep one. Its file appears whole or not at all."""
        self._memory[number] = arrays
        if self.path is None:
            return
        content = io.BytesIO()
        np.savez(content, **arrays)  # pyright: ignore[reportArgumentType]
        write_whole(self.path / f"{self.kind}-{number:05d}.npz", content.getbuffer())


def settings_of(part: Any) -> str:
    """An engine with all its settings, defaults included, as a text that is the same in every process."""
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        fields = (
            f"{field.name}={settings_of(getattr(part, field.name))}" for field in dataclasses.fields(part)
        )
        return f"{type(part).__name__}({', '.join(fields)})"
    return _ADDRESS.sub("", repr(part))


def _same(before: Any, now: Any) -> bool:
    if isinstance(now, list) and isinstance(before, list):
        return len(now) == len(before) and bool(np.allclose(before, now, rtol=SAME, atol=0.0, equal_nan=True))
    return before == now


def _apart(before: str, now: str, most: int = 60) -> tuple[str, str]:
    """Two texts from shortly before where they begin to differ."""
    first = next(
        (i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now))
    )
    start = max(0, first - most // 2) if max(len(before), len(now)) > most else 0

    def cut(text: str) -> str:
        part = text[start : start + most]
        return ("…" if start else "") + part + ("…" if start + most < len(text) else "")

    return cut(before), cut(now)
