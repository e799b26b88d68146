"""What the plain `kintsugi` leaves out, and which extra brings it. Imports nothing that may be missing."""

from __future__ import annotations

import sys


def how_to_install(error: ModuleNotFoundError, extra: str) -> str:
    """One sentence for a package of others that is not installed. Raises the error itself where it is none of these:
    a module of ours or of Python's own that cannot be found is a fault."""
    name = (error.name or "").partition(".")[0]
    if name in ("", "kintsugi") or name in sys.stdlib_module_names:
        raise error
    return f'This needs `{name}`, which is not installed. Install it with: pip install "kintsugi[{extra}]"'
