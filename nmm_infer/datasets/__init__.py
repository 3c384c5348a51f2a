"""Data that ships with the package, and readers for your own."""

from ._desikan_killiany import desikan_killiany as desikan_killiany
from ._desikan_killiany import group_fc as group_fc
from ._head import cortex_centres as cortex_centres
from ._head import leadfield as leadfield
from ._lemon import lemon_bold as lemon_bold
from ._match import Match as Match
from ._match import match as match
from ._readers import read_bold as read_bold
from ._readers import read_connectome as read_connectome
from ._readers import read_evoked as read_evoked
