"""The paths that a frame may mean, whatever a runtime, a bundler or a host made of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Frame

_SCHEME = re.compile(
    r"(?:async\s+)?(?:webpack(?:-internal)?|turbopack|vite|ng|rsc|rollup|parcel|metro|app|file|https?|capacitor)"
    r":/{1,3}",
    re.IGNORECASE,
)
_HOST = re.compile(r"https?://[^/]*/?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:(?=/)")
_QUERY = re.compile(r"[?#].*")
_WRAPPED = re.compile(r"^(?:\(\w+\)|\[\w+\])/")  # webpack's (rsc), turbopack's [project]
_HASHED = re.compile(r"[.-](?=[0-9a-zA-Z_]*\d)[0-9a-zA-Z_]{6,32}(?=(?:\.chunk|\.min|\.bundle)?\.[cm]?jsx?$)")
_BUILT = re.compile(r"(?P<above>(?:.*/)?)(?:dist|build|out|lib)/(?P<file>(?:.*/)?[^/]+)\.[cm]?js$")
_SOURCES = ("ts", "tsx", "mts", "cts", "js", "mjs")
_FILE = re.compile(r"[^/\\]+\.\w+$")


def spellings(frame: Frame, language: str) -> tuple[str, ...]:
    """With forward slashes, the most telling first. One that begins with a slash is absolute on some host."""
    found = [plain(told) for told in (frame.reported, frame.path) if told]
    return tuple(dict.fromkeys(path for path in (*found, *_of_module(frame, language)) if path and path != "."))


def plain(reported: str) -> str:
    """`webpack:///./src/a.js?1f` as `src/a.js`, `file:///C:/a/b.py` and `C:\\a\\b.py` as `/a/b.py`."""
    path = reported.replace("\\", "/")
    if _HOST.match(path):
        path = _QUERY.sub("", _HOST.sub("/", path, count=1))
    elif scheme := _SCHEME.match(path):
        absolute = scheme[0].lower().startswith("file")
        path = _QUERY.sub("", ("/" if absolute else "") + path[scheme.end() :])
        path = path[1:] if absolute and _DRIVE.match(path, 1) else path
    path = _DRIVE.sub("", path).removeprefix("~")
    while (shorter := _WRAPPED.sub("", path.removeprefix("./"))) != path:
        path = shorter
    return _resolved(path)


def unhashed(name: str) -> str:
    """A bundle's name without its build's hash: `main.4f3a2b1c.js` as `main.js`."""
    return _HASHED.sub("", name)


def compiled_from(path: str) -> Iterator[str]:
    """`dist/cart/cart.js` was made from `src/cart/cart.ts` or so."""
    if found := _BUILT.match(path):
        folders = dict.fromkeys((f"{found['above']}src/", found["above"]))
        yield from (f"{folder}{found['file']}.{kind}" for folder in folders for kind in _SOURCES)


def _resolved(path: str) -> str:
    parts: list[str] = []
    for part in PurePosixPath(path).parts:
        if part == ".." and parts and parts[-1] != "/":
            parts.pop()
        elif part != "..":
            parts.append(part)
    return PurePosixPath(*parts).as_posix()


def _of_module(frame: Frame, language: str) -> Iterator[str]:
    """`com.shop.Cart` and `Cart.java` are `com/shop/Cart.java`; a Go package is a folder, a Python module a file."""
    name = _FILE.search(frame.path)
    if not frame.module or ("/" in frame.path.strip("/") and language == "java"):
        return
    if language == "java" and name:
        yield f"{frame.module.rpartition('.')[0].replace('.', '/')}/{name[0]}".removeprefix("/")
    elif language == "dotnet" and name:  # a class, or an assembly
        yield f"{frame.module.partition(',')[0].rpartition('.')[0].replace('.', '/')}/{name[0]}".removeprefix("/")
    elif language == "go" and name and "/" in frame.module:
        yield f"{frame.module}/{name[0]}"
    elif language == "python" and frame.module not in ("__main__", "builtins"):
        stem = frame.module.replace(".", "/")
        yield from (f"{stem}.py", f"{stem}/__init__.py")
