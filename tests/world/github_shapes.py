"""GitHub's replies in full, as the contract wants them, around the few facts that a test is about."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_USER_URLS = [
    "events",
    "followers",
    "following",
    "gists",
    "html",
    "organizations",
    "received_events",
    "repos",
    "starred",
    "subscriptions",
    "avatar",
]
_REPO_URLS = [
    "archive",
    "assignees",
    "blobs",
    "branches",
    "collaborators",
    "comments",
    "commits",
    "compare",
    "contents",
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "git_commits",
    "git_refs",
    "git_tags",
    "hooks",
    "html",
    "issue_comment",
    "issue_events",
    "issues",
    "keys",
    "labels",
    "languages",
    "merges",
    "milestones",
    "notifications",
    "pulls",
    "releases",
    "stargazers",
    "statuses",
    "subscribers",
    "subscription",
    "tags",
    "teams",
    "trees",
    "clone",
    "git",
    "ssh",
    "svn",
]


class Shapes:
    """Makes the replies of one repository, with every address on the stand-in's own host and port."""

    def __init__(self, base: str, owner: str, name: str, branch: str) -> None:
        self.base, self.owner, self.name, self.branch = base, owner, name, branch
        self.repo_url = f"{base}/repos/{owner}/{name}"
        self.permissions = {"contents": "write", "pull_requests": "write", "checks": "read", "statuses": "write"}

    def user(self, login: str) -> Json:
        url = f"{self.base}/users/{login}"
        urls = {("url" if name == "" else f"{name}_url"): f"{url}/{name}" for name in _USER_URLS}
        plain = {"login": login, "id": 1, "node_id": "U_1", "gravatar_id": None, "site_admin": False, "type": "User"}
        return {**urls, **plain, "url": url}

    def repository(self) -> Json:
        urls = {f"{name}_url": f"{self.repo_url}/{name}" for name in _REPO_URLS}
        flags = ("fork", "private", "has_downloads", "has_issues", "has_projects", "has_wiki", "has_pages")
        numbers = ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count", "watchers")
        nothing = ("description", "homepage", "language", "mirror_url", "license", "pushed_at")
        return {
            **urls,
            **dict.fromkeys((*flags, "archived", "disabled"), False),
            **dict.fromkeys((*numbers, "watchers_count"), 0),
            **dict.fromkeys(nothing),
            "id": 1,
            "node_id": "R_1",
            "name": self.name,
            "full_name": f"{self.owner}/{self.name}",
            "owner": self.user(self.owner),
            "url": self.repo_url,
            "default_branch": self.branch,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }

    def label(self, name: str) -> Json:
        url = f"{self.repo_url}/labels/{name}"
        plain = {"id": 1, "node_id": "L_1", "name": name, "description": "", "color": "ededed", "default": False}
        return {**plain, "url": url}

    def ref(self, name: str, sha: str) -> Json:
        url = f"{self.repo_url}/git/{name}"
        target = {"type": "commit", "sha": sha, "url": f"{self.repo_url}/git/commits/{sha}"}
        return {"ref": name, "node_id": "REF_1", "url": url, "object": target}

    def git_commit(self, sha: str, commit: Json) -> Json:
        url = f"{self.repo_url}/git/commits/{sha}"
        parents = [{"sha": parent, "url": url, "html_url": url} for parent in commit["parents"]]
        unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
        return {
            "sha": sha,
            "node_id": "C_1",
            "url": url,
            "html_url": url,
            "author": commit["author"],
            "committer": commit["committer"],
            "message": commit["message"],
            "tree": {"sha": commit["tree"], "url": f"{self.repo_url}/git/trees/{commit['tree']}"},
            "parents": parents,
            "verification": unsigned,
        }

    def commit(self, sha: str, commit: Json) -> Json:
        inner = {name: commit[name] for name in ("message", "author", "committer")}
        tree = {"sha": commit["tree"], "url": f"{self.repo_url}/git/trees/{commit['tree']}"}
        url = f"{self.repo_url}/commits/{sha}"
        return {
            "url": url,
            "sha": sha,
            "node_id": "C_1",
            "html_url": url,
            "comments_url": f"{url}/comments",
            "commit": {**inner, "url": url, "tree": tree, "comment_count": 0},
            "author": None,
            "committer": None,
            "parents": [{"sha": parent, "url": url, "html_url": url} for parent in commit["parents"]],
        }

    def comparison(self, status: str, base: Json) -> Json:
        url = f"{self.repo_url}/compare"
        urls = dict.fromkeys(("url", "html_url", "permalink_url", "diff_url", "patch_url"), url)
        counts = {"ahead_by": 0, "behind_by": 0, "total_commits": 0}
        return {**urls, **counts, "status": status, "base_commit": base, "merge_base_commit": base, "commits": []}

    def pull(self, pull: Any, base_sha: str, *, whole: bool) -> Json:
        """`whole` as one pull request is read, else as it is listed."""
        url, issue = f"{self.repo_url}/pulls/{pull.number}", f"{self.repo_url}/issues/{pull.number}"
        links = ("comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment", "self")
        urls = (
            "comments",
            "commits",
            "diff",
            "html",
            "issue",
            "patch",
            "review_comment",
            "review_comments",
            "statuses",
        )
        reply: Json = {
            **{f"{name}_url": f"{url}/{name}" for name in urls},
            "_links": {name: {"href": f"{url}/{name}"} for name in links},
            "url": url,
            "html_url": f"{self.base}/{self.owner}/{self.name}/pull/{pull.number}",
            "issue_url": issue,
            "id": pull.number,
            "node_id": f"PR_{pull.number}",
            "number": pull.number,
            "state": "open" if pull.open else "closed",
            "locked": False,
            "title": pull.title,
            "body": pull.body,
            "user": self.user(pull.author),
            "labels": [self.label(name) for name in pull.labels],
            "draft": pull.draft,
            "assignee": None,
            "assignees": [],
            "requested_reviewers": [self.user(name) for name in pull.reviewers],
            "milestone": None,
            "created_at": "2026-11-23T12:00:00Z",
            "updated_at": "2026-11-23T12:00:00Z",
            "closed_at": pull.closed_at,
            "merged_at": pull.closed_at if pull.merged_as else None,
            "merge_commit_sha": pull.merged_as,
            "author_association": pull.association,
            "auto_merge": None,
            "head": self._end(pull.branch, pull.head, pull.fork),
            "base": self._end(self.branch, base_sha),
        }
        counts = ("additions", "changed_files", "comments", "commits", "deletions", "review_comments")
        full = {"mergeable": None, "mergeable_state": "unknown", "merged": bool(pull.merged_as), "merged_by": None}
        return reply if not whole else {**reply, **dict.fromkeys(counts, 0), **full, "maintainer_can_modify": False}

    def _end(self, branch: str, sha: str, fork: str = "") -> Json:
        owner = fork or self.owner
        repository = self.repository() | {"full_name": f"{owner}/{self.name}", "fork": bool(fork)}
        return {
            "label": f"{owner}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": self.user(owner),
            "repo": repository,
        }

    def review(self, number: int, pull: int, login: str, state: str, body: str, sha: str) -> Json:
        url = f"{self.repo_url}/pulls/{pull}"
        return {
            "id": number,
            "node_id": f"PRR_{number}",
            "user": self.user(login),
            "body": body,
            "state": state,
            "commit_id": sha,
            "html_url": url,
            "pull_request_url": url,
            "_links": {"html": {"href": url}, "pull_request": {"href": url}},
            "author_association": "MEMBER",
            "submitted_at": "2026-11-23T12:00:00Z",
        }

    def check_run(self, check: Any) -> Json:
        url = f"{self.repo_url}/check-runs/{check.id}"
        output = {"title": None, "summary": check.output or None, "text": None, "annotations_count": 0}
        done = check.conclusion is not None
        return {
            "id": check.id,
            "node_id": f"CR_{check.id}",
            "head_sha": check.sha,
            "name": check.name,
            "url": url,
            "html_url": url,
            "details_url": f"{self.base}/{self.owner}/{self.name}/actions/runs/{check.run}/job/{check.id}",
            "status": "completed" if done else "in_progress",
            "conclusion": check.conclusion,
            "started_at": "2026-11-23T12:00:00Z",
            "completed_at": "2026-11-23T12:01:00Z" if done else None,
            "external_id": "",
            "check_suite": {"id": check.run},
            "output": {**output, "annotations_url": f"{url}/annotations"},
            "app": None,
            "pull_requests": [],
        }

    def workflow_run(self, run: int, attempt: int, sha: str, conclusion: str | None) -> Json:
        url = f"{self.repo_url}/actions/runs/{run}"
        urls = ("jobs", "logs", "check_suite", "cancel", "rerun", "artifacts", "workflow", "html")
        return {
            **{f"{name}_url": f"{url}/{name}" for name in urls},
            "id": run,
            "node_id": f"WFR_{run}",
            "url": url,
            "head_branch": None,
            "run_number": 1,
            "run_attempt": attempt,
            "display_title": "tests",
            "event": "pull_request",
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion,
            "head_sha": sha,
            "path": ".github/workflows/tests.yml",
            "workflow_id": 1,
            "created_at": "2026-11-23T12:00:00Z",
            "updated_at": "2026-11-23T12:01:00Z",
            "head_commit": None,
            "head_repository": self.repository(),
            "repository": self.repository(),
            "pull_requests": [],
        }

    def combined_status(self, sha: str, state: str, statuses: list[Json]) -> Json:
        url = f"{self.repo_url}/commits/{sha}"
        told = {"state": state, "sha": sha, "total_count": len(statuses), "repository": self.repository()}
        told["statuses"] = [self.status(sha, each) for each in statuses]
        return {**told, "commit_url": url, "url": f"{url}/status"}

    def status(self, sha: str, status: Json) -> Json:
        told = {"id": 1, "node_id": "S_1", "avatar_url": None, "target_url": None, "description": None}
        times = {"created_at": "2026-11-23T12:00:00Z", "updated_at": "2026-11-23T12:00:00Z"}
        return (
            told | times | {"creator": self.user("kintsugi-bot")} | status | {"url": f"{self.repo_url}/statuses/{sha}"}
        )

    def installation(self, number: int) -> Json:
        url = f"{self.base}/app/installations/{number}"
        return {
            "id": number,
            "app_id": 7,
            "app_slug": "kintsugi",
            "client_id": "Iv1",
            "target_id": 1,
            "target_type": "Organization",
            "single_file_name": None,
            "repository_selection": "selected",
            "access_tokens_url": f"{url}/access_tokens",
            "html_url": url,
            "repositories_url": f"{self.base}/installation/repositories",
            "events": [],
            "account": self.user(self.owner),
            "permissions": self.permissions,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "suspended_by": None,
            "suspended_at": None,
        }
