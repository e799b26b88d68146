"""`kintsugi init`: a few questions, and the files that a service needs. Secrets are not asked for: you write them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.text import Text

from kintsugi.commands.common import at_a_terminal
from kintsugi.commands.outcome import UsageError
from kintsugi.integrations.terminal import PlainConsole, typed_line

_MACHINE, _RAILWAY = "machine", "railway"
_THEIRS = Path("for-your-program")


async def init(where: str, folder: Path) -> int:
    """Write what is not there yet into `folder`. Answers 1 if nothing was left to write."""
    console = PlainConsole(highlight=False)
    where = where or await _asked(console, "Where will it run: machine (one of yours) or railway?", _MACHINE)
    where = where.strip().lower()
    if where not in (_MACHINE, _RAILWAY):
        raise UsageError(f"{where!r} is not a place that is known here. Use {_MACHINE} or {_RAILWAY}.")
    on_railway = where == _RAILWAY
    settings = {"KINTSUGI_ENV_NAME": await _asked(console, "Which environment does it look after?", "production")}
    repository = await _asked(console, "The program's repository: owner/name on GitHub, or the path of a bare one:", "")
    settings |= _repository(repository)
    settings["KINTSUGI_PROGRAM_URL"] = await _asked(console, "Where does the program answer (https://…)?", "")
    if on_railway:
        settings["KINTSUGI_DATABASE_URL"] = "${{Postgres.DATABASE_URL}}"
    files = {Path(".env"): _env(settings)}
    files |= {Path("Dockerfile"): _DOCKERFILE} if on_railway else {Path("kintsugi.service"): _unit(folder)}
    files |= {_THEIRS / "version.py": _VERSION, _THEIRS / ".github" / "workflows" / "prove.yml": _WORKFLOW}
    written = [name for name, text in files.items() if _write(console, folder / name, text)]
    console.print(Text(f"\nCopy what is in {_THEIRS}/ into the program's repository; each file says what it is for."))
    console.print(Text(_NEXT_ON_RAILWAY if on_railway else _NEXT))
    return 0 if written else 1


def _repository(said: str) -> dict[str, str]:
    """A path from the root: the service begins elsewhere, and no settings know the folder of who typed."""
    is_path = said.startswith(("/", ".", "~"))
    return {"KINTSUGI_REPO": str(Path(said).expanduser().absolute())} if is_path else {"KINTSUGI_GITHUB_REPO": said}


async def _asked(console: PlainConsole, question: str, usual: str) -> str:
    """The answer; the usual one for Enter, and where nobody can be asked."""
    if not at_a_terminal():
        return usual
    console.print(Text(f"{question} {f'[{usual}] ' if usual else ''}"), end="")
    return (await typed_line()).strip() or usual


def _write(console: PlainConsole, file: Path, text: str) -> bool:
    """For its owner alone. A file that is there stays as it is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        console.print(Text(f"{file} exists already and stays as it is.", style="yellow"))
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as to:
        to.write(text)
    console.print(Text(f"wrote {file}"))
    return True


def _env(settings: dict[str, str]) -> str:
    lines = ["# Settings of Kintsugi: docs/settings.md lists them all. Comments have lines of their own."]
    lines += [f"{name}={value}" for name, value in settings.items()]
    return (
        "\n".join([*lines, "", _TO_FILL_IN, _ON_RAILWAY if "KINTSUGI_DATABASE_URL" in settings else ""]).rstrip("\n")
        + "\n"
    )


def _unit(folder: Path) -> str:
    """A percent sign has a meaning for systemd, and the path of a program may hold spaces between quotes."""
    here, program = folder.resolve(), Path(sys.executable).with_name("kintsugi")
    return _UNIT.format(folder=str(here).replace("%", "%%"), program=str(program).replace("%", "%%"))


