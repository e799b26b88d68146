"""Our own copy of a GitHub repository, where patches are checked: fetched by git's own protocol. Blocking."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from urllib.parse import urlsplit

from kintsugi.integrations.authorities import for_git
from kintsugi.integrations.git import Git
from kintsugi.integrations.github.api import GitHubAccess

_PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "no_proxy", "NO_PROXY")

_GIVES_UP = {"http.lowSpeedLimit": "1000", "http.lowSpeedTime": "30"}  # bytes a second, for so many seconds


class Mirror:
    """Keeps `branch` of the bare repository `git` where GitHub has it. `token` answers who we are just now."""

    def __init__(self, git: Git, branch: str, access: GitHubAccess, token: Callable[[], str]) -> None:
        self._git = git
        self._branch = branch
        self._url = clone_url(access)
        self._token = token

    def fetch(self) -> None:
        """Raises GitError."""
        self._fetch(f"+refs/heads/{self._branch}:refs/heads/{self._branch}")

    def fetch_pull(self, number: int) -> None:
        """Bring what is in a pull request, a fork's too, and let no reference of ours point to it. Raises GitError."""
        self._fetch(f"refs/pull/{number}/head")

    def _fetch(self, ref: str) -> None:
        self._git.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self._url, ref, env=self._sign_in())

    def _sign_in(self) -> dict[str, str]:
        """The token goes through the environment: arguments can be seen by everybody on the machine."""
        settings = dict(_GIVES_UP)
        if token := self._token():
            who = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            settings[f"http.{self._url}.extraHeader"] = f"Authorization: Basic {who}"
        env = {name: os.environ[name] for name in _PROXIES if name in os.environ} | for_git()
        for number, (key, value) in enumerate(settings.items()):
            env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return env | {"GIT_CONFIG_COUNT": str(len(settings))}


def clone_url(access: GitHubAccess) -> str:
    """Where git fetches from, told by where the API is."""
    api = urlsplit(access.base_url)
    host = "github.com" if api.netloc == "api.github.com" else api.netloc
    return f"{api.scheme}://{host}/{access.repository}.git"
