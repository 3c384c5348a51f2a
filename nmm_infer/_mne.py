"""What MNE-Python holds, as labelled arrays and gain matrices. MNE is not imported for it."""

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

MS_PER_S = 1000.0
PICKED = ("meg", "eeg", "seeg", "ecog")  # what MNE asks of forward solutions


class Kind(NamedTuple):
    """A kind of channel: the unit that MNE has it in, ours, and how many of ours are one of MNE's."""

    unit: str
    factor: float


KINDS = {
    "eeg": Kind("uV", 1e6),
    "seeg": Kind("uV", 1e6),
    "ecog": Kind("uV", 1e6),
    "mag": Kind("fT", 1e15),
    "grad": Kind("fT/cm", 1e13),
}


def is_mne(value: Any) -> bool:
    """Whether `value` is MNE's `Raw`, `Epochs` or `Evoked`."""
    mne = sys.modules.get("mne")
    return mne is not None and isinstance(value, mne.io.BaseRaw | mne.BaseEpochs | mne.Evoked)


def from_mne(instance: Any, *, picks: str | None = None) -> Any:
    """MNE's `Raw`, `Epochs` or `Evoked` as an `xarray.DataArray`: (time, sensor), or of epochs (trial, time,
    sensor).

    Volts become µV, teslas fT, times ms. Channels that are marked as bad are left out, and said in the
    attribute `bads`. Projectors that are not applied yet are. The attribute `reference` is "average" where
    the average reference was: then the gain needs it too, `LeadField(..., average_reference=True)`.

    Args:
        instance: read with MNE; a resting recording is best cut into epochs.
        picks: "eeg", "mag", "grad", "seeg" or "ecog"; None: the only one of these that is there.

    Raises:
        TypeError: something else than these.
        ValueError: no such channels, or several kinds of them.
    """
    import xarray as xr

    if not is_mne(instance):
        raise TypeError(
            f"from_mne(instance=...) got {type(instance).__name__}, expected mne.io.Raw, mne.Epochs or"
            " mne.Evoked"
        )
    kinds = instance.get_channel_types()
    kind = _kind(kinds, picks)
    bads = [name for name in instance.info["bads"] if name in instance.ch_names]
    names = [
        name for name, its in zip(instance.ch_names, kinds, strict=True) if its == kind and name not in bads
    ]
    if not names:
        raise ValueError(f"from_mne(...) found no good {kind} channel; all {len(bads)} are marked as bad")
    # A copy is applied to: the user's own object stays as it is.
    ready = instance.copy()
    if any(not projector["active"] for projector in instance.info["projs"]):
        ready.load_data() if hasattr(ready, "load_data") else None
        ready.apply_proj(verbose="error")
    values = np.asarray(ready.get_data(picks=names), dtype=float) * KINDS[kind].factor
    dims = ("sensor", "time") if values.ndim == 2 else ("trial", "sensor", "time")
    found = xr.DataArray(
        values,
        dims=dims,
        coords={
            "time": ("time", np.asarray(instance.times) * MS_PER_S, {"units": "ms"}),
            "sensor": names,
        },
        name=kind,
        attrs={"units": KINDS[kind].unit, "provenance": f"MNE {type(instance).__name__}", "bads": bads},
    )
    if kind == "eeg" and _is_average_referenced(ready):
        found.attrs["reference"] = "average"
    return found.transpose(*(dim for dim in ("trial", "time", "sensor") if dim in dims))


