"""What this machine lacks for a test of Python's, read off what the test failed by."""

from __future__ import annotations

from pathlib import Path

from kintsugi.repair.languages.python.layout import import_folders
from kintsugi.repair.languages.results import Failure
from kintsugi.telemetry import lazy_re as re

_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_NO_PACKAGE = re.compile(r"No package metadata was found for ([\w.-]+)|The '([\w.-]+)' distribution was not found")
_NO_FIXTURE = re.compile(r"fixture '(\w+)' not found")
_NO_SETTINGS = re.compile(r"settings are not configured|DJANGO_SETTINGS_MODULE|no settings module", re.IGNORECASE)
_NO_ANSWER = re.compile(
    r"Connection refused|ECONNREFUSED|could not connect|connection to server .* failed|Can't connect to|Errno 111"
    r"|ServerSelectionTimeout|No such file or directory: '[^']*\.sock|Is the server running",
    re.IGNORECASE,
)
_NO_NETWORK = re.compile(
    r"name resolution|Name or service not known|getaddrinfo failed|Network is unreachable|nodename nor servname",
    re.IGNORECASE,
)
_NO_ASYNC = re.compile(r"async def functions are not natively supported")
_NO_VARIABLE = re.compile(r"^'([A-Z][A-Z0-9_]{3,})'$")
# Fixtures that plugins bring, as they say in their documents.
_PLUGINS = {
    "mocker": "pytest-mock",
    "db": "pytest-django",
    "admin_client": "pytest-django",
    "django_user_model": "pytest-django",
    "django_assert_num_queries": "pytest-django",
    "httpx_mock": "pytest-httpx",
    "respx_mock": "respx",
    "requests_mock": "requests-mock",
    "freezer": "pytest-freezer",
    "aiohttp_client": "pytest-aiohttp",
    "event_loop": "pytest-asyncio",
    "benchmark": "pytest-benchmark",
    "snapshot": "syrupy",
    "subtests": "pytest-subtests",
    "httpserver": "pytest-httpserver",
    "postgresql": "pytest-postgresql",
    "live_server": "pytest-django",
    "faker": "faker",
}


def missing(failure: Failure | None, tree: Path) -> str | None:
    """As the words of a sentence: "wcwidth is not installed". None where it is no lack of this machine."""
    if failure is None:
        return None
    message = failure.message
    if failure.kind in ("ModuleNotFoundError", "ImportError", "PackageNotFoundError", "DistributionNotFound"):
        return _package(failure, tree)
    if failure.kind in ("ImproperlyConfigured", "AppRegistryNotReady") and (
        _NO_SETTINGS.search(message) or failure.kind == "AppRegistryNotReady"
    ):
        return "the settings module of Django is not set"
    if found := _NO_FIXTURE.search(message):
        plugin = _PLUGINS.get(found[1])
        return f"{plugin} is not installed" if plugin else None
    if _NO_ASYNC.search(message):
        return "no plugin that runs async tests is installed, such as pytest-asyncio"
    if _NO_NETWORK.search(message):
        return "they need the network, which the box has not"
    if _NO_ANSWER.search(message):
        return "a service that they need does not answer: KINTSUGI_TEST_SERVICES starts it beside them"
    if failure.kind == "KeyError" and (found := _NO_VARIABLE.match(message)) and _reads_environment(failure):
        return f"the variable {found[1]} is not set: KINTSUGI_TEST_ENV sets it"
    return None


def _package(failure: Failure, tree: Path) -> str | None:
    """A package that is not installed here and is not of the project."""
    if found := _NO_PACKAGE.search(failure.message) or (
        re.fullmatch(r"([\w.-]+)", failure.message) if failure.kind == "PackageNotFoundError" else None
    ):
        return f"{next(group for group in found.groups() if group)} is not installed"
    found = _NO_MODULE.search(failure.message)
    top = found[1].partition(".")[0] if found else ""
    folders = ("", "lib", *import_folders(tree))
    ours = any((tree / folder / name).exists() for folder in folders for name in (top, f"{top}.py"))
    return f"{top} is not installed" if top and not ours else None


def _reads_environment(failure: Failure) -> bool:
    """`os.environ[…]` raises in the standard library, below the project's own frame; a plain mapping does not."""
    return bool(failure.frames) and failure.frames[-1].path.rpartition("/")[2] in _SETTINGS_FILES


_SETTINGS_FILES = {"settings.py", "config.py", "conf.py", "constants.py", "env.py", "base.py", "local.py", "test.py"}
