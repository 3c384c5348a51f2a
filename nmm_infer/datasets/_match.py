"""Regions of two sources, brought together by their names."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp

from .._labelled import is_dataarray, is_table
from .._networks._connectome import Connectome
from .._signal import Signal
from .._tools import _html as html

# How atlases write a hemisphere: parted from the name at its beginning (lh.cuneus, ctx-lh-cuneus,
# Left-Hippocampus, 7Networks_LH_Vis_1) or its end (Precentral_L).
_PARTS = re.compile(r"[\s._\-()/]+|(?<=[a-z])(?=[A-Z])")
_SIDES = {"l": "L", "lh": "L", "left": "L", "r": "R", "rh": "R", "right": "R"}
SHOWN = 8


class Pair(NamedTuple):
    """A region of the connectome, the region of the data that it is, and how that is known."""

    connectome: str
    data: str
    how: str


@dataclasses.dataclass(frozen=True)
class Match:
    """Which regions of a connectome and of data are the same; print it.

    Attributes:
        pairs: of regions that both have, in the connectome's order.
        only_connectome, only_data: labels that have no counterpart.
        connectome: the connectome of the regions that both have.
        data: the data of the same, in the same order, under the connectome's labels.
    """

    pairs: tuple[Pair, ...]
    only_connectome: tuple[str, ...]
    only_data: tuple[str, ...]
    connectome: Connectome
    data: Any

    def __str__(self) -> str:
        counts = {how: sum(pair.how == how for pair in self.pairs) for how in _kinds(self.pairs)}
        lines = [
            f"{len(self.pairs)} regions matched: "
            + ", ".join(f"{count} {how}" for how, count in counts.items())
        ]
        for name, left in (("connectome", self.only_connectome), ("data", self.only_data)):
            if left:
                lines.append(f"left out of the {name} ({len(left)}): {_some(left)}")
        renamed = [pair for pair in self.pairs if pair.connectome != pair.data]
        if renamed:
            width = max(len(pair.connectome) for pair in renamed[:SHOWN])
            lines += [f"  {pair.connectome:<{width}} = {pair.data}  ({pair.how})" for pair in renamed[:SHOWN]]
            if len(renamed) > SHOWN:
                lines.append(f"  … and {len(renamed) - SHOWN} more in .pairs")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        first = str(self).split("\n  ", 1)[0]
        table = html.rows(("connectome", "data", "matched"), self.pairs)
        return f"{html.heading('Match', first)}{html.folded('All regions', table)}"


def match(
    connectome: Connectome, data: Any, *, table: Mapping[str, str] | None = None, in_order: bool = False
) -> Match:
    """Finds out which regions of `data` are which of the connectome, and gives both without the others.

    By the same name; else by `table`; else by the same words with the hemisphere written in another way:
    `L.cuneus`, `lh_cuneus`, `ctx-lh-cuneus`, `Left Cuneus` and `Cuneus_L` are one region. Capitals and what
    parts words do not count. A name that could be two regions is none.

    Args:
        connectome: with labels; one without (`0`, `1`, …) takes those of the data by `in_order`.
        data: an `xarray.DataArray` (time, region), a `pandas.DataFrame` with a column for each region, or a
            `Signal`, with labels.
        table: the data's label → the connectome's, for names that no rule can know.
        in_order: the connectome has no labels, and its rows are the data's regions in the data's order. Only
            you can know that: look it up in the atlas's own table.

    Returns:
        `Match`: `match(...).connectome` and `.data` go into a network and an engine.

    Raises:
        ValueError: no labels where they are needed, an unknown name in `table`, or nothing in common.
    """
    signal = data if isinstance(data, Signal) else Signal.of(data)
    labels = dict(zip(signal.dims, signal.labels, strict=True)).get("region", ())
    if not labels:
        raise ValueError(
            "match(data=...) got regions without labels; expected a DataArray with the coordinate 'region',"
            " or a DataFrame with a column for each"
        )
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise ValueError(f"match(data=...) got labels that come twice: {_some(repeated)}")
    counted = connectome.labels == tuple(str(i) for i in range(connectome.n_regions))
    if in_order:
        if not counted:
            raise ValueError(
                f"match(in_order=True) got a connectome with labels of its own, {_some(connectome.labels)};"
                " leave in_order out, or pass table="
            )
        connectome = _labelled(connectome, labels)
        pairs = [Pair(label, label, "by position") for label in labels]
    else:
        # Numbers from 0 are no names: those of the data, such as Brodmann's, are other regions.
        if counted and set(connectome.labels) != set(labels):
            raise ValueError(
                f"match(connectome=...) got one without labels, and data of {len(labels)} regions,"
                f" {_some(labels)}; pass the labels when it is read (labels=[...]), or in_order=True if its"
                " rows are these regions in this order"
            )
        pairs = _pairs(connectome.labels, labels, dict(table or {}))
    if not pairs:
        raise ValueError(
            f"match(...) found no region that both have: the connectome has {_some(connectome.labels)}, the"
            f" data have {_some(labels)}; pass table={{the data's label: the connectome's}}"
        )
    mine, theirs = {pair.connectome for pair in pairs}, {pair.data for pair in pairs}
    return Match(
        tuple(pairs),
        tuple(label for label in connectome.labels if label not in mine),
        tuple(label for label in labels if label not in theirs),
        connectome.select([pair.connectome for pair in pairs]),
        _selected(data, signal, [list(labels).index(pair.data) for pair in pairs], pairs),
    )


def words(label: str) -> tuple[str, ...] | None:
    """What a label says: the hemisphere as L or R, if it says one, then its words without capitals; None
    where it says two, or hides one.

    `lh`, `rh`, `left` and `right` are a hemisphere wherever they stand, `l` and `r` alone at the beginning or
    the end: between words they may be a rostral or a lateral part.
    """
    parts = [part.lower() for part in _PARTS.split(label) if part and part.lower() != "hemisphere"]
    if parts[:1] == ["ctx"]:
        del parts[0]
    last = len(parts) - 1
    at = [i for i, part in enumerate(parts) if part in _SIDES and (len(part) > 1 or i in (0, last))]
    if len({_SIDES[parts[i]] for i in at}) > 1 or len(at) > 1:
        return None
    kept = [part for i, part in enumerate(parts) if i not in at]
    # Words may be parted or not (superior frontal, superiorfrontal), numbers may not: 1_1 is not 11.
    name = re.sub(r"(?<!\d) | (?!\d)", "", " ".join(kept))
    return (*(_SIDES[parts[i]] for i in at), name)


def _pairs(mine: tuple[str, ...], theirs: tuple[str, ...], table: dict[str, str]) -> list[Pair]:
    for label, target in table.items():
        for name, known, whose in ((label, theirs, "data"), (target, mine, "connectome")):
            if name not in known:
                raise ValueError(
                    f"match(table=...) names {name!r}, which the {whose} have not; they have {_some(known)}"
                )
    twice = sorted({target for target in table.values() if list(table.values()).count(target) > 1})
    if twice:
        raise ValueError(f"match(table=...) gives {_some(twice)} to several regions of the data")
    found = {target: Pair(target, label, "by the table") for label, target in table.items()}
    taken = set(table)
    for label in mine:
        if label in theirs and label not in taken and label not in found:
            found[label] = Pair(label, label, "by the same name")
            taken.add(label)
    rest = [label for label in theirs if label not in taken]
    for label in (label for label in mine if label not in found):
        if words(label) is None:
            continue
        alike = [other for other in rest if words(other) == words(label)]
        rivals = [other for other in mine if other not in found and words(other) == words(label)]
        if len(alike) == 1 and len(rivals) == 1:
            found[label] = Pair(label, alike[0], "by hemisphere and words")
    return [found[label] for label in mine if label in found]


def _labelled(connectome: Connectome, labels: tuple[str, ...]) -> Connectome:
    if connectome.n_regions != len(labels):
        raise ValueError(
            f"match(in_order=True) got a connectome of {connectome.n_regions} regions and data of"
            f" {len(labels)}; expected as many"
        )
    return connectome.replace(labels=labels)


def _selected(data: Any, signal: Signal, places: list[int], pairs: list[Pair]) -> Any:
    """The data of some regions under new labels, as the kind of thing that they were."""
    names = [pair.connectome for pair in pairs]
    if is_dataarray(data):
        return data.isel(region=places).assign_coords(region=names)
    if is_table(data):
        return data.iloc[:, places].set_axis(names, axis=1)
    axis = signal.dims.index("region")
    labels = tuple(tuple(names) if i == axis else given for i, given in enumerate(signal.labels))
    return signal.with_values(jnp.take(signal.values, jnp.asarray(places), axis=axis), labels=labels)


def _kinds(pairs: tuple[Pair, ...]) -> list[str]:
    return list(dict.fromkeys(pair.how for pair in pairs))


def _some(labels: Any) -> str:
    few = ", ".join(list(labels)[:SHOWN])
    return few + (f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else "")