def sensor_noise(covariance: Any, info: Any, *, picks: str | None = None) -> Any:
    """Standard deviations of sensor noise from an `mne.Covariance`, such as of an empty room or of baselines:
    an `xarray.DataArray` (sensor) in µV or fT, for `Spectral(noise=...)` or a prior's scale.

    Args:
        covariance: of single samples.
        info: of the recording, `evoked.info`, which knows the kinds of the channels.
        picks: as in `from_mne`.

    Raises:
        ValueError: channels of several kinds that `picks` does not choose from.
    """
    import xarray as xr

    types = dict(zip(info["ch_names"], info.get_channel_types(), strict=True))
    bads = {*covariance["bads"], *info["bads"]}
    names = [name for name in covariance.ch_names if name in types and name not in bads]
    places = [covariance.ch_names.index(name) for name in names]
    kinds = [types[name] for name in names]
    kind = _kind(kinds, picks)
    data = np.asarray(covariance.data, dtype=float)
    variances = (np.diag(data) if data.ndim == 2 else data)[places]
    kept = [its == kind for its in kinds]
    return xr.DataArray(
        np.sqrt(variances[kept]) * KINDS[kind].factor,
        dims="sensor",
        coords={"sensor": [name for name, keep in zip(names, kept, strict=True) if keep]},
        name="noise",
        attrs={"units": KINDS[kind].unit},
    )


def gain_of_forward(
    forward: Any, parcels: Sequence[Any] | Mapping[str, Any], orientation: Any = None, *, picks: str = "eeg"
) -> Any:
    """Gain of parcels from MNE's forward solution; `LeadField.from_forward` says what it takes.

    Returns:
        `xarray.DataArray` (sensor, region) in V/(A m) or T/(A m), with the `coherence` of each region.
    """
    import mne  # pyright: ignore[reportMissingImports]
    import xarray as xr

    if orientation is None and any(space["type"] == "vol" for space in forward["src"]):
        raise ValueError(
            "LeadField.from_forward(...): the sources fill a volume and have no normal; pass orientation=, a"
            " direction [x, y, z] or one for each source"
        )
    if picks not in KINDS:
        raise ValueError(f"picks={picks!r} is unknown; expected one of {', '.join(KINDS)}")
    wanted: Any = {"meg": picks if picks in ("mag", "grad") else False, picks: True}
    kinds = {name: wanted.get(name, False) for name in PICKED}
    chosen = mne.pick_types_forward(forward, exclude="bads", **kinds)
    free = mne.convert_forward_solution(chosen, surf_ori=False, force_fixed=False, verbose="error")
    columns = np.asarray(free["sol"]["data"], dtype=float)
    n = columns.shape[1] // 3
    directions = _directions(chosen, orientation, n)
    fixed = np.einsum("snd,nd->sn", columns.reshape(len(columns), n, 3), directions)
    members = _members(chosen, parcels)
    names = list(members)
    gain = np.stack([fixed[:, index].mean(axis=1) for index in members.values()], axis=1)
    coherence = [float(np.linalg.norm(directions[index].mean(axis=0))) for index in members.values()]
    unit = {"mag": "T/(A m)", "grad": "T/m/(A m)"}.get(picks, "V/(A m)")
    return xr.DataArray(
        gain,
        dims=("sensor", "region"),
        coords={
            "sensor": list(free["sol"]["row_names"]),
            "region": names,
            "coherence": ("region", coherence, {"units": "1"}),
        },
        name="gain",
        attrs={"units": unit},
    )


def _kind(kinds: Sequence[str], picks: str | None) -> str:
    present = [kind for kind in KINDS if kind in kinds]
    if picks is not None and picks not in KINDS:
        raise ValueError(f"picks={picks!r} is unknown; expected one of {', '.join(KINDS)}")
    if picks is not None and picks not in present:
        raise ValueError(
            f"picks={picks!r}: there are only {', '.join(present) or 'no channels of brain data'}"
        )
    if picks is None and len(present) != 1:
        raise ValueError(
            f"there are channels of {', '.join(present) or 'no brain data'}; expected one kind: pass picks=,"
            f" one of {', '.join(KINDS)}"
        )
    return picks or present[0]


def _is_average_referenced(instance: Any) -> bool:
    if any("average" in str(projector["desc"]).lower() for projector in instance.info["projs"]):
        return True
    if not instance.info["custom_ref_applied"]:
        return False
    data = instance.get_data(picks="eeg")
    mean = np.abs(data.mean(axis=-2)).max()
    return bool(mean <= 1e-6 * np.abs(data).max())


