"""The refusal of one value, which parsers raise and the checks record.

Stage 1 of the path.
"""

from __future__ import annotations


class Refusal(Exception):
    """A value that breaks the contract; its one argument is the named reason."""

    @property
    def reason(self) -> str:
        return str(self.args[0])
