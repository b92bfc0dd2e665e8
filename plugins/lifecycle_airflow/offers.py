"""Tell the shop the codes of offers, before the mails that show them go."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from lifecycle_airflow.installation import folder

if TYPE_CHECKING:
    from lifecycle_mail.pipeline import Installation


def tell_codes(system: Installation, now: dt.datetime) -> None:
    """Write the codes that the shop does not know yet, if this deployment has a folder for them."""
    if system.settings.offers_dir is not None:
        system.export_offers(folder(system.settings.offers_dir, "LIFECYCLE_OFFERS_DIR"), now)
