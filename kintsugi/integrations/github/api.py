"""GitHub's REST API for one repository, through PyGithub's transport. Blocking: call it from a thread.

PyGithub brings sign-in (token or App installation), connections and its exceptions. Its own retries are off: they send
a POST again that may have worked, and sleep through rate limits inside the call. What comes back is read strictly into
models, as a page of HTML with status 200 is an object full of None to PyGithub. An error is a StepFailed that says what
it means for the step; nothing here waits.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import github
import jwt
import requests
from github import Auth, Github, GithubException, GithubIntegration
from github.Installation import Installation
from github.Requester import Requester
from pydantic import TypeAdapter, ValidationError

from kintsugi.integrations.authorities import for_requests
from kintsugi.workflow.errors import StepFailed

T = TypeVar("T")
Page = TypeVar("Page")

NEEDED = {
    "contents": ("write", "Contents: read and write"),
    "pull_requests": ("write", "Pull requests: read and write"),
    "checks": ("read", "Checks: read"),
    "statuses": ("write", "Commit statuses: read and write"),
}
"""What docs/github.md asks for, as GitHub's API and its pages call it. Actions can be left out."""

_REMEMBERED = 512
_A_PAGE, _MOST_PAGES = 100, 50
_LOG_CHARACTERS = 20_000
_API_VERSION = "2022-11-28"


@dataclass(frozen=True, slots=True)
class GitHubAccess:
    """Which repository, where, and who we are there: a token, or an App's id and private key."""

    repository: str  # owner/name
    token: str = ""
    app_id: int = 0
    app_key: str = ""
    base_url: str = "https://api.github.com"  # of an Enterprise server: https://<host>/api/v3
    timeout: timedelta = timedelta(seconds=20)

    @property
    def owner(self) -> str:
        return self.repository.partition("/")[0]


class Transient(StepFailed):
    """May work in a moment: a fault of the network or of the server, or an answer that is none."""


class Missing(StepFailed):
    """GitHub has no such thing, does not show it to us, or does not show it yet."""


class Unacceptable(StepFailed):
    """GitHub does not take what was sent. `what` is its own words."""

    def __init__(self, what: str) -> None:
        super().__init__(f"GitHub does not take it: {what}", final=True)
        self.what = what


