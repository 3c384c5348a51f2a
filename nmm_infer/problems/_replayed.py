"""A problem that other data are put into without an engine noticing."""

from typing import Any, NamedTuple

import equinox as eqx

from ._base import AbstractProblem
from ._wrapped import AbstractWrapped


class Replay(NamedTuple):
    """Numbers to be replayed, like `problem.values(bound)`."""

    values: Any


class Shelf:
    """Where the data lie that are replayed; compared by identity."""

    def __init__(self, bound: Any, values: Any):
        self.bound = bound
        self.values = values


class Replayed(AbstractWrapped):
    """`problem`, whose bound data are always the same object, with the numbers of the last `Replay` that was bound.

    Programs that an engine compiled for one data set serve it for the next, for it recognises a problem and its data by identity. One
    data set at a time: they lie on a shelf that is not copied.
    """

    problem: AbstractProblem
    shelf: Shelf = eqx.field(static=True)

    def __init__(self, problem: AbstractProblem, bound: Any):
        self.problem = problem
        self.shelf = Shelf(bound, problem.values(bound))

    def bind(self, data):
        if not isinstance(data, Replay):
            return self.problem.bind(data)
        self.shelf.values = data.values
        return self.shelf.bound

    def inner(self, bound):
        return bound

    def values(self, bound):
        return self.shelf.values

    def model(self, data):
        self.problem.model(data)

    def with_values(self, bound, values):
        return self.problem.with_values(bound, values)

    def replicate(self, key, sites, bound):
        return self.problem.replicate(key, sites, bound)
