"""A stand-in for GitHub: one repository over loopback with real git objects behind it, and faults on demand.

Every exchange is held to the shapes in wire/github.py. Verbs such as `merges()` are what people do there.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from kintsugi.integrations.git import NO_OBJECT, Git, GitError, RefChange
from tests.world.github_shapes import Json, Shapes
from tests.world.remembered import Remembered
from tests.world.wire import Contract
from tests.world.wire.github import GITHUB

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
T = TypeVar("T")
TOKEN = "-".join(("stand", "in", "token"))
_CLOSED_AT = "2026-11-23T13:00:00Z"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Pull:
    number: int
    branch: str
    head: str
    title: str
    body: str
    draft: bool = False
    open: bool = True
    merged_as: str | None = None
    closed_at: str | None = None
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    author: str = "kintsugi-bot"
    association: str = "MEMBER"
    fork: str = ""  # its owner, where it comes from one


@dataclass
class Check:
    id: int
    run: int
    sha: str
    name: str
    conclusion: str | None
    output: str = ""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call: before its work is done, or after."""

    name: str
    after: bool = False

    def __str__(self) -> str:
        return f"{self.name} {'after' if self.after else 'before'} the work"


def _page(found: list[T], request: web.Request) -> list[T]:
    """Thirty, or as many as were asked for, up to a hundred."""
    size = min(int(request.query.get("per_page", 30)), 100)
    return found[size * (int(request.query.get("page", 1)) - 1) :][:size]


