"""What people said on our own pages: files of their own, which a delivery takes in before it claims.

Part of the events stage. The collector and the recipients' pages write such words to files whose names begin with
`answers-`, in the folder of all event files. So a word binds the next claim, however many events of the provider wait.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Engine

from lifecycle_mail.database import run
from lifecycle_mail.events.export_reader import ExportFile, export_files

PREFIX = "answers-"


def answer_files(path: Path) -> list[ExportFile]:
    """Return the files of a folder that hold what people said on our own pages."""
    return [file for file in export_files(path) if file.path.name.startswith(PREFIX)]


def has_new_answers(engine: Engine, folder: Path) -> bool:
    """Tell whether such a file has grown since it was last read. Costs one look at the folder and one query."""
    files = answer_files(folder)
    if not files:
        return False
    with engine.connect() as connection:
        read = {row.source_name: row for row in run(connection, "events/file_positions")}
    return any(
        (known := read.get(file.source_name)) is None
        or not known.is_finished
        or known.size_bytes != file.path.stat().st_size
        for file in files
    )
