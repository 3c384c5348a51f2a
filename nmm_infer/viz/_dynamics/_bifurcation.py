"""A branch of fixed points, what the network does around it, and where the posterior lies."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ...units import factor
from .._style import ALERT, CHAINS, INK, POSTERIOR, legend, single, title_of

# How each kind of special point is drawn.
MARKS = {"fold": ("s", "fold"), "hopf": ("o", "Hopf"), "branch point": ("D", "branch point")}
# Share of the height that the posterior takes, below everything else.
STRIP = 0.18
# Share of the width below which a histogram gets a mark.
NARROW = 0.02


def bifurcation(
    branch: Any,
    sweep: Any = None,
    posterior: Any = None,
    ax: Axes | None = None,
    *,
    state: str | None = None,
    region: str | None = None,
) -> Axes:
    """Fixed points over a parameter, solid where stable and dashed where not, with special points.

    Args:
        branch: `Dataset` of `nmm.dynamics.continuation`, or a list of them.
        sweep: `Dataset` of `nmm.dynamics.sweep` in the same parameter: minimum and maximum as dots, filled on
            the way up, open on the way down.
        posterior: draws of that parameter, a `DataArray` such as `posterior["model.mu"]`, or the dataset that
            has it: a histogram along the axis shows where the posterior lies relative to the bifurcations. In
            its own unit, if it has one.
        state: name of the state on the vertical axis; None: the observable.
        region: label; None: the mean over regions.
    """
    branches = list(branch) if isinstance(branch, list | tuple) else [branch]
    if not branches or any("special_kind" not in one for one in branches):
        raise ValueError(
            "bifurcation(branch) expected the dataset of nmm.dynamics.continuation, or a list of them"
        )
    first = branches[0]
    ax = single(ax, (5.6, 3.8), "bifurcation")
    for one in branches:
        _line(ax, one, *(_vertical(one, prefix, state, region) for prefix in ("", "special_")))
    _special(ax, branches, state, region)
    if sweep is not None:
        _sweep(ax, first, sweep, state, region)
    low, high = ax.get_xlim()
    parameter = first["parameter"]
    unit = parameter.attrs["units"]
    name = parameter.attrs["long_name"]
    ax.set(xlabel=f"{name} ({unit})" if unit != "1" else name, ylabel=_label(first, state))
    if posterior is not None:
        _posterior(ax, first, posterior)
    ax.set_xlim(low, high)
    ax.set_title(region or first.attrs["model"])
    legend(ax, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def _label(branch: Any, state: str | None) -> str:
    if state is None:
        return title_of(branch["observable"].rename(branch["observable"].attrs["long_name"]))
    unit = str(branch["state_unit"].sel(state=state).values)
    return f"{state} ({unit})" if unit != "1" else state


def _vertical(branch: Any, prefix: str, state: str | None, region: str | None) -> np.ndarray:
    names = [str(name) for name in branch["state"].values]
    if state is not None and state not in names:
        raise ValueError(f"bifurcation(state={state!r}) is unknown; the branch has {', '.join(names)}")
    data = (
        branch[f"{prefix}observable"]
        if state is None
        else branch[f"{prefix}value"].isel(state=names.index(state))
    )
    return np.asarray(_of_region(data, region).values)


def _of_region(data: Any, region: str | None) -> Any:
    if region is None:
        return data.mean("region")
    labels = [str(label) for label in data["region"].values]
    if region not in labels:
        raise ValueError(
            f"bifurcation(region={region!r}) is unknown; regions start with {', '.join(labels[:5])}"
        )
    return data.isel(region=labels.index(region))


def _line(ax: Axes, branch: Any, y: np.ndarray, special: np.ndarray) -> None:
    """The branch in pieces of one stability, that meet at the special points."""
    x, stable = np.asarray(branch["parameter"].values), np.asarray(branch["stable"].values)
    after = np.asarray(branch["special_step"].values) + 1
    x, y = np.insert(x, after, branch["special_parameter"].values), np.insert(y, after, special)
    # A special point belongs to both sides.
    where = np.insert(np.arange(len(stable), dtype=float), after, after - 0.5)
    begin = 0
    for i in [*np.flatnonzero(stable[1:] != stable[:-1]), len(stable) - 1]:
        piece = (where >= begin - 0.5) & (where <= i + 0.5)
        known = ax.get_legend_handles_labels()[1]
        label = "stable" if stable[i] else "unstable"
        ax.plot(
            x[piece],
            y[piece],
            color=INK,
            lw=1.6 if stable[i] else 1.0,
            ls="-" if stable[i] else "--",
            label=None if label in known else label,
        )
        begin = i + 1


def _special(ax: Axes, branches: list[Any], state: str | None, region: str | None) -> None:
    for kind, (marker, label) in MARKS.items():
        for one in branches:
            which = np.asarray(one["special_kind"].values) == kind
            if which.any():
                x, y = (
                    np.asarray(one["special_parameter"].values)[which],
                    _vertical(one, "special_", state, region)[which],
                )
                known = ax.get_legend_handles_labels()[1]
                ax.plot(
                    x,
                    y,
                    marker,
                    color=ALERT,
                    ms=6,
                    mec="white",
                    mew=0.8,
                    zorder=6,
                    label=None if label in known else label,
                )


def _sweep(ax: Axes, branch: Any, sweep: Any, state: str | None, region: str | None) -> None:
    shown = state or branch["observable"].attrs["long_name"]
    if sweep.attrs.get("parameter") != branch.attrs["parameter"] or sweep.attrs.get("variable") != shown:
        raise ValueError(
            f"bifurcation(sweep) got {sweep.attrs.get('variable')} over {sweep.attrs.get('parameter')},"
            f" expected {shown} over {branch.attrs['parameter']}; run nmm.dynamics.sweep with the same"
            f" parameter and variable={shown!r}"
        )
    for direction, face in (("up", POSTERIOR), ("down", "none")):
        if direction not in sweep["direction"].values:
            continue
        way = sweep.sel(direction=direction)
        for name in ("minimum", "maximum"):
            ax.plot(
                way["parameter"].values,
                _of_region(way[name], region).values,
                "o",
                ms=3 if direction == "up" else 5,
                mfc=face,
                mec=POSTERIOR if direction == "up" else CHAINS[1],
                mew=0.8,
                label=f"range, {direction}" if name == "minimum" else None,
            )


def _posterior(ax: Axes, branch: Any, posterior: Any) -> None:
    import xarray as xr

    name = branch.attrs["parameter"]
    if isinstance(posterior, xr.DataTree):
        posterior = posterior.to_dataset()
    if isinstance(posterior, xr.Dataset):
        if name not in posterior:
            raise ValueError(
                f"bifurcation(posterior) has no {name}; it has {', '.join(map(str, posterior.data_vars))}"
            )
        posterior = posterior[name]
    unit = branch["parameter"].attrs["units"]
    own = str(posterior.attrs.get("units", unit)) if isinstance(posterior, xr.DataArray) else unit
    draws = np.asarray(posterior).ravel() * (
        1.0 if own == unit else factor(own, unit, "bifurcation(posterior)")
    )
    counts, edges = np.histogram(draws, bins=40)
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    # Room below, so that the histogram hides nothing.
    bottom -= STRIP * (top - bottom)
    ax.set_ylim(bottom, top)
    ax.stairs(
        counts / counts.max() * 0.9 * STRIP,
        edges,
        fill=True,
        color=POSTERIOR,
        alpha=0.5,
        lw=0,
        transform=ax.get_xaxis_transform(),
        label="posterior",
    )
    if edges[-1] - edges[0] < NARROW * (right - left):  # too narrow to be seen
        middle = float(np.median(draws))
        ax.axvline(middle, color=POSTERIOR, lw=0.8, alpha=0.7, zorder=0)
        ax.plot(middle, 0.5 * STRIP, "v", color=POSTERIOR, ms=7, transform=ax.get_xaxis_transform())
