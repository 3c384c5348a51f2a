"""Data that ships with the package, and readers for your own."""

from .desikan_killiany import desikan_killiany as desikan_killiany
from .desikan_killiany import group_fc as group_fc
from .head import cortex_centres as cortex_centres
from .head import leadfield as leadfield
from .lemon import lemon_bold as lemon_bold
from .readers import read_bold as read_bold
from .readers import read_connectome as read_connectome
from .readers import read_evoked as read_evoked
