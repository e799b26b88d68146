"""Settings by room: the names in the environment, what is said of a wrong one, and that no secret is missed."""

import ast
import secrets
from pathlib import Path

import pytest
from pydantic import SecretStr

import kintsugi
from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.deployers import railway_door
from kintsugi.app.settings import (
    DatabaseSettings,
    DeploySettings,
    GitHubSettings,
    SentryProject,
    SentrySettings,
    Settings,
    read_settings,
    rooms_of,
    variable,
)
from kintsugi.parsing import parse
from kintsugi.persistence.database import Database
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.errors import SettingsError

SOURCES = Path(kintsugi.__file__).parent


def test_what_stands_in_the_environment_and_in_the_file_comes_to_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".env").write_text("KINTSUGI_GITHUB_REPO=shop/checkout\nKINTSUGI_LLM_MODEL=one\nKINTSUGI_BRANCH=\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINTSUGI_LLM_MODEL", "two")
    monkeypatch.setenv("KINTSUGI_GITHUB_LABELS", "bug 'made by us'")
    monkeypatch.setenv("KINTSUGI_DISCORD_ADMIN_ROLES", "1, 2 3")
    monkeypatch.setenv("KINTSUGI_KEEP_PAYLOADS_DAYS", "30")
    monkeypatch.setenv("KINTSUGI_LLM_PRICES", '{"two": {"tokens_in": 1, "tokens_out": 8}}')

    settings = read_settings()

    assert settings.github.repo == "shop/checkout"
    assert settings.github.labels == ("bug", "made by us")
    assert settings.discord.admin_roles == {1, 2, 3}
    assert settings.keep.days == 30
    assert settings.model.model == "two"
    assert settings.model.prices["two"].tokens_out == 8
    assert settings.code.branch == "main"


def test_what_railway_says_of_itself_need_not_be_set(monkeypatch: pytest.MonkeyPatch):
    """Names as in https://docs.railway.com/reference/variables."""
    ours = {"PROJECT_ID": "p1", "ENVIRONMENT_ID": "e1", "ENVIRONMENT_NAME": "production", "SERVICE_ID": "kintsugi"}
    monkeypatch.setenv("PORT", "7070")
    assert read_settings().web.bind == "127.0.0.1:8000"  # that port is somebody else's
    for name, value in (ours | {"PUBLIC_DOMAIN": "kintsugi.up.railway.app"}).items():
        monkeypatch.setenv(f"RAILWAY_{name}", value)
    monkeypatch.setenv("KINTSUGI_RAILWAY_SERVICE_ID", "shop")

    settings = read_settings()
    door = railway_door(settings.railway)

    assert (settings.web.bind, settings.web.url) == ("0.0.0.0:7070", "https://kintsugi.up.railway.app")
    assert settings.program.env_name == "production"
    assert (door.project, door.environment, door.service) == ("p1", "e1", "shop")


def test_each_name_in_the_environment_belongs_to_one_room():
    names = [variable(room, name) for room in rooms_of(Settings).values() for name in room.model_fields]

    assert len(names) == len(set(names))
    assert {"KINTSUGI_DATABASE_URL", "KINTSUGI_DISCORD_TOKEN", "KINTSUGI_LLM_API_KEY", "KINTSUGI_ENV_NAME"} < set(names)


def test_what_tests_find_beside_them_is_read_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINTSUGI_TEST_MOUNTS", f"{tmp_path}, /usr")
    monkeypatch.setenv("KINTSUGI_TEST_SERVICES", "mkdir -p data; redis-server --save '' && true ;")
    monkeypatch.setenv("KINTSUGI_TEST_ENV", '{"BOT_TOKEN": "none"}')

    code = read_settings().code

    assert code.test_mounts == (tmp_path, Path("/usr"))
    assert code.test_services == ("mkdir -p data", "redis-server --save '' && true")
    assert code.test_env == {"BOT_TOKEN": "none"}


