"""Stimuli. A new one is one file and one line here."""

from .base import AbstractStimulus as AbstractStimulus
from .from_array import FromArray as FromArray
from .gaussian import Gaussian as Gaussian
from .pulse import Pulse as Pulse
from .pulse_train import PulseTrain as PulseTrain
from .sine import Sine as Sine
