"""Servers with a certificate of a private authority: refused as they come, and trusted where the user says so."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from kintsugi.integrations import authorities
from kintsugi.integrations.git import Git, GitError
from kintsugi.integrations.github.api import GitHubAccess, GitHubApi
from kintsugi.integrations.github.mirror import Mirror
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.integrations.program import commit_at
from kintsugi.workflow.errors import SettingsError, StepFailed

WAYS = ["KINTSUGI_CA_FILE", "SSL_CERT_FILE"]


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A private authority's certificate; `server.pem` beside it is of localhost, and signed by it.

    Good for years from the machine's own today: git, which inherits no variable, goes by that on a moved clock too.
    """
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True, env=env)

    new = ("req", "-newkey", "rsa:2048", "-nodes", "-keyout")
    ours = ("-x509", "-subj", "/CN=Our own", "-days", "1000", "-addext", "keyUsage=critical,keyCertSign")
    openssl(*new, "authority.key", *ours, "-out", "authority.pem")
    openssl(*new, "server.key", "-subj", "/CN=localhost", "-out", "server.csr")
    (tmp_path / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
    signed = (
        "-CA",
        "authority.pem",
        "-CAkey",
        "authority.key",
        "-CAcreateserial",
        "-extfile",
        "names",
        "-days",
        "1000",
    )
    openssl("x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")
    return tmp_path / "authority.pem"


@pytest.fixture
async def address(authority: Path, tmp_path: Path) -> AsyncIterator[str]:
    """An Enterprise server, a model and a program at once: git by its plain protocol, and JSON."""
    git = Git.init_bare(tmp_path / "theirs.git", "main")
    tree = git.write_tree("4b825dc642cb6eb9a060e54bf8d69288fbee4904", {"shop.py": b"price = 1\n"})
    commit = subprocess.run(
        [
            "git",
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@localhost",
            "-C",
            str(git.directory),
            "commit-tree",
            tree,
            "-m",
            "x",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    git.run("update-ref", "refs/heads/main", commit)
    git.run("update-server-info")
    application = web.Application()
    application.router.add_get("/version", answering({"commit": commit}))
    application.router.add_get("/api/v3/repos/us/shop/branches", answering([{"name": "main"}]))
    application.router.add_get("/v1/models/ours", answering({"id": "ours", "object": "model"}))
    application.router.add_static("/us/shop.git", git.directory)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


def answering(body: object) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(body)

    return answer


@pytest.fixture(autouse=True)
def as_it_comes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    authorities.trust(None)
    yield
    monkeypatch.undo()
    authorities.trust(None)


def trusts(way: str, authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "KINTSUGI_CA_FILE":
        authorities.trust(authority)
    else:
        monkeypatch.setenv(way, str(authority))
        authorities.trust(None)


async def everybody(address: str, folder: Path) -> list[str]:
    """Which of our clients hear the server."""
    heard = []
    if await commit_at(address):
        heard.append("httpx")
    access = GitHubAccess("us/shop", token="t", base_url=f"{address}/api/v3")
    try:
        await asyncio.to_thread(GitHubApi(access).get, "/branches", list[object])
        heard.append("PyGithub")
    except StepFailed:
        pass
    try:
        await OpenAIModel(ModelAccess("ours", "key", f"{address}/v1")).check()
        heard.append("openai")
    except StepFailed:
        pass
    mirror = Git.init_bare(folder / "ours.git", "main")
    try:
        await asyncio.to_thread(Mirror(mirror, "main", access, lambda: "").fetch)
        heard.append("git")
    except GitError:
        pass
    return heard


async def test_a_private_authority_is_nobody_s_as_it_comes(address: str, tmp_path: Path):
    assert await everybody(address, tmp_path) == []


@pytest.mark.parametrize("way", WAYS)
async def test_every_client_hears_a_server_of_an_authority_that_is_trusted(
    way: str, address: str, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trusts(way, authority, monkeypatch)

    assert await everybody(address, tmp_path) == ["httpx", "PyGithub", "openai", "git"]


async def test_git_heeds_its_own_variable(
    address: str, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GIT_SSL_CAINFO", str(authority))

    assert await everybody(address, tmp_path) == ["git"]


def test_ones_own_authority_stands_beside_the_public_ones(authority: Path):
    public = len(authorities.context().get_ca_certs())
    authorities.trust(authority)

    assert len(authorities.context().get_ca_certs()) == public + 1
    assert Path(authorities.for_git()["GIT_SSL_CAINFO"]).read_text().count("BEGIN CERTIFICATE") == public + 1


def test_a_bundle_that_was_swept_away_is_made_again(authority: Path):
    authorities.trust(authority)
    first = Path(authorities.for_git()["GIT_SSL_CAINFO"])
    first.unlink()

    assert Path(authorities.for_git()["GIT_SSL_CAINFO"]).is_file()


def test_a_file_without_certificates_is_named(tmp_path: Path):
    (tmp_path / "empty.pem").write_text("nothing\n")

    for file in (tmp_path / "empty.pem", tmp_path / "missing.pem"):
        with pytest.raises(SettingsError, match="KINTSUGI_CA_FILE"):
            authorities.trust(file)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_variable_that_would_leave_nobody_trusted_is_refused_at_the_start(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(name, str(tmp_path / "gone"))

    with pytest.raises(SettingsError, match=f"{name}: .*gone"):
        authorities.trust(None)


def test_a_variable_of_one_client_is_refused_where_that_client_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    authorities.trust(None)

    with pytest.raises(SettingsError, match=r"REQUESTS_CA_BUNDLE: there is no file .*gone\.pem"):
        authorities.for_requests()