def test_every_wrong_setting_of_every_room_is_named_with_what_it_should_be(monkeypatch: pytest.MonkeyPatch):
    wrong = {
        "DATABASE_URL": ("mysql://db/kintsugi", "mysql is not supported"),
        "GITHUB_REPO": ("checkout", "should be owner/name"),
        "DISCORD_GATEWAY_URL": ("https://gateway", "begins with ws:// or wss://"),
        "LLM_BASE_URL": ("model.example", "begins with http:// or https://"),
        "SENTRY_PROJECTS": ("{1", "should be a JSON object"),
        "TEST_MOUNTS": ("data", "should name folders that are there, in full, not data"),
        "TEST_ENV": ("{1", "should be a JSON object"),
        "TEST_SECONDS": ("1", "should be 10 or more"),
        "ROUNDS": ("0", "should be 1 or more"),
        "WEB_BIND": ("8000", "should be host:port, such as 127.0.0.1:8000. Meaning: where the web listens"),
        "WEB_TOKEN": ("a" * 15, "should have 16 characters or more, or it can be guessed. Make one with `openssl rand"),
        "METRICS_TOKEN": ("a" * 15, "Make one with `openssl rand -base64 24`. Meaning: reads /metrics"),
        "RAILWAY_WEBHOOK_SECRET": ("a" * 15, "should have 16 characters or more"),
        "GITHUB_WEBHOOK_SECRET": (f"{'a' * 30}, {'b' * 7}", "should have 8 characters or more"),
        "DEPLOY_WEBHOOK_SECRET": ("b" * 7, "should have 8 characters or more"),
    }
    for name, (value, _) in wrong.items():
        monkeypatch.setenv(f"KINTSUGI_{name}", value)

    with pytest.raises(SettingsError) as refused:
        read_settings()

    lines = str(refused.value).splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(f"KINTSUGI_{name}" for name in wrong)
    for name, (_, says) in wrong.items():
        assert any(line.startswith(f"KINTSUGI_{name}: ") and says in line for line in lines)


def test_the_redactor_knows_every_secret_however_deep_it_lies():
    hidden = {each: secrets.token_urlsafe(24) for each in ("first", "second", "key", "password", "webhook", "basic")}
    settings = Settings(
        database=DatabaseSettings(url=Database.parse(f"postgresql://me:{hidden['password']}@db.example/kintsugi")),
        github=GitHubSettings(webhook_secret=SecretStr(f"{hidden['first']}, {hidden['second']}")),
        sentry=SentrySettings(projects={"1": SentryProject(key=SecretStr(hidden["key"]))}),
        deploy=DeploySettings(
            webhook_url=f"https://us:{hidden['basic']}@deploy.example/", webhook_secret=SecretStr(hidden["webhook"])
        ),
    )

    Bootstrap(settings)

    said = redact(" and then ".join(hidden.values()))
    assert [name for name, value in hidden.items() if value in said] == []
    assert [name for name, value in hidden.items() if value in repr(settings) and name != "basic"] == []


def test_a_password_in_a_database_s_address_is_not_shown():
    password = secrets.token_urlsafe(24)
    database = Database.parse(f"postgresql://me:{password}@db.example:5433/kintsugi")

    assert password not in f"{database} {database!r} {database.without_password}"
    assert Database.parse(database.address) == database
    assert str(database) == "postgresql://me:***@db.example:5433/kintsugi"


# --- who may know them ---


def test_the_whole_of_the_settings_is_for_the_bootstrap_alone():
    """Nobody else is handed them, and outside app/ nobody can even name them."""
    modules = _modules("ettings")  # Settings, read_settings
    handed = [
        f"{path.relative_to(SOURCES)}:{each.lineno}"
        for path, tree in modules
        for each in ast.walk(tree)
        if isinstance(each, ast.arg) and each.annotation and "Settings" in _names(each.annotation)
    ]
    imported = [
        str(path.relative_to(SOURCES))
        for path, tree in modules
        for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom)
        and (each.module or "").startswith("kintsugi.app.settings")
        and path.parent.name != "settings"
        and {name.name for name in each.names} & {"Settings", "read_settings"}
    ]

    assert {place.partition(":")[0] for place in handed} == {"app/bootstrap.py", "app/settings/whole.py"}
    assert imported == ["app/bootstrap.py"]


def test_only_the_app_and_what_is_called_know_the_settings_of_a_room():
    above = {"app", "commands", "demo", "discord.py"}
    knowing = {
        path.relative_to(SOURCES).parts[0]
        for path, tree in _modules("kintsugi.app")
        for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("kintsugi.app")
    }

    assert knowing <= above | {"__main__.py"}


def _modules(word: str) -> list[tuple[Path, ast.Module]]:
    """Those in which it stands."""
    paths = [each for each in sorted(SOURCES.rglob("*.py")) if "checkout" not in each.parts]
    texts = [(each, each.read_text(encoding="utf-8")) for each in paths]
    return [(each, parse(text)) for each, text in texts if word in text]


def _names(annotation: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(annotation) if isinstance(each, ast.Name)}
