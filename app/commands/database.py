"""The database's own commands."""

from __future__ import annotations

from rich.console import Console

from app.settings import read_settings
from persistence import migrations
from persistence.database import parse_url


def upgrade() -> None:
    """Bring the database to this version's tables."""
    url = parse_url(read_settings().database_url)
    before, after = migrations.upgrade(url)
    place = url.render_as_string(hide_password=True)
    if before == after:
        Console().print(f"{place} is at revision {after} already.", highlight=False)
    else:
        Console().print(f"{place}: revision {before or 'none'} → {after}.", highlight=False)
