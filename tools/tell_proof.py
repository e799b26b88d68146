# Why: both addresses are the operator's own, and GitHub's.
# ruff: noqa: S310
"""Tells Kintsugi what a job of GitHub Actions proved, with GitHub's own signature: `tell_proof.py PROOF.json URL`.

Needs nothing but Python, as it runs in the program's environment. GitHub is asked for an identity token whose audience
is the hash of the statement. What goes wrong is a warning: the job's result is the proof's, not that of telling it.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from hashlib import sha256
from pathlib import Path

_SECONDS = 30
_KIND = "urn:kintsugi:proof:1"


def main() -> None:
    proof, url = Path(sys.argv[1]), sys.argv[2]
    asked, word = (os.environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}") for name in ("URL", "TOKEN"))
    if not (asked and word):
        _warn("GitHub gives this job no identity: it needs `permissions: id-token: write`, and forks have none.")
        return
    statement = _statement(json.loads(proof.read_text()))
    try:
        token = _token(asked, word, f"{_KIND}:{sha256(statement).hexdigest()}")
        body = {"statement": base64.b64encode(statement).decode(), "token": token}
        print(_answer(f"{url.rstrip('/')}/webhooks/github/proof", body))
    except (OSError, ValueError, KeyError) as error:
        _warn(f"Kintsugi was not told: {_says(error)}")


def _statement(verdict: object) -> bytes:
    """An in-toto statement of the pull request's head: the second parent of what is checked out, which is its merge."""
    head = _git("rev-parse", "--verify", "--quiet", "HEAD^2") or _git("rev-parse", "HEAD")
    predicate = {"commit": _git("rev-parse", "HEAD"), "tree": _git("rev-parse", f"{head}^{{tree}}"), "verdict": verdict}
    subject = {"name": "the pull request's head", "digest": {"gitCommit": head}}
    told = {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": _KIND}
    return json.dumps({**told, "predicate": predicate}).encode()


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], check=False, capture_output=True, text=True).stdout.strip()


def _token(url: str, word: str, audience: str) -> str:
    headers = {"Authorization": f"bearer {word}", "Accept": "application/json"}
    asked = urllib.request.Request(f"{url}&audience={urllib.parse.quote(audience, safe='')}", headers=headers)
    with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:
        return str(json.load(answer)["value"])


def _answer(url: str, body: object) -> str:
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:
        return f"Kintsugi: {json.load(answer)['says']}"


def _says(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.read(2000).decode(errors='replace')}"
    return f"{type(error).__name__}: {error}"


def _warn(text: str) -> None:
    print(f"::warning::{' '.join(text.split())}")


if __name__ == "__main__":
    main()
