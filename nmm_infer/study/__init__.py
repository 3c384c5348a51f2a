"""Many fits, one after another or spread over machines, of which none is lost."""

from ._study import Entry as Entry
from ._study import Study as Study
