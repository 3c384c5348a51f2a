"""Readers for your own connectomes and recordings. A new format is one function and one line in the table of
`_connectome.py` or `_bold.py`.
"""

from ._bold import read_bold as read_bold
from ._connectome import read_connectome as read_connectome
from ._evoked import read_evoked as read_evoked
