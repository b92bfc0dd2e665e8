"""Parse the DAG folder in a process of its own and print what that did, as JSON.

This is not a test module; test_parsing.py runs it. Audit hooks see every file and every socket that any code opens.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "include"), str(REPOSITORY / "plugins")]


def main() -> None:
    """Parse once and report."""
    import psycopg2
    import sqlalchemy.engine
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.serialized_objects import DagSerialization

    bag = DagBag(collect_dags=False)
    seen = _Seen()
    sys.addaudithook(seen.hear)
    psycopg2.connect = seen.refuse_database
    sqlalchemy.engine.Engine.connect = seen.refuse_database  # type: ignore[assignment]
    seen.listens = True
    bag.collect_dags(str(REPOSITORY / "dags"))
    seen.listens = False
    report = {
        "dags": {
            name: SerializedDagModel.hash(DagSerialization.to_dict(dag))
            for name, dag in sorted(bag.dags.items())
        },
        "import_errors": bag.import_errors,
        "warnings": bag.captured_warnings,
        "files": sorted(seen.files),
        "connections": seen.connections,
        "modules": sorted(sys.modules),
    }
    json.dump(report, sys.stdout, default=str)


class _Seen:
    """What happened while parsing."""

    def __init__(self) -> None:
        self.listens = False
        self.files: set[str] = set()
        self.connections: list[str] = []

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note files opened for reading, apart from code, and everything about sockets."""
        if not self.listens:
            return
        if event == "open" and isinstance(arguments[0], str | os.PathLike):
            path = os.fspath(arguments[0])
            if not str(path).endswith((".py", ".pyc", ".pth")):
                self.files.add(str(path))
        elif event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen"):
            self.connections.append(event)

    def refuse_database(self, *arguments: Any, **options: Any) -> None:
        """Stand for the database driver."""
        self.connections.append("database")
        raise AssertionError("parsing a DAG file asked a database")


if __name__ == "__main__":
    main()
