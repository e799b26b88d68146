"""Whom we trust to say who a server is: the public authorities, or those of SSL_CERT_FILE, and one's own beside them.

An Enterprise server or a model in one's own network shows a certificate of a private authority. `trust` is told once,
by the bootstrap; from then on every client of ours asks here.
"""

from __future__ import annotations

import atexit
import os
import ssl
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

from kintsugi.workflow.errors import SettingsError


class _Own:
    """What `trust` was told, and where it lies together with the public ones."""

    file: Path | None = None
    bundle: Path | None = None  # a temporary file, which is gone with the process


_own = _Own()


def trust(file: Path | None) -> None:
    """From now on the authorities in this PEM file are trusted too.

    Raises SettingsError where it, or what SSL_CERT_FILE or SSL_CERT_DIR names instead of the public ones, holds none.
    """
    if file is not None:
        _certificates("KINTSUGI_CA_FILE", file)
    if public := os.environ.get("SSL_CERT_FILE"):
        _certificates("SSL_CERT_FILE", Path(public))
    elif folders := os.environ.get("SSL_CERT_DIR", ""):
        _folder_of_certificates(folders)
    _own.file, _own.bundle = file, None
    context.cache_clear()


@cache
def context() -> ssl.SSLContext:
    """For httpx, as its `verify`: clients that heed no proxy variables do not heed SSL_CERT_FILE either."""
    made = _public()
    if _own.file:
        made.load_verify_locations(cafile=_own.file)
    return made


def for_requests() -> str | bool:
    """What `requests` takes as `verify`. It reads variables of its own, and not SSL_CERT_FILE. Raises SettingsError."""
    return _file("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") or True


def for_git() -> dict[str, str]:
    """What git is told in its environment. It reads a variable of its own, not SSL_CERT_FILE. Raises SettingsError."""
    file = _file("GIT_SSL_CAINFO")
    return {"GIT_SSL_CAINFO": file} if file else {}


def _certificates(setting: str, file: Path) -> None:
    """Raises SettingsError where a client could read no certificate there."""
    try:
        ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        says = f"{setting}: {file} holds no certificate that can be read ({error}). It should be a PEM file."
        raise SettingsError(says) from error


def _folder_of_certificates(folders: str) -> None:
    if not any(Path(each).is_dir() for each in folders.split(os.pathsep)):
        raise SettingsError(f"SSL_CERT_DIR: there is no folder {folders}, so no server would be trusted. Unset it.")


def _file(*heeded: str) -> str | None:
    """All that is trusted as one PEM file; None where a client finds it by itself, or by a variable that it heeds."""
    if _own.file:
        return _bundle(_own.file)
    name = next((name for name in heeded if os.environ.get(name)), "")
    if name and not Path(os.environ[name]).exists():
        raise SettingsError(f"{name}: there is no file {os.environ[name]}. Name one with certificates, or unset it.")
    return None if name else os.environ.get("SSL_CERT_FILE") or None


def _bundle(own: Path) -> str:
    if _own.bundle is None or not _own.bundle.exists():  # temporary folders are swept
        public = [ssl.DER_cert_to_PEM_cert(each) for each in _public().get_ca_certs(binary_form=True)]
        with NamedTemporaryFile("w", prefix="kintsugi-authorities-", suffix=".pem", delete=False) as file:
            file.write("\n".join([*public, own.read_text(errors="replace")]))
        _own.bundle = Path(file.name)
        atexit.register(_own.bundle.unlink, missing_ok=True)
    return str(_own.bundle)


def _public() -> ssl.SSLContext:
    import httpx  # noqa: PLC0415  # loaded with the first client that asks

    return httpx.create_ssl_context(verify=True, trust_env=True)
