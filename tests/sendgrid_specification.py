"""The independent judge of the simulator: SendGrid's published specification with a reviewed overlay.

Both files lie outside this repository: in ../shared/sendgrid, or in the folder that LIFECYCLE_SENDGRID_SPEC names. If
they are absent, the tests that need them are skipped with the reason.
"""

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path(
    os.environ.get("LIFECYCLE_SENDGRID_SPEC") or Path(__file__).resolve().parent.parent.parent / "shared" / "sendgrid"
)

needs_specification = pytest.mark.skipif(
    not (FOLDER / "overlay.py").is_file(),
    reason="SendGrid's specification is not next to the repository; set LIFECYCLE_SENDGRID_SPEC to its folder",
)


@lru_cache
def mail_specification() -> dict[str, Any]:
    """The mail specification with the overlay applied."""
    printed = subprocess.run([sys.executable, FOLDER / "overlay.py"], capture_output=True, check=True).stdout
    document: dict[str, Any] = yaml.safe_load(printed)
    return _nullable(document)


@lru_cache
def suppression_specification() -> dict[str, Any]:
    return _nullable(yaml.safe_load((FOLDER / "tsg_suppressions_v3.yaml").read_text()))


@lru_cache
def mail_validator() -> Draft202012Validator:
    """A validator of mail/send bodies."""
    document = mail_specification()
    body = document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**body, "components": document["components"]}, format_checker=FormatChecker())


def _nullable(part: Any) -> Any:
    """Write `nullable: true` (OpenAPI 3.0) as 3.1 means it: the documents say 3.1 and use the old word."""
    if isinstance(part, dict):
        changed = {key: _nullable(value) for key, value in part.items() if key != "nullable"}
        if part.get("nullable") is True and isinstance(changed.get("type"), str):
            changed["type"] = [changed["type"], "null"]
        return changed
    return [_nullable(one) for one in part] if isinstance(part, list) else part
