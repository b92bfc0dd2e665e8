"""The numbers of schema kpi a second time, in pandas, from the definitions alone.

Written from what docs/kpis.md and the comments of the tables promise, never from the SQL of the roll-up. It reads the
facts of the earlier stages whole, and takes as long as that takes. `differences` compares both. Expected values come
from here or from a person's hand; no tool writes them down.

If a definition changes, change it here by hand, and see the comparison fail before you change the SQL.
"""

from recompute.comparing import BOOKKEEPING, OF_OTHERS, differences, recomputed_names
from recompute.grain import relations, repeated

__all__ = ["BOOKKEEPING", "OF_OTHERS", "differences", "recomputed_names", "relations", "repeated"]
