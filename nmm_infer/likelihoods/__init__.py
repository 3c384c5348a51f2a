"""Likelihoods. A new one is one file and one line here."""

from .ar1 import AR1 as AR1
from .base import AbstractLikelihood as AbstractLikelihood
from .base import AbstractObserved as AbstractObserved
from .covariance import Covariance as Covariance
from .covariance_forms import AbstractForm as AbstractForm
from .covariance_forms import AsCorrelation as AsCorrelation
from .covariance_forms import AsCovariance as AsCovariance
from .estimators import AbstractEstimator as AbstractEstimator
from .estimators import Multitaper as Multitaper
from .estimators import Neighbours as Neighbours
from .extended_kalman import ExtendedKalman as ExtendedKalman
from .failure import Failure as Failure
from .feature_forms import AbstractFeature as AbstractFeature
from .feature_forms import FisherZ as FisherZ
from .feature_forms import Log as Log
from .feature_forms import Plain as Plain
from .feature_forms import Quantiles as Quantiles
from .features import Features as Features
from .gaussian import Gaussian as Gaussian
from .latent_path import LatentPath as LatentPath
from .matrix import CovarianceMatrix as CovarianceMatrix
from .recording import Recording as Recording
from .recording import read_recording as read_recording
from .spectral import Spectral as Spectral
from .student_t import StudentT as StudentT
from .trials import Trials as Trials
