"""Stimuli. A new one is one file and one line here."""

from ._base import AbstractStimulus as AbstractStimulus
from ._from_array import FromArray as FromArray
from ._gaussian import Gaussian as Gaussian
from ._pulse import Pulse as Pulse
from ._pulse_train import PulseTrain as PulseTrain
from ._sine import Sine as Sine