class _Said(Exception):
    """An error that GitHub answers with."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"message": message, "documentation_url": "https://docs", **more}


class GitHubStandIn:
    """`calls` is what was asked, `paid` what counted against the rate limit, `faults` where the contract was broken."""

    def __init__(self, folder: Path, prefix: str = "", contract: Contract = GITHUB) -> None:
        self.owner, self.name, self.branch, self.prefix = "shop", "checkout", "main", prefix
        self.git = Remembered(folder / f"{self.name}.git")
        if not self.git.directory.exists():
            Git.init_bare(self.git.directory, self.branch)
        self.pulls: list[Pull] = []
        self.reviews: list[Json] = []
        self.checks: list[Check] = []
        self.statuses: dict[str, list[Json]] = {}  # of a commit, as they were made
        self.refuses_statuses = (403, "Resource not accessible by personal access token")
        self.attempts: dict[int, int] = {}
        self.calls: list[str] = []
        self.logs: dict[int, str] = {}
        self.paid = 0
        self.faults: list[str] = []
        self.tokens = {TOKEN}
        self.line: dict[int, Fault] = {}
        self.on_call: Callable[[int, bool], Awaitable[None]] | None = None
        self._contract = contract
        self.url = ""
        self.shapes = Shapes("", self.owner, self.name, self.branch)

    # --- what people do there -----------------------------------------------------------------------------------

    @property
    def head(self) -> str | None:
        return self.git.resolve(f"refs/heads/{self.branch}")

    def commits(self, files: dict[str, bytes | None], branch: str = "") -> str:
        """Somebody pushes to a branch."""
        ref = f"refs/heads/{branch or self.branch}"
        head = self.git.resolve(ref)
        tree = self.git.write_tree(head or EMPTY_TREE, files)
        commit = self.git.commit(tree, [head] if head else [], "a change", datetime(2026, 1, 1, tzinfo=UTC), "Somebody")
        assert self.git.update_refs([RefChange(ref, commit, head or NO_OBJECT)])
        self._follow_branches()
        return commit

    def merges(self, number: int, how: str = "merge") -> str:
        """A reviewer merges: with a merge commit, or squashed into one of its own."""
        pull, head = self.pull(number), self.head
        assert head
        tree = self.git.merged_tree(head, pull.head)
        assert tree
        parents = [head, pull.head] if how == "merge" else [head]
        pull.merged_as = self.git.commit(
            tree, parents, f"Merge #{number}", datetime(2026, 1, 2, tzinfo=UTC), "Reviewer"
        )
        assert self.git.update_refs([RefChange(f"refs/heads/{self.branch}", pull.merged_as, head)])
        self.closes(number)
        return pull.merged_as

    def opens(self, branch: str, title: str, body: str = "", **whose: str) -> Pull:
        """Somebody opens a pull request by hand; `whose`: author, association, fork."""
        head = self.git.resolve(f"refs/heads/{branch}")
        assert head
        pull = Pull(41 + len(self.pulls), branch, head, title, body, **whose)  # type: ignore[arg-type]
        self.git.run("update-ref", f"refs/pull/{pull.number}/head", head)
        self.pulls.append(pull)
        return pull

    def lights(self, sha: str) -> list[tuple[str, str]]:
        """The statuses of a commit, as they were made: state and sentence."""
        return [(each["state"], each["description"]) for each in self.statuses.get(sha, [])]

    def closes(self, number: int) -> None:
        self.pull(number).open, self.pull(number).closed_at = False, _CLOSED_AT

    def reopens(self, number: int) -> None:
        self.pull(number).open, self.pull(number).closed_at = True, None

    def deletes_branch(self, branch: str) -> None:
        self.git.run("update-ref", "-d", f"refs/heads/{branch}")

    def checks_end(self, sha: str, conclusion: str | None, output: str = "", name: str = "tests") -> Check:
        number = len(self.checks) + 1
        check = Check(number, 900 + number, sha, name, conclusion, output)
        self.checks.append(check)
        self.attempts.setdefault(check.run, 1)
        return check

    def reviews_with(self, number: int, state: str, body: str, login: str = "rita") -> None:
        pull = self.pull(number)
        self.reviews.append(self.shapes.review(len(self.reviews) + 1, number, login, state, body, pull.head))

    def pull(self, number: int) -> Pull:
        for pull in self.pulls:
            if pull.number == number:
                return pull
        raise _Said(404, "Not Found")

    # --- repository and git data --------------------------------------------------------------------------------

    async def get_ref(self, request: web.Request) -> web.Response:
        name = f"refs/{request.match_info['ref']}"
        sha = self.git.resolve(name)
        if sha is None:
            raise _Said(404, "Not Found")
        return web.json_response(self.shapes.ref(name, sha))

    async def post_ref(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if self.git.resolve(asked["sha"]) is None:
            raise _Said(422, "Object does not exist")
        if not self.git.update_refs([RefChange(asked["ref"], asked["sha"], NO_OBJECT)]):
            raise _Said(422, "Reference already exists")
        return web.json_response(self.shapes.ref(asked["ref"], asked["sha"]), status=201)

    async def patch_ref(self, request: web.Request) -> web.Response:
        asked, name = await request.json(), f"refs/{request.match_info['ref']}"
        old = self.git.resolve(name)
        if old is None:
            raise _Said(422, "Reference does not exist")
        if not asked.get("force") and not self.git.contains(asked["sha"], old):
            raise _Said(422, "Update is not a fast forward")
        assert self.git.update_refs([RefChange(name, asked["sha"], old)])
        self._follow_branches()
        return web.json_response(self.shapes.ref(name, asked["sha"]))

    async def get_git_commit(self, request: web.Request) -> web.Response:
        sha = request.match_info["sha"]
        return web.json_response(self.shapes.git_commit(sha, self._commit(sha)))

    async def post_blob(self, request: web.Request) -> web.Response:
        asked = await request.json()
        content = base64.b64decode(asked["content"]) if asked["encoding"] == "base64" else asked["content"].encode()
        sha = self.git.write_blob(content)
        return web.json_response({"sha": sha, "url": f"{self.shapes.repo_url}/git/blobs/{sha}"}, status=201)

    async def post_tree(self, request: web.Request) -> web.Response:
        asked = await request.json()
        try:
            tree = self._write_tree(asked.get("base_tree"), asked["tree"])
        except GitError as error:
            raise _Said(422, f"tree: {error}") from error
        listed = self.git.read("ls-tree", tree).splitlines()
        entries = [dict(zip(("mode", "type", "sha", "path"), line.split(None, 3), strict=True)) for line in listed]
        url = f"{self.shapes.repo_url}/git/trees/{tree}"
        return web.json_response({"sha": tree, "url": url, "tree": entries, "truncated": False}, status=201)

    async def post_commit(self, request: web.Request) -> web.Response:
        asked = await request.json()
        now = {
            "name": "Kintsugi Bot",
            "email": "bot@localhost",
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        author = asked.get("author") or now
        committer = asked.get("committer") or author
        who = {
            f"GIT_{role}_{what.upper()}": person[what]
            for role, person in (("AUTHOR", author), ("COMMITTER", committer))
            for what in ("name", "email", "date")
        }
        flags = [flag for parent in asked["parents"] for flag in ("-p", parent)]
        try:
            made = self.git.run("commit-tree", asked["tree"], *flags, stdin=asked["message"].encode(), env=who)
        except GitError as error:
            raise _Said(422, str(error)) from error
        sha = made.decode().strip()
        return web.json_response(self.shapes.git_commit(sha, self._commit(sha)), status=201)

    async def compare(self, request: web.Request) -> web.Response:
        base, _, head = request.match_info["basehead"].partition("...")
        commit = self.shapes.commit(base, self._commit(base))
        self._commit(head)
        if base == head:
            return web.json_response(self.shapes.comparison("identical", commit))
        ahead, behind = self.git.contains(head, base), self.git.contains(base, head)
        status = "ahead" if ahead else "behind" if behind else "diverged"
        return web.json_response(self.shapes.comparison(status, commit))

    # --- pull requests ------------------------------------------------------------------------------------------

    async def list_pulls(self, request: web.Request) -> web.Response:
        asked, found = request.query, self.pulls
        if asked.get("state", "open") != "all":
            found = [pull for pull in found if pull.open == (asked.get("state", "open") == "open")]
        owner, colon, branch = asked.get("head", "").partition(":")
        if colon:
            found = [pull for pull in found if (self.owner, pull.branch) == (owner, branch)]
        if asked.get("base"):
            found = [pull for pull in found if asked["base"] == self.branch]
        return web.json_response([self._shape(pull, whole=False) for pull in reversed(found)])

    async def post_pull(self, request: web.Request) -> web.Response:
        asked = await request.json()
        branch = asked["head"].partition(":")[2] or asked["head"]
        head = self.git.resolve(f"refs/heads/{branch}")
        if head is None:
            raise _invalid({"resource": "PullRequest", "field": "head", "code": "invalid"})
        if any(pull.open and pull.branch == branch for pull in self.pulls):
            message = f"A pull request already exists for {self.owner}:{branch}."
            raise _invalid({"resource": "PullRequest", "code": "custom", "message": message})
        number = 41 + len(self.pulls)
        pull = Pull(number, branch, head, asked["title"], asked.get("body") or "", draft=asked.get("draft", False))
        self.git.run("update-ref", f"refs/pull/{number}/head", head)
        self.pulls.append(pull)
        return web.json_response(self._shape(pull), status=201)

    async def get_pull(self, request: web.Request) -> web.Response:
        return web.json_response(self._shape(self._asked_pull(request)))

    async def post_labels(self, request: web.Request) -> web.Response:
        asked, pull = await request.json(), self._asked_pull(request)
        names = asked if isinstance(asked, list) else asked["labels"]
        pull.labels += [name for name in names if name not in pull.labels]
        return web.json_response([self.shapes.label(name) for name in pull.labels])

    async def post_reviewers(self, request: web.Request) -> web.Response:
        asked, pull = await request.json(), self._asked_pull(request)
        pull.reviewers += [name for name in asked["reviewers"] if name not in pull.reviewers]
        return web.json_response(self._shape(pull, whole=False), status=201)

    async def patch_pull(self, request: web.Request) -> web.Response:
        asked, pull = await request.json(), self._asked_pull(request)
        pull.body = asked["body"]
        return web.json_response(self._shape(pull))

    async def get_reviews(self, request: web.Request) -> web.Response:
        url = f"{self.shapes.repo_url}/pulls/{request.match_info['number']}"
        return web.json_response([review for review in self.reviews if review["pull_request_url"] == url])

    # --- checks -------------------------------------------------------------------------------------------------

    async def check_runs(self, request: web.Request) -> web.Response:
        found = [check for check in self.checks if check.sha == request.match_info["ref"]]
        return web.json_response(
            {"total_count": len(found), "check_runs": [self.shapes.check_run(check) for check in _page(found, request)]}
        )

    async def status(self, request: web.Request) -> web.Response:
        sha = request.match_info["ref"]
        newest = {each["context"]: each for each in self.statuses.get(sha, [])}
        return web.json_response(self.shapes.combined_status(sha, "pending", _page(list(newest.values()), request)))

    async def post_status(self, request: web.Request) -> web.Response:
        asked, sha = await request.json(), request.match_info["sha"]
        if self.shapes.permissions["statuses"] != "write":
            raise _Said(*self.refuses_statuses)
        if self.git.resolve(sha) != sha:
            raise _Said(422, f"No commit found for SHA: {sha}")
        if len(asked["description"]) > 140:
            raise _invalid({"resource": "Status", "field": "description", "code": "custom"})
        self.statuses.setdefault(sha, []).append(asked)
        return web.json_response(self.shapes.status(sha, asked), status=201)

    async def workflow_run(self, request: web.Request) -> web.Response:
        run = int(request.match_info["run"])
        check = next((check for check in self.checks if check.run == run), None)
        if check is None:
            raise _Said(404, "Not Found")
        return web.json_response(self.shapes.workflow_run(run, self.attempts[run], check.sha, check.conclusion))

    async def rerun(self, request: web.Request) -> web.Response:
        run = int(request.match_info["run"])
        self.attempts[run] += 1
        for check in self.checks:
            if check.run == run:
                check.conclusion = None
        return web.json_response({}, status=201)

    async def job_log(self, request: web.Request) -> web.Response:
        """Kept elsewhere, as GitHub does."""
        where = f"{self.url.removesuffix(self.prefix)}/kept/{request.match_info['job']}"
        return web.Response(status=302, headers={"Location": where})

    async def kept_log(self, request: web.Request) -> web.Response:
        return web.Response(text=self.logs.get(int(request.match_info["job"]), ""))

    # --- apps ---------------------------------------------------------------------------------------------------

    async def installation(self, request: web.Request) -> web.Response:
        return web.json_response(self.shapes.installation(12))

    async def access_token(self, request: web.Request) -> web.Response:
        token = f"installation-{len(self.tokens)}"
        self.tokens.add(token)
        return web.json_response({"token": token, "expires_at": "2099-01-01T00:00:00Z"}, status=201)

    # --- git's own protocol, for fetching -----------------------------------------------------------------------

    async def smart_http(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        allowed = {f"basic {base64.b64encode(f'x-access-token:{token}'.encode()).decode()}" for token in self.tokens}
        if given.lower() not in {one.lower() for one in allowed}:
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.git.directory.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{self.name}.git/{request.match_info['rest']}",
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": "",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        body = await request.read()
        env["CONTENT_LENGTH"] = str(len(body))
        git = await asyncio.create_subprocess_exec(
            "git", "http-backend", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=env
        )
        out, _ = await git.communicate(body)
        head, _, content = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, headers=headers, body=content)

    # --- the door -----------------------------------------------------------------------------------------------

    @web.middleware
    async def door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts, checks the token, spoils what a test wants spoiled, and judges by the contract."""
        if ".git/" in request.path or request.path.startswith("/kept/"):
            return await handler(request)
        index = len(self.calls)
        self.calls.append(f"{request.method} {request.path}")
        if self.on_call:
            await self.on_call(index, False)
        fault = self.line.pop(index, None)
        if fault and not fault.after:
            return await self._spoil(fault, request)
        reply = await self._answer(request, handler)
        if self.on_call:
            await self.on_call(index, True)
        return await self._spoil(fault, request) if fault else reply

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._check_token(request)
            reply = await handler(request)
        except _Said as said:
            reply = web.json_response(said.body, status=said.status)
        except web.HTTPNotFound:
            reply = web.json_response({"message": "Not Found", "documentation_url": "https://docs"}, status=404)
            self.faults.append(f"{request.method} {request.path} is nothing that the stand-in knows")
        assert isinstance(reply, web.Response)
        await self._judge(request, reply)
        return self._conditional(request, reply)

    def _conditional(self, request: web.Request, reply: web.Response) -> web.StreamResponse:
        """GitHub answers a conditional request about what has not changed with 304, and does not charge for it."""
        if not isinstance(reply.body, bytes):
            return reply
        tag = f'"{hashlib.sha256(reply.body).hexdigest()[:32]}"'
        if request.method == "GET" and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        self.paid += 1
        reply.headers["ETag"] = tag
        reply.headers["X-RateLimit-Remaining"] = str(5000 - self.paid)
        reply.headers["X-RateLimit-Limit"] = "5000"
        return reply

    def _check_token(self, request: web.Request) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        as_app = kind == "Bearer" and token.count(".") == 2
        if not (as_app or token in self.tokens):
            raise _Said(401, "Bad credentials")

    async def _judge(self, request: web.Request, reply: web.Response) -> None:
        body, method = await request.read(), request.method.lower()
        assert reply.body is None or isinstance(reply.body, bytes)
        try:
            path = GITHUB.template(method, request.path.removeprefix(self.prefix))
            if body and reply.status < 400:
                self._contract.judge_request(path, method, json.loads(body))
            self._contract.judge_reply(path, method, reply.status, json.loads(reply.body) if reply.body else None)
        except AssertionError as fault:
            self.faults.append(str(fault))

    async def _spoil(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        match fault.name:
            case "reset":
                assert request.transport
                request.transport.abort()
                return web.Response()
            case "timeout":
                await asyncio.sleep(30)
                return web.Response()
            case "502":
                return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
            case "html":
                return web.Response(status=200, text="<html>We are on it</html>", content_type="text/html")
            case "rate limit":
                reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1800)}
                return _error(403, "API rate limit exceeded for installation ID 12.", reset)
            case "secondary limit":
                return _error(403, "You have exceeded a secondary rate limit.", {"Retry-After": "60"})
            case "429":
                return _error(429, "You have exceeded a secondary rate limit.", {})
            case "404" if request.path.endswith("/pulls") and request.method == "GET":
                return web.json_response([])  # what was made is not listed yet
            case "404":
                return _error(404, "Not Found", {})
            case "409":
                return _error(409, "Git Repository is busy.", {})
            case "other tree":
                return web.json_response({"sha": "0" * 40, "url": "", "tree": [], "truncated": False}, status=201)
            case "422":
                return _error(422, "Validation Failed", {})
            case _:
                raise AssertionError(fault.name)

    # --- inside -------------------------------------------------------------------------------------------------

    def application(self) -> web.Application:
        application = web.Application(client_max_size=2**27, middlewares=[self.door])
        repo = f"{self.prefix}/repos/{self.owner}/{self.name}"
        route = application.router.add_route
        route("GET", f"{repo}/git/ref/{{ref:.+}}", self.get_ref)
        route("POST", f"{repo}/git/refs", self.post_ref)
        route("PATCH", f"{repo}/git/refs/{{ref:.+}}", self.patch_ref)
        route("GET", f"{repo}/git/commits/{{sha}}", self.get_git_commit)
        route("POST", f"{repo}/git/blobs", self.post_blob)
        route("POST", f"{repo}/git/trees", self.post_tree)
        route("POST", f"{repo}/git/commits", self.post_commit)
        route("GET", f"{repo}/compare/{{basehead:.+}}", self.compare)
        route("GET", f"{repo}/pulls", self.list_pulls)
        route("POST", f"{repo}/pulls", self.post_pull)
        route("GET", f"{repo}/pulls/{{number}}", self.get_pull)
        route("GET", f"{repo}/pulls/{{number}}/reviews", self.get_reviews)
        route("POST", f"{repo}/pulls/{{number}}/requested_reviewers", self.post_reviewers)
        route("POST", f"{repo}/issues/{{number}}/labels", self.post_labels)
        route("PATCH", f"{repo}/pulls/{{number}}", self.patch_pull)
        route("GET", f"{repo}/commits/{{ref:[^/]+}}/check-runs", self.check_runs)
        route("GET", f"{repo}/commits/{{ref:[^/]+}}/status", self.status)
        route("POST", f"{repo}/statuses/{{sha}}", self.post_status)
        route("GET", f"{repo}/actions/runs/{{run}}", self.workflow_run)
        route("POST", f"{repo}/actions/runs/{{run}}/rerun-failed-jobs", self.rerun)
        route("GET", f"{repo}/actions/jobs/{{job}}/logs", self.job_log)
        route("GET", "/kept/{job}", self.kept_log)
        route("GET", f"{repo}/installation", self.installation)
        route("POST", f"{self.prefix}/app/installations/12/access_tokens", self.access_token)
        route("*", f"/{self.owner}/{self.name}.git/{{rest:.+}}", self.smart_http)
        return application

    def _commit(self, sha: str) -> Json:
        if self.git.resolve(sha) != sha:
            raise _Said(404, "Not Found")
        lines = self.git.read("show", "-s", "--format=%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B", sha).split("\n")
        author, committer = (
            {
                "name": name,
                "email": mail,
                "date": datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for name, mail, at in (lines[2:5], lines[5:8])
        )
        people = {"author": author, "committer": committer}
        return {"tree": lines[0], "parents": lines[1].split(), "message": "\n".join(lines[8:]), **people}

    def _write_tree(self, base: str | None, entries: list[Json]) -> str:
        lines = []
        for entry in entries:
            gone = entry.get("sha", "") is None
            sha = NO_OBJECT if gone else entry.get("sha") or self.git.write_blob(entry["content"].encode())
            lines.append(f"{'0' if gone else entry['mode']} {sha}\t{entry['path']}\0")
        return self.git.tree_with(base, "".join(lines))

    def _follow_branches(self) -> None:
        for pull in self.pulls:
            if pull.open:
                head = self.git.resolve(f"refs/heads/{pull.branch}") or pull.head
                if head != pull.head:
                    pull.head = head
                    self.git.run("update-ref", f"refs/pull/{pull.number}/head", head)

    def _asked_pull(self, request: web.Request) -> Pull:
        return self.pull(int(request.match_info["number"]))

    def _shape(self, pull: Pull, *, whole: bool = True) -> Json:
        return self.shapes.pull(pull, self.head or "", whole=whole)


def _invalid(error: Json) -> _Said:
    return _Said(422, "Validation Failed", errors=[error])


def _error(status: int, message: str, headers: dict[str, str]) -> web.Response:
    return web.json_response({"message": message, "documentation_url": "https://docs"}, status=status, headers=headers)


@asynccontextmanager
async def serving(folder: Path, prefix: str = "", contract: Contract = GITHUB) -> AsyncIterator[GitHubStandIn]:
    """Start it, below `prefix` as an Enterprise server is, and at the end fail the test that broke the contract."""
    stand_in = GitHubStandIn(folder, prefix, contract)
    runner = web.AppRunner(stand_in.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}{prefix}"
    stand_in.shapes = Shapes(stand_in.url, stand_in.owner, stand_in.name, stand_in.branch)
    try:
        yield stand_in
    finally:
        await runner.cleanup()
    assert not stand_in.faults, stand_in.faults
