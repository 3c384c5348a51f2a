"""Draws the pictures of the docs into `docs/images`.

    python docs/figures.py                    # all but demo.png
    python docs/figures.py blocks             # blocks.png
    python docs/figures.py jansen_rit hopf    # images/models/jansen_rit.png and hopf.png
    python docs/figures.py posterior.nc       # demo.png, from the result of `nmm-infer demo`

The pictures of the models come from the scripts in `docs/hallmarks`; what was drawn of them is also put
together on one sheet in a temporary folder, to be looked at.
"""

import ast
import graphlib
import io
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import nmm_infer as nmm

IMAGES = Path(__file__).parent / "images"
HALLMARKS = Path(__file__).parent / "hallmarks"
LARGEST = 60_000  # bytes of a picture of a model


def blocks() -> None:
    """How delayed messages are read in blocks, and what comes back: for one receiver, then for one sender."""
    length = 8
    delays = {"A": 9, "B": 14, "C": 22, "D": 27}
    colours = dict(zip(delays, plt.get_cmap("tab10").colors, strict=False))  # pyright: ignore[reportAttributeAccessIssue]
    figure, panels = plt.subplots(1, 2, figsize=(13, 3.9), layout="constrained")
    lanes = {name: 4 - i for i, name in enumerate(delays)}

    def bar(
        axes: Any, x: float, y: float, width: float, colour: Any, **style: Any
    ) -> None:
        axes.add_patch(
            plt.Rectangle((x, y - 0.3), width, 0.6, facecolor=colour, **style)
        )

    def arrow(
        axes: Any, start: tuple[float, float], end: tuple[float, float], colour: Any
    ) -> None:
        axes.annotate(
            "",
            end,
            start,
            arrowprops={
                "arrowstyle": "->",
                "color": colour,
                "lw": 1.6,
                "connectionstyle": "arc3,rad=0.15",
            },
        )

    there, back = panels
    there.set_title("Forward: what arrives in one block", loc="left")
    back.set_title("Backward: what one block's messages caused", loc="left")
    for axes, sign, lane in (
        (there, -1, "past of what each region sent"),
        (back, 1, "record of the inputs' cotangents"),
    ):
        axes.axvspan(0, length, color="0.93", zorder=0)
        axes.text(length / 2, 5.05, "block", ha="center", va="bottom")
        bar(axes, 0, 0, length, "0.35")
        for name, y in lanes.items():
            # The past ends where the block begins; the record begins where the block ends.
            bar(axes, *((-30.0, y, 30.0) if sign < 0 else (length, y, 30.0)), "0.82")
            start = sign * delays[name]
            bar(axes, start, y, length, colours[name])
            axes.text(
                start + length / 2,
                y,
                f"delay {delays[name]}",
                ha="center",
                va="center",
                color="white",
                fontsize=8,
            )
            arrow(
                axes,
                (start + (length if sign < 0 else 0), y),
                (length / 2, 0.35),
                colours[name],
            )
        axes.text(
            -15 if sign < 0 else length + 15,
            5.05,
            lane,
            ha="center",
            va="bottom",
            color="0.4",
        )
        axes.set(
            xlabel="steps from the beginning of the block",
            ylim=(-0.8, 5.7),
            xlim=(-32, 40) if sign < 0 else (-10, 40),
        )
        axes.spines[["top", "right", "left"]].set_visible(False)
    there.set_xlim(-32, 14)
    there.set_yticks(
        [0, *lanes.values()], ["inputs of R", *(f"sent by {name}" for name in lanes)]
    )
    there.text(
        length / 2,
        -0.42,
        "weighted sum, then step by step",
        ha="center",
        va="top",
        fontsize=8,
    )
    back.text(
        length / 2,
        -0.42,
        "cotangents of the messages of S",
        ha="center",
        va="top",
        fontsize=8,
    )
    back.set_yticks(
        [0, *lanes.values()], ["sent by S", *(f"inputs of {name}" for name in lanes)]
    )
    for axes in panels:
        axes.tick_params(axis="y", length=0)
    figure.savefig(IMAGES / "blocks.png", dpi=110)


