"""Likelihoods. A new one is one file and one line here."""

from .base import AbstractLikelihood as AbstractLikelihood
from .base import AbstractObserved as AbstractObserved
from .gaussian import Gaussian as Gaussian
from .recording import Recording as Recording
from .recording import read_recording as read_recording
from .spectral import Spectral as Spectral
from .student_t import StudentT as StudentT