def _directions(forward: Any, orientation: Any, n: int) -> Float[np.ndarray, "source 3"]:
    """Unit vectors of the dipoles, in the coordinates of the forward solution."""
    if orientation is None:
        found = np.concatenate([space["nn"][space["vertno"]] for space in forward["src"]]).astype(float)
    else:
        given = np.asarray(orientation, dtype=float)
        if given.shape not in ((3,), (n, 3)) or not np.all(np.isfinite(given)):
            raise ValueError(
                f"LeadField.from_forward(orientation=...) got the shape {given.shape}, expected a direction"
                f" [x, y, z] or one for each of the {n} sources"
            )
        found = np.broadcast_to(given, (n, 3))
    length = np.linalg.norm(found, axis=1, keepdims=True)
    if np.any(length == 0):
        raise ValueError("LeadField.from_forward(orientation=...) got a direction of length zero")
    return found / length


def _members(forward: Any, parcels: Sequence[Any] | Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Columns of the forward solution by parcel."""
    spaces = forward["src"]
    total = sum(int(space["nuse"]) for space in spaces)
    if isinstance(parcels, Mapping):
        found = {str(name): _sources(name, index, total) for name, index in parcels.items()}
    elif hasattr(parcels, "hemi") or not all(hasattr(label, "hemi") for label in parcels):
        raise TypeError(
            "LeadField.from_forward(parcels=...) expected a list of mne.Label, or a dictionary, name of a"
            " region → numbers of its sources"
        )
    else:
        found = _of_labels(spaces, parcels)
    empty = [name for name, index in found.items() if not len(index)]
    if empty:
        warnings.warn(
            f"LeadField.from_forward(...): no source lies in {', '.join(empty[:5])}"
            f"{' and others' if len(empty) > 5 else ''}; they are left out, a finer source space would have"
            " some",
            stacklevel=4,
        )
    found = {name: index for name, index in found.items() if len(index)}
    if not found:
        raise ValueError("LeadField.from_forward(parcels=...): none of the parcels has a source in it")
    return found


def _sources(name: Any, index: Any, total: int) -> np.ndarray:
    """Numbers of sources, from numbers or from a mask of all."""
    given = np.atleast_1d(np.asarray(index))
    if given.dtype == bool and given.shape == (total,):
        return np.flatnonzero(given)
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(
            f"LeadField.from_forward(parcels=...): {name!r} got {given.dtype} of shape {given.shape},"
            f" expected numbers of sources, or a mask of all {total}"
        )
    found = np.unique(given.astype(int))
    if found.size and (found[0] < 0 or found[-1] >= total):
        raise ValueError(
            f"LeadField.from_forward(parcels=...): {name!r} names sources beyond the {total} that there are"
        )
    return found


def _of_labels(spaces: Any, labels: Sequence[Any]) -> dict[str, np.ndarray]:
    """Sources inside labels, each on the surface of its own hemisphere."""
    kinds = {101: "lh", 102: "rh"}  # FIFFV_MNE_SURF_LEFT_HEMI and _RIGHT_HEMI
    first, at = {}, 0
    for space in spaces:
        first[kinds.get(int(space["id"]), "")] = (at, space)
        at += int(space["nuse"])
    found: dict[str, np.ndarray] = {}
    for label in labels:
        if label.hemi not in ("lh", "rh") or label.name in found:
            raise ValueError(
                f"LeadField.from_forward(parcels=...) got the label {label.name!r}"
                f" {'twice' if label.name in found else 'of both hemispheres'}; expected one of each name, on"
                " one hemisphere"
            )
        if label.hemi not in first:
            found[label.name] = np.zeros(0, dtype=int)
            continue
        start, space = first[label.hemi]
        subject = space.get("subject_his_id")
        if label.subject and subject and label.subject != subject:
            raise ValueError(
                f"LeadField.from_forward(parcels=...): the label {label.name!r} is of {label.subject}, the"
                f" forward solution of {subject}; morph it, label.morph(subject_to={subject!r})"
            )
        found[label.name] = start + np.flatnonzero(np.isin(space["vertno"], label.vertices))
    return found
