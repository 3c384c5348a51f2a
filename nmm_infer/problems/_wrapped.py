"""Problems that are another one, but for the data that they are conditioned on."""

import abc
from typing import Any

import equinox as eqx

from ._base import AbstractProblem


class AbstractWrapped(AbstractProblem):
    """`problem` with bound data of another form; what a wrapper does not say itself, `problem` says."""

    problem: eqx.AbstractVar[AbstractProblem]

    @abc.abstractmethod
    def inner(self, bound: Any) -> Any:
        """The bound data of `problem` in those of the wrapper."""

    @property
    def divisible(self):
        return self.problem.divisible

    def prior(self, bound):
        self.problem.prior(self.inner(bound))

    def log_likelihood(self, sites, bound):
        return self.problem.log_likelihood(sites, self.inner(bound))

    def rest(self, sites, bound):
        return self.problem.rest(sites, self.inner(bound))

    def failure(self, sites, bound):
        return self.problem.failure(sites, self.inner(bound))

    def summaries(self, bound):
        return self.problem.summaries(self.inner(bound))

    def site_dims(self, bound):
        return self.problem.site_dims(self.inner(bound))

    def coords(self, bound):
        return self.problem.coords(self.inner(bound))

    def observed_data(self, bound):
        return self.problem.observed_data(self.inner(bound))

    def constant_data(self, bound):
        return self.problem.constant_data(self.inner(bound))

    def fingerprint(self, bound):
        return self.problem.fingerprint(self.inner(bound))

    def units(self):
        return self.problem.units()

    def shared_scales(self):
        return self.problem.shared_scales()

    def about(self):
        return self.problem.about()
