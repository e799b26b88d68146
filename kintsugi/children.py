"""What the programs that we start may know: their environment is made from nothing, in this one place.

Our own environment holds every token that we have, and a program hands its environment on to whatever it starts.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

_PLACES = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT")
_LOCALE = ("LANG", "LANGUAGE", "TZ")  # and each LC_…
CERTIFICATES = (
    "SSL_CERT_FILE",  # OpenSSL, Python
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)
_OURS = "KINTSUGI_"


def environment(own: Mapping[str, str] | None = None, *, named: Collection[str] = ()) -> dict[str, str]:
    """A child's environment: places, locale, certificates, the variables that are `named`, and `own`, which wins.

    Of our settings it gets none, not even by name: only what `own` gives it.
    """
    kept = {name: value for name, value in os.environ.items() if _is_for_everybody(name) or name in named}
    return {name: value for name, value in kept.items() if not is_ours(name)} | dict(own or {})


def is_ours(name: str) -> bool:
    """Whether a variable is a setting of ours."""
    return name.upper().startswith(_OURS)


def _is_for_everybody(name: str) -> bool:
    return name in _PLACES or name in _LOCALE or name.startswith("LC_") or name in CERTIFICATES
