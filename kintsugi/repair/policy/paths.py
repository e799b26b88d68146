"""Paths that no patch touches by itself: outside, git's own, CI and deployment, dependencies, secrets, test set-up."""

from __future__ import annotations

import configparser
import re
import sys
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from kintsugi.repair.policy.characters import deceiving_path
from kintsugi.repair.trees import Tree

# By rule: why, and what the path in lower case is held against. A pattern with / is one for the whole path, one that
# ends in / for any folder of it, any other for the file's name.
_RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "ci",
        "It says what runs on a commit or in production, with rights that a patch must not get.",
        (
            *(".github/", ".gitlab/", ".gitea/", ".forgejo/", ".circleci/", ".buildkite/", ".drone/", ".woodpecker/"),
            *(
                ".travis.yml",
                ".gitlab-ci*.yml",
                "azure-pipelines*.yml",
                "jenkinsfile*",
                ".drone.y*ml",
                ".woodpecker.y*ml",
            ),
            *("bitbucket-pipelines.yml", "appveyor.y*ml", ".appveyor.y*ml", ".cirrus.y*ml", "cloudbuild*.y*ml"),
            *(
                "codefresh.yml",
                "wercker.yml",
                ".semaphore/",
                ".teamcity/",
                "buildspec*.y*ml",
                "dockerfile*",
                "*.dockerfile",
            ),
            *(
                "containerfile*",
                "docker-compose*.y*ml",
                "compose*.y*ml",
                ".dockerignore",
                "docker-entrypoint*",
                "entrypoint.sh",
            ),
            *("procfile*", "railway.json", "railway.toml", "nixpacks.toml", "fly*.toml", "render.y*ml", "vercel.json"),
            *(
                "netlify.toml",
                "app.y*ml",
                "app.json",
                "heroku.y*ml",
                "serverless.y*ml",
                "now.json",
                "wrangler.*",
                "*.tf",
            ),
            *("*.tfvars", "*.hcl", "k8s/", "kubernetes/", "helm/", "charts/", "deploy/", "deployment/", "deployments/"),
            *(
                "terraform/",
                "ansible/",
                "infra/",
                ".platform/",
                ".ebextensions/",
                "skaffold.y*ml",
                "chart.y*ml",
                "vagrantfile",
            ),
            *("kustomization.y*ml", "*.service", "*.timer", "crontab", "*.cron", "supervisord.conf", "uwsgi.ini"),
            *(
                "nginx.conf",
                "gunicorn.conf.py",
                "gunicorn_conf*.py",
                ".pre-commit-*",
                ".husky/",
                ".lefthook.y*ml",
            ),
            *("lefthook.y*ml", "codeowners", ".readthedocs.y*ml", "readthedocs.yml", "makefile", "gnumakefile", "*.mk"),
            *(
                "justfile",
                "taskfile.y*ml",
                ".devcontainer/",
                ".devcontainer.json",
                ".vscode/",
                ".idea/",
                "renovate.json*",
                "dependabot.y*ml",
            ),
            *("sonar-project.properties", "codecov.y*ml", ".codecov.y*ml", "*.nomad", "*.spec.in", "snapcraft.y*ml"),
        ),
    ),
    (
        "dependencies",
        "It says what is installed, and what is installed runs as the program does.",
        (
            *("requirements*.txt", "requirements*.in", "requirements/*", "*/requirements/*", "*-requirements.txt"),
            *(
                "*_requirements.txt",
                "constraints*.txt",
                "pyproject.toml",
                "setup.py",
                "setup.cfg",
                "pipfile",
                "pipfile.lock",
            ),
            *(
                "*.lock",
                "poetry.toml",
                "uv.toml",
                "pdm.toml",
                "pylock*.toml",
                "environment*.y*ml",
                "conda*.y*ml",
                "meta.yaml",
            ),
            *(
                "package.json",
                "package-lock.json",
                "npm-shrinkwrap.json",
                "yarn.lock",
                "pnpm-*.yaml",
                "bun.lockb",
                ".npmrc",
            ),
            *(".yarnrc*", ".pnpmfile.cjs", "go.mod", "go.sum", "cargo.toml", "gemfile*", "*.gemspec", "composer.json"),
            *(
                "pom.xml",
                "build.gradle*",
                "settings.gradle*",
                "gradle.properties",
                "gradle/",
                "*.csproj",
                "nuget.config",
            ),
            *(
                "packages.config",
                "mix.exs",
                "rebar.config",
                "pubspec.y*ml",
                "podfile",
                "package.swift",
                "pip.conf",
                ".pypirc",
            ),
            *(
                "pip.ini",
                "deno.json*",
                "import_map.json",
                "vendor/",
                "node_modules/",
                "flake.nix",
                "shell.nix",
                "default.nix",
            ),
            *(
                "manifest.in",
                "hatch.toml",
                "buildout.cfg",
                "bower.json",
                ".python-version",
                "runtime.txt",
                ".tool-versions",
            ),
            *("site-packages/", "dist-packages/", "third_party/", "*.egg-info/", "*.dist-info/", "*.egg-link"),
            *("hatch_build.py", "build_hooks.py", "pdm_build.py", "setup_hooks.py", "cmakelists.txt", "meson.build"),
            *("build.rs", "binding.gyp", ".yarn/", ".npmignore", "lerna.json", "nx.json", "turbo.json", "bunfig.toml"),
        ),
    ),
    (
        "secrets-file",
        "It is a place for secrets.",
        (
            *(".env", ".env.*", "*.env", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"),
            *("*.crt", "*.cer", "*.der", "*.asc", "*.gpg", "*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
            *(
                "authorized_keys",
                "known_hosts",
                ".netrc",
                "_netrc",
                ".htpasswd",
                ".pgpass",
                ".my.cnf",
                ".git-credentials",
            ),
            *(
                "credentials",
                "credentials.json",
                "credentials.y*ml",
                "credentials.ini",
                "credentials.toml",
                "credentials.xml",
            ),
            *(
                "secret.json",
                "secrets.json",
                "secret*.y*ml",
                "secrets.toml",
                "secrets.ini",
                "secrets.env",
                "secrets.txt",
            ),
            *("service-account*.json", "service_account*.json", "*-credentials.json", "kubeconfig*", "master.key"),
            *(
                ".aws/",
                ".ssh/",
                ".kube/",
                ".gnupg/",
                ".docker/",
                ".azure/",
                "secrets/",
                ".secrets/",
                "*.tfstate*",
                "token.json",
            ),
            *("client_secret*.json", "*.mobileprovision", ".vault*", "vault.y*ml", "*.secret", "*.secrets"),
        ),
    ),
    (
        "test-setup",
        "It runs before the tests, or says which tests run, so that it can make any patch look proven.",
        (
            *("conftest.py", "sitecustomize.py", "usercustomize.py", "*.pth", "pytest.ini", ".pytest.ini", "tox.ini"),
            *(
                "noxfile.py",
                ".coveragerc",
                "pytest_*.py",
                "*_pytest_plugin.py",
                "pytest_plugins/",
                "unittest.cfg",
                "nose.cfg",
            ),
            *(
                ".noserc",
                "jest.config.*",
                "jest.setup.*",
                "vitest.config.*",
                "vitest.setup.*",
                "karma.conf.*",
                ".mocharc*",
            ),
            *("cypress.config.*", "playwright.config.*", "babel.config.*", ".babelrc*", "phpunit.xml*", ".rspec"),
            *(
                "spec_helper.rb",
                "rails_helper.rb",
                "test_helper.rb",
                "setuptests.*",
                "runtests.py",
                "run_tests.py",
                "pytest.toml",
            ),
            *("tests/__init__.py", "*/tests/__init__.py", "test/__init__.py", "*/test/__init__.py", "hypothesis.ini"),
        ),
    ),
    ("git", "It tells git what to do.", (".git*",)),
    (
        "agents",
        "Coding agents obey it, with the rights of whoever runs them.",
        (
            *("agents.md", "agents.override.md", "agent.md", "claude.md", "claude.local.md", "gemini.md", "qwen.md"),
            *(".claude/", ".claude.json", ".mcp.json", "mcp.json", ".cursor/", ".cursor*", ".windsurf/", ".windsurf*"),
            *(".codex/", ".gemini/", ".aider*", ".continue/", ".roo/", ".roo*", ".cline/", ".clinerules*", ".junie/"),
            *(".kiro/", ".amazonq/", ".augment/", ".augment-guidelines", ".trae/", ".goosehints", ".openhands/"),
            *("copilot-instructions.md", ".opencode/", "opencode.json*", ".zed/", ".rules", "llms*.txt", "*.mdc"),
            *(
                "*.prompt.md",
                "*.instructions.md",
                "*.chatmode.md",
                "skill.md",
                "conventions.md",
                ".openai/",
                ".agents/",
            ),
        ),
    ),
    (
        "binary",
        "It is compiled: nobody can read what it does.",
        (
            *("*.pyc", "*.pyo", "*.pyd", "*.so", "*.so.*", "*.dll", "*.dylib", "*.exe", "*.o", "*.a", "*.obj", "*.lib"),
            *("*.jar", "*.class", "*.wasm", "*.node", "*.whl", "*.egg", "__pycache__/"),
        ),
    ),
)
_DESCRIPTIONS = (
    "version",
    "description",
    "readme",
    "license",
    "authors",
    "maintainers",
    "keywords",
    "classifiers",
    "urls",
)
_LINTERS = (
    "ruff",
    "black",
    "isort",
    "flake8",
    "pyright",
    "towncrier",
    "bumpversion",
    "commitizen",
    "codespell",
    "typos",
)
_ROOTS = ("", "src/", "lib/", "tests/", "test/", "app/")
_MOST_SOURCES = 2000  # looked through for imports of a name that a new file takes
_SHADOWED = frozenset(sys.stdlib_module_names) | {"pytest", "_pytest", "pluggy", "hypothesis", "coverage"}


def path_reasons(path: str, *, is_new: bool, tree: Tree) -> Iterator[tuple[str, str]]:
    """(rule, sentence) for each rule that a path breaks."""
    if (wrong := _not_within(path)) is not None:
        yield "path", wrong
        return
    folded = unicodedata.normalize("NFKC", path).lower()
    parts = folded.split("/")
    if any(re.match(r"\.git[. ]*$|git~\d", part) for part in parts):
        yield "path", "It is git's own folder."
    for rule, why, _ in _RULES:
        if _pattern(rule).search(f"/{folded}"):
            yield rule, why
    if is_new and (_shadows(path) or _hides_installed(path, tree)):
        yield "test-setup", f"It would stand before the library {_stem(path)} wherever that is imported."
    if is_new and (twin := _twin(path, tree)) is not None:
        yield "path", f"It differs from {twin} only in capitals or in how its letters are written."
    elif is_new and unicodedata.normalize("NFKC", path) != path:
        yield "path", "Its name is not in the usual form of its letters, so that some systems take it for another."
    if is_new and (why_not := deceiving_path(path)) is not None:
        yield "look-alike", f"Its path {path!a} {why_not}."


def only_describes(path: str, old: str, new: str) -> bool:
    """Whether a project's file leaves alone what is installed, built, tested and run: version, texts, linters."""
    read = {"pyproject.toml": _pyproject, "setup.cfg": _setup_cfg}.get(path.rpartition("/")[2])
    if read is None or not old:
        return False
    try:
        return read(old) == read(new)
    except (tomllib.TOMLDecodeError, configparser.Error):
        return False


def _pyproject(text: str) -> dict[str, Any]:
    """A pyproject.toml without what only describes."""
    project = tomllib.loads(text)
    about = {name: value for name, value in project.get("project", {}).items() if name not in _DESCRIPTIONS}
    tools = {name: value for name, value in project.get("tool", {}).items() if name not in _LINTERS}
    tools["mypy"] = tools.get("mypy", {}).get("plugins")
    return {**project, "project": about, "tool": tools}


def _setup_cfg(text: str) -> dict[str, dict[str, str]]:
    """A setup.cfg without what only describes."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    linters = (*_LINTERS, "mypy")
    sections = {name: dict(parser[name]) for name in parser.sections() if name.partition("-")[0] not in linters}
    sections["metadata"] = {k: v for k, v in sections.get("metadata", {}).items() if k not in _DESCRIPTIONS}
    sections["plugins"] = {name: parser[name]["plugins"] for name in parser.sections() if "plugins" in parser[name]}
    return sections


def _not_within(path: str) -> str | None:
    parts = path.split("/")
    if not path or path.startswith(("/", "~")) or "\\" in path or ":" in path or ".." in parts:
        return "It lies outside the repository, or would on some system."
    if any(part != part.strip() or part.endswith(".") or part in ("", ".") for part in parts):
        return "It has a folder or file name that some systems take for another."
    if any(unicodedata.category(character)[0] == "C" for character in path):
        return "It has invisible characters."
    if path.startswith("-") or any(part.startswith("-") for part in parts):
        return "It begins with a dash, which programs take for an option."
    return None


@cache
def _pattern(rule: str) -> re.Pattern[str]:
    """All of a rule's patterns as one, for a path with a slash before it."""
    globs = next(patterns for name, _, patterns in _RULES if name == rule)
    return re.compile("|".join(_expression(glob) for glob in globs))


def _expression(glob: str) -> str:
    part = re.escape(glob.strip("/")).replace(r"\*", "[^/]*")
    if glob.endswith("/"):
        return f"/{part}/"
    if glob == ".git*":
        return f"/{part}(?:/|$)"
    return f"^/{re.escape(glob)}$".replace(r"\*", ".*") if "/" in glob else f"/{part}$"


def _shadows(path: str) -> bool:
    """Whether a new file where imports begin has the name of a library."""
    return (
        any(
            path.startswith(root) and path.removeprefix(root) in (f"{_stem(path)}.py", f"{_stem(path)}/__init__.py")
            for root in _ROOTS
        )
        and _stem(path) in _SHADOWED
    )


def _hides_installed(path: str, tree: Tree) -> bool:
    """Whether a new file where imports begin has the name of what the project imports and does not have: a package."""
    name = _stem(path)
    root = next((one for one in sorted(_ROOTS, reverse=True) if path.startswith(one)), "")
    if path.removeprefix(root) not in (f"{name}.py", f"{name}/__init__.py", f"{name}.pyi") or not name.isidentifier():
        return False
    own = re.compile(rf"(?:^|/){re.escape(name)}(?:\.pyi?$|/)")
    sources = [one for one in tree.paths() if one.endswith(".py")][:_MOST_SOURCES]
    if any(own.search(one) for one in tree.paths()):
        return False
    imports = re.compile(rb"^[ \t]*(?:import|from)[ \t]+" + name.encode() + rb"\b", re.MULTILINE)
    return any(imports.search(tree.read(one) or b"") for one in sources)


def _stem(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return folder.rpartition("/")[2] if name == "__init__.py" else name.removesuffix(".py")


def _twin(path: str, tree: Tree) -> str | None:
    folded = _folded(path)
    return next((one for one in tree.paths() if one != path and _folded(one) == folded), None)


def _folded(path: str) -> str:
    return (path if path.isascii() else unicodedata.normalize("NFKC", path)).casefold()
