"""The command line: everything a DAG does, without Airflow. Above every stage.

Results go to stdout; logs and progress go to stderr. Exit status: 0 done, 1 refused with one readable line,
2 wrong usage.
"""

from __future__ import annotations

import logging
import sys

from sqlalchemy.exc import DBAPIError, OperationalError

from lifecycle_mail.command_line.commands import app
from lifecycle_mail.command_line.console import errors as stderr
from lifecycle_mail.errors import LifecycleError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; every refusal is one readable line on stderr."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app(prog_name="python -m lifecycle_mail")
    except LifecycleError as error:
        stderr.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except DBAPIError as error:
        stderr.print(_first_line(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except BrokenPipeError:
        # The program that reads our output has ended, as in `… | head`.
        sys.stderr.close()
        sys.exit(0)


def _first_line(error: DBAPIError) -> str:
    cause = str(error.orig).strip().splitlines()
    advice = "; try again" if isinstance(error, OperationalError) else ""
    return f"the warehouse did not do it: {cause[0] if cause else 'the connection was lost'}{advice}"
