"""The commit in the name of a release."""

from __future__ import annotations

from kintsugi.telemetry import lazy_re as re

_WHOLE = re.compile(r"(?<![0-9a-z])[0-9a-f]{40}(?![0-9a-z])", re.IGNORECASE)
_DESCRIBED = re.compile(r"(?:-\d+-|\+)g([0-9a-f]{7,40})(?:[-.+]dirty|\.d\d{8})?$", re.IGNORECASE)
_AT_THE_END = re.compile(r"(?:^|[^0-9a-z])([0-9a-f]{7,39})$", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)
_CHECKSUM = 32  # digits of an MD5 or of a UUID without dashes: nobody cuts a commit to these


def commit_of(release: object) -> str | None:
    """The commit that a release names: `1a2b3c4`, `shop@1a2b3c4`, `shop@1.4.2+1a2b3c4`, `v1.4.2-14-g1a2b3c4` (as `git
    describe` and setuptools-scm write it). What could as well be a date, a number of a version or a word is none: cut
    short, a commit has to hold letters and digits.
    """
    if not isinstance(release, str):
        return None
    name = release.strip()
    if found := _WHOLE.search(name):
        return found[0].lower()
    if found := _DESCRIBED.search(name):
        return found[1].lower()
    found = None if _UUID.search(name) else _AT_THE_END.search(name)
    return found[1].lower() if found and _could_be_cut(found[1].lower()) else None


def _could_be_cut(digits: str) -> bool:
    return len(digits) != _CHECKSUM and not digits.isdigit() and any(digit.isdigit() for digit in digits)
