"""Who takes part, and what each needs installed."""

from typing import NamedTuple


class Contestant(NamedTuple):
    """`worker` is a module of `benchmarks.workers`; `packages` are installed for it, none: it runs where we
    run.
    """

    name: str
    worker: str
    variant: str
    packages: tuple[str, ...] = ()


# The first is what the others are measured against.
CONTESTANTS = (
    Contestant("nmm_infer", "ours", "default"),
    Contestant("nmm_infer, adjoints.Stored()", "ours", "stored"),
    Contestant("nmm_infer, adjoints.Forward()", "ours", "forward"),
    Contestant("hand-written scan, ring buffer", "by_hand", "ring"),
    Contestant("hand-written scan, no delays", "by_hand", "instant"),
    Contestant("tvboptim, roll", "tvboptim", "roll", ("tvboptim",)),
    Contestant("tvboptim, circular", "tvboptim", "circular", ("tvboptim",)),
    # It imports tqdm without asking for it.
    Contestant("vbjax", "vbjax", "default", ("vbjax", "tqdm")),
    Contestant("brainmass", "brainmass", "default", ("brainmass",)),
    Contestant("neurolib", "neurolib", "default", ("neurolib",)),
    Contestant("TVB, numba backend", "tvb", "numba", ("tvb-library",)),
    Contestant("TVB, reference", "tvb", "reference", ("tvb-library",)),
)


def chosen(only: str | None) -> tuple[Contestant, ...]:
    """Those whose worker is named in `only`, comma-separated; None: all.

    Raises:
        ValueError: names the workers that there are.
    """
    if only is None:
        return CONTESTANTS
    names = [name.strip() for name in only.split(",")]
    known = tuple(dict.fromkeys(contestant.worker for contestant in CONTESTANTS))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"--only got {', '.join(unknown)}, expected some of {','.join(known)}")
    return tuple(contestant for contestant in CONTESTANTS if contestant.worker in names)