def imported() -> dict[str, set[str]]:
    """Of each room of the package the others that its files import, early or late."""
    package = Path(nmm.__file__).parent
    rooms: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        if parts == ("__init__",):
            continue
        found = rooms.setdefault(parts[0], set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == len(parts):
                found |= (
                    {node.module.split(".")[0]}
                    if node.module
                    else {alias.name for alias in node.names}
                )
    return {room: others & set(rooms) - {room} for room, others in rooms.items()}


def layers() -> None:
    """The rooms of the package in storeys: each imports only from below."""
    rooms, storeys = imported(), []
    sorter = graphlib.TopologicalSorter(rooms)
    sorter.prepare()
    while sorter.is_active():
        storeys.append(sorted(sorter.get_ready(), key=lambda room: room.strip("_")))
        sorter.done(*storeys[-1])
    figure, axes = plt.subplots(figsize=(9, 0.46 * len(storeys)), layout="constrained")
    for height, storey in enumerate(storeys):
        for place, room in enumerate(storey):
            left, width = place / len(storey), 1 / len(storey)
            colour = "0.9" if room.startswith("_") else "#c5cae9"
            axes.add_patch(
                plt.Rectangle(
                    (left + 0.004, height + 0.08), width - 0.008, 0.84, facecolor=colour
                )
            )
            axes.text(
                left + width / 2,
                height + 0.5,
                room,
                ha="center",
                va="center",
                fontsize=10,
            )
    axes.set(xlim=(0, 1), ylim=(0, len(storeys)))
    axes.set_axis_off()
    figure.savefig(IMAGES / "layers.png", dpi=110)


def demo(result: Path) -> None:
    """The brain coloured by its inferred time constants."""
    posterior = nmm.load(result)["posterior"]
    median = posterior["model.tau"].median(("chain", "draw"))
    panels = nmm.viz.brain(
        median, nmm.datasets.cortex_centres().values, label="time constant (s)"
    )
    np.ravel(panels)[0].figure.savefig(
        IMAGES / "demo.png", dpi=130, bbox_inches="tight"
    )


def hallmark(stem: str) -> Path:
    """What `docs/hallmarks/STEM.py` leaves as the current figure."""
    plt.close("all")
    runpy.run_path(str(HALLMARKS / f"{stem}.py"))
    if not plt.get_fignums():
        raise RuntimeError(
            f"docs/hallmarks/{stem}.py left no figure; it must end with a current matplotlib figure that is"
            " not closed"
        )
    buffer = io.BytesIO()
    plt.savefig(buffer, dpi=100, bbox_inches="tight", metadata={"Software": None})
    path = IMAGES / "models" / f"{stem}.png"
    # A palette of 128 colours is plenty for lines and text, and a third of the size.
    Image.open(buffer).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
    if path.stat().st_size > LARGEST:
        raise RuntimeError(
            f"{path.name} has {path.stat().st_size} bytes, at most {LARGEST} are wanted; draw less, or a"
            " smaller figure"
        )
    return path


def sheet(paths: list[Path]) -> Path:
    """The pictures with their names, three in a row, in a temporary folder."""
    rows = -(-len(paths) // 3)
    figure, axes = plt.subplots(
        rows, 3, figsize=(21, 3.4 * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, path in zip(axes.flat, paths, strict=False):
        ax.imshow(plt.imread(path))
        ax.set_title(path.stem, fontsize=12)
    out = Path(tempfile.mkdtemp()) / "hallmarks.png"
    figure.savefig(out, dpi=80)
    return out


PICTURES = {f.__name__: f for f in (blocks, layers)}


def main(names: list[str]) -> None:
    known = sorted(path.stem for path in HALLMARKS.glob("*.py"))
    unknown = [
        name
        for name in names
        if name not in (*PICTURES, *known) and not name.endswith(".nc")
    ]
    if unknown:
        raise SystemExit(
            f"no picture is called {', '.join(unknown)}; there are {', '.join((*PICTURES, *known))}, and"
            " demo.png is drawn from a posterior.nc"
        )
    (IMAGES / "models").mkdir(parents=True, exist_ok=True)
    drawn = [hallmark(name) for name in known if not names or name in names]
    for name, draw in PICTURES.items():
        if not names or name in names:
            draw()
    for name in names:
        if name.endswith(".nc"):
            demo(Path(name))
    if drawn:
        print(f"{len(drawn)} pictures of models; all on one sheet: {sheet(drawn)}")


if __name__ == "__main__":
    matplotlib.use("Agg")
    main(sys.argv[1:])
