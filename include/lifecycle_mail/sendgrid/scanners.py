"""Which programs follow the links of mails without a person: scanner_agents.txt is the kept list."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_LIST = Path(__file__).with_name("scanner_agents.txt")


def is_scanner(agent: str) -> bool:
    """Tell whether a user agent, as the browser sent it, is of a known scanner."""
    return _known().search(agent) is not None


@cache
def _known() -> re.Pattern[str]:
    lines = (line.strip() for line in _LIST.read_text(encoding="utf-8").splitlines())
    return re.compile("|".join(re.escape(line) for line in lines if line and not line.startswith("#")), re.IGNORECASE)
