"""What a person said, as lines of the journal: the form of the event collector's, one JSON object a line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import orjson

ALL = "all"


class Said:
    """Makes the lines of one POST. All of them have its second, and an id of what was said and when.

    So a form that is posted twice within a second says the same once, and a line that is read twice is a duplicate.
    """

    def __init__(self, message_id: str, at: int) -> None:
        self._message_id, self._at = message_id, at
        self._lines: list[bytes] = []

    def leave(self, topic: str) -> Said:
        """Say no to a topic, or to all mail."""
        return self._add("lm_unsubscribe", lm_topic=topic)

    def come_back(self, topic: str) -> Said:
        """Say yes to a topic."""
        return self._add("lm_return", lm_topic=topic)

    def confirm(self, page: str) -> Said:
        """Say yes to all mail, on this page: it ends every earlier no."""
        return self._add("lm_confirm", page=page)

    def answer(self, survey: str, answer: str) -> Said:
        """Answer a question."""
        return self._add("lm_answer", survey=survey, answer=answer)

    def stay_away(self, topics: Sequence[str]) -> Said:
        """Say no again to what the person had left, since `confirm` would end that too."""
        for topic in topics:
            if topic != ALL:
                self.leave(topic)
        return self

    @property
    def lines(self) -> Sequence[bytes]:
        """The lines so far."""
        return self._lines

    def _add(self, kind: str, **fields: str) -> Said:
        known = orjson.dumps([self._message_id, self._at, kind, sorted(fields.items())])
        event = {
            "event": kind,
            "sg_event_id": "lm-" + hashlib.sha256(known).hexdigest()[:32],
            "timestamp": self._at,
            "lm_message_id": self._message_id,
            **fields,
        }
        self._lines.append(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
        return self