class GitHubApi:
    """Calls below `/repos/<owner>/<name>`. What was read before is asked for conditionally, which costs no quota."""

    def __init__(self, access: GitHubAccess) -> None:
        self.access = access
        self._requester: Requester | None = None
        self._seen: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def get(self, path: str, kind: type[T], **query: str | int) -> T:
        """What is at `path`, as `kind`. Raises StepFailed."""
        known = self._seen.get(_key(path, query))
        status, headers, data = self._ask("GET", path, query, None, {"If-None-Match": known[0]} if known else {})
        if status == 304 and known:
            data = known[1]
        elif tag := headers.get("etag"):
            self._remember(_key(path, query), tag, data)
        result: T = _read(kind, data)
        return result

    def get_all(self, path: str, kind: type[T], **query: str | int) -> list[T]:
        """Every page of a list. Raises StepFailed."""
        return self.get_each(path, list[kind], lambda page: page, **query)  # type: ignore[valid-type]

    def get_each(
        self, path: str, kind: type[Page], listed: Callable[[Page], Sequence[T]], **query: str | int
    ) -> list[T]:
        """What is `listed` on every page. Raises StepFailed, also where there is more than is read."""
        found: list[T] = []
        for page in range(1, _MOST_PAGES + 1):
            some = listed(self.get(path, kind, **query, per_page=_A_PAGE, page=page))
            found += some
            if len(some) < _A_PAGE:
                return found
        raise StepFailed(f"GitHub lists more than {len(found):,} at {path}. Only part of it was read: nothing follows.")

    def send(self, verb: str, path: str, body: object, kind: type[T] = object) -> T:  # type: ignore[assignment]
        """Write to `path`. Raises StepFailed."""
        _, _, data = self._ask(verb, path, {}, body, {})
        result: T = _read(kind, data)
        return result

    def log(self, path: str) -> str:
        """The end of a log, which GitHub keeps elsewhere; "" where there is none."""
        url = f"/repos/{self.access.repository}{path}"
        status, headers, _ = self._translated(lambda: self._connected().requestJson("GET", url))
        if status != 302 or not headers.get("location"):
            return ""
        seconds = self.access.timeout.total_seconds()
        answer = self._translated(lambda: requests.get(headers["location"], timeout=seconds, verify=for_requests()))
        return answer.text[-_LOG_CHARACTERS:] if answer.ok else ""

    def token(self) -> str:
        """The token that we are known by just now, for git's own protocol. Raises StepFailed."""
        auth = self._translated(lambda: self._connected().auth)
        return str(self._translated(lambda: auth.token)) if auth else ""

    def lacking(self) -> tuple[str, ...]:
        """The permissions that we need and do not have, as far as GitHub says. Raises StepFailed.

        An App's are listed. A token's are not, so it is tried whether it may set a status, on a commit that cannot be.
        """
        if self.access.app_id:
            granted = self._translated(lambda: self._installation().permissions)
            return tuple(words for name, (level, words) in NEEDED.items() if not _suffices(granted.get(name), level))
        try:
            asked = {"state": "pending", "context": "kintsugi", "description": "kintsugi doctor"}
            self.send("POST", f"/statuses/{'0' * 40}", asked)
        except Unacceptable:  # of the commit: so it may
            return ()
        except StepFailed as error:
            if error.final or isinstance(error, Missing):  # a classic token without its scope is told of nothing there
                return (NEEDED["statuses"][1],)
            raise
        return ()

    def close(self) -> None:
        if self._requester:
            self._requester.close()

    def _ask(
        self, verb: str, path: str, query: Mapping[str, str | int], body: object, headers: dict[str, str]
    ) -> tuple[int, Mapping[str, str], Any]:
        url = f"/repos/{self.access.repository}{path}"

        def ask() -> tuple[int, dict[str, Any], str]:
            return self._connected().requestJson(verb, url, dict(query), headers, body)

        status, answered, text = self._translated(ask)
        if status == 304:
            return status, answered, None
        if status >= 400:
            raise _failed(status, answered, _message(text))
        return status, answered, _json(text)

    def _translated(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except GithubException as error:  # signing in as an App is a call of its own
            raise _failed(error.status, error.headers or {}, str(error.message or "")) from error
        except (requests.RequestException, json.JSONDecodeError) as error:
            raise Transient(f"GitHub cannot be reached at {self.access.base_url}: {type(error).__name__}.") from error
        except (
            RuntimeError,
            AssertionError,
            ValueError,
            jwt.PyJWTError,
        ) as error:  # PyGithub's own words for a wrong address or key
            raise StepFailed(
                f"GitHub cannot be asked: {str(error)[:300] or type(error).__name__}", final=True
            ) from error

    def _connected(self) -> Requester:
        if self._requester is None:
            self._requester = _client(self.access, self._auth()).requester
        return self._requester

    def _auth(self) -> Auth.Auth | None:
        access = self.access
        if not access.app_id:
            return Auth.Token(access.token) if access.token else None
        return Auth.AppAuth(access.app_id, access.app_key).get_installation_auth(self._installation().id)

    def _installation(self) -> Installation:
        """Where our App is installed. What GitHub does not accept is raised as it is."""
        app = Auth.AppAuth(self.access.app_id, self.access.app_key)
        owner, _, name = self.access.repository.partition("/")
        with GithubIntegration(auth=app, **_options(self.access)) as integration:
            return integration.get_repo_installation(owner, name)

    def _remember(self, key: str, tag: str, data: Any) -> None:
        self._seen[key] = (tag, data)
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def _client(access: GitHubAccess, auth: Auth.Auth | None) -> Github:
    return github.Github(auth=auth, **_options(access))


def _options(access: GitHubAccess) -> dict[str, Any]:
    """No retries and no sleeping inside of PyGithub."""
    return {
        "base_url": access.base_url.rstrip("/"),
        "timeout": max(1, int(access.timeout.total_seconds())),
        "retry": None,
        "seconds_between_requests": None,
        "seconds_between_writes": None,
        "user_agent": "kintsugi",
        "verify": for_requests(),
        "api_version": _API_VERSION,
    }


def _suffices(granted: str | None, level: str) -> bool:
    return granted in ("write", "admin") or granted == level


def _key(path: str, query: Mapping[str, str | int]) -> str:
    return f"{path}?{sorted(query.items())}"


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise Transient("GitHub answered with something that is no JSON.") from error


def _read(kind: Any, data: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise Transient(f"GitHub answered without what was asked for ({where or 'nothing fits'}).") from error


def _message(text: str) -> str:
    """GitHub's own words for what is wrong, the details with them."""
    try:
        told = json.loads(text)
        details = [_detail(error) for error in told.get("errors", [])]
        return " ".join([str(told["message"]), *details]).strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _detail(error: object) -> str:
    if not isinstance(error, dict):
        return str(error)
    return str(error.get("message") or f"{error.get('field', '')}: {error.get('code', '')}")


def _failed(status: int, headers: Mapping[str, Any], message: str) -> StepFailed:
    """What an error of GitHub's means for the step."""
    said = message[:300] or f"status {status}"
    if wait := _rate_limit(status, headers, message):
        return StepFailed(f"GitHub asks us to wait: {said}", retry_after=wait)
    match status:
        case 401:
            return StepFailed("GitHub does not accept the token. Set KINTSUGI_GITHUB_TOKEN.", final=True)
        case 403 | 451:
            return StepFailed(f"GitHub does not allow it: {said}. See docs/github.md for the permissions.", final=True)
        case 404 | 410:
            return Missing(f"GitHub has no such thing, or does not show it to us: {said}.")
        case 409 | 423:
            return Transient(f"GitHub is busy with the repository: {said}.")
        case 400 | 422:
            return Unacceptable(said)
        case _:
            return Transient(f"GitHub fails: {said}.")


def _rate_limit(status: int, headers: Mapping[str, Any], message: str) -> timedelta | None:
    """How long to wait, where a rate limit was met: as GitHub says, else a minute."""
    limited = Requester.isRateLimitError(message.lower()) or headers.get("x-ratelimit-remaining") == "0"
    if status not in (403, 429) or not (status == 429 or limited or "retry-after" in headers):
        return None
    seconds = _seconds(headers.get("retry-after"))
    if seconds is None and headers.get("x-ratelimit-remaining") == "0":
        reset = _seconds(headers.get("x-ratelimit-reset"))
        seconds = reset - time.time() if reset is not None else None
    return timedelta(seconds=min(max(seconds if seconds is not None else 60.0, 1.0), 3600.0))


def _seconds(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
