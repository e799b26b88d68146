"""The commit in the name of a release."""

from __future__ import annotations

import re

_SHA = re.compile(r"(?:^|[^0-9a-z])([0-9a-f]{7,40})$", re.IGNORECASE)


def commit_of(release: object) -> str | None:
    """The commit that a release names at its end: `1a2b3c4`, `shop@1a2b3c4`, `shop@1.4.2+1a2b3c4`."""
    found = _SHA.search(release) if isinstance(release, str) else None
    return found[1].lower() if found and re.search(r"\d", found[1]) else None