_TO_FILL_IN = """\
# GitHub: a token that may write contents and pull requests
KINTSUGI_GITHUB_TOKEN=
# what the program's tests need: the Python that has its packages; for Node, a checkout that has its node_modules
KINTSUGI_TEST_PYTHON=
KINTSUGI_TEST_DEPENDENCIES=
# the model
KINTSUGI_LLM_API_KEY=
# Discord: the bot's token, the ids of the server, of the channel for incidents, and of the role that may use it
KINTSUGI_DISCORD_TOKEN=
KINTSUGI_DISCORD_GUILDS=
KINTSUGI_DISCORD_CHANNEL=
KINTSUGI_DISCORD_ADMIN_ROLES=
# who is called about an incident: the id of a role, or user:ID
KINTSUGI_DISCORD_PING=
"""
_UNIT = """\
# cp kintsugi.service /etc/systemd/system/ && systemctl enable --now kintsugi
[Unit]
Description=Kintsugi
After=network-online.target
Wants=network-online.target

[Service]
WorkingDirectory={folder}
EnvironmentFile={folder}/.env
ExecStart="{program}" run
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target
"""
_DOCKERFILE = """\
FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*
# dist/kintsugi-….whl of `make wheel`, beside this file. (The name on the public index belongs to another project.)
COPY kintsugi-*.whl /tmp/
RUN pip install "$(ls /tmp/kintsugi-*.whl)[server]"
CMD ["kintsugi", "run"]
"""
_ON_RAILWAY = """\
# Railway: a token of the project, and the id of your program's service (not of Kintsugi's)
KINTSUGI_RAILWAY_TOKEN=
KINTSUGI_RAILWAY_SERVICE_ID=
"""
_VERSION = '''\
"""The commit that this program runs: GET /version has to answer it, as JSON, so that Kintsugi knows what is deployed.

Flask:    app.get("/version")(version)
FastAPI:  app.get("/version")(version)
aiohttp:  app.router.add_get("/version", lambda request: web.json_response(version()))

In other languages the same, in place of this file:
Express:  app.get("/version", (_, answer) => answer.json({commit: process.env.BUILD_SHA || ""}))
Go:       http.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
              json.NewEncoder(w).Encode(map[string]string{"commit": os.Getenv("BUILD_SHA")})
          })

On Railway the commit is known. Elsewhere set BUILD_SHA where you build or deploy: BUILD_SHA=$(git rev-parse HEAD)
"""

import os


def version() -> dict[str, str]:
    return {"commit": os.environ.get("RAILWAY_GIT_COMMIT_SHA") or os.environ.get("BUILD_SHA") or ""}
'''
_WORKFLOW = """\
# .github/workflows/prove.yml in the program's repository: proves each pull request, where the program's dependencies
# are. Change the lines that are marked. Then set KINTSUGI_GITHUB_PROOF_WORKFLOW=prove.yml for Kintsugi.
name: prove
on: pull_request
permissions: {contents: read, id-token: write}
jobs:
  prove:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 2}
      - uses: actions/setup-python@v5
        with: {python-version: "3.12"}
      - run: pip install -r requirements.txt pytest  # change: what the tests need
      - uses: OWNER/kintsugi@REF  # change: where Kintsugi's repository is, and its tag
        with: {kintsugi-url: "https://kintsugi.example"}  # change: where your Kintsugi answers
"""
_NEXT = "Next: fill in the secrets in .env, then run `kintsugi doctor`. It names what is missing."
_NEXT_ON_RAILWAY = """\
Next, on Railway:
1. Put the Dockerfile and the wheel (`make wheel` in Kintsugi's clone builds dist/kintsugi-….whl) into a new repository.
2. Make a service of that repository, with a PostgreSQL beside it and the pre-deploy command `kintsugi db upgrade`.
3. Fill in the secrets in .env, and paste it into the service's variables (Raw Editor).
4. Run `kintsugi doctor` there, by `railway ssh`. It names what is missing."""
