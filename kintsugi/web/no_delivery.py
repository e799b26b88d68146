"""What a door says of a delivery that is none."""

from __future__ import annotations


class Unreadable(Exception):
    """Signed, but no delivery."""
