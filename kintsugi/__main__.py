"""The `kintsugi` command: options in, exit status out.

The work is in `kintsugi/commands`, imported only when a command runs, so that `--help` answers at once.
Exit status: 0 done, 1 a fault, 2 wrong usage or settings, 3 refused with a reason, 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

from kintsugi.extras import how_to_install

try:
    import typer

    from kintsugi.commands.context import context as show_context
    from kintsugi.commands.database_typed import db_app
    from kintsugi.commands.effects_typed import app as effects_app
    from kintsugi.commands.inspect import inspect
    from kintsugi.commands.patch import app as patch_app
    from kintsugi.commands.prove import prove as prove_patch
except KeyboardInterrupt:  # somebody thought better of it while this was read
    raise SystemExit(130) from None
except ModuleNotFoundError as error:
    raise SystemExit(how_to_install(error, "server")) from None

app = typer.Typer(
    help="From a crash to a proven, deployed fix. Begin with `kintsugi demo`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
incident_app = typer.Typer(help="One incident in full.", no_args_is_help=True)
deploy_app = typer.Typer(help="What runs in production.", no_args_is_help=True)
alerts_app = typer.Typer(help="The alert rules.", no_args_is_help=True)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"kintsugi {version('kintsugi')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Which version this is.")
    ] = False,
) -> None: ...


IncidentId = Annotated[str, typer.Argument(metavar="ID", help="The incident's number: 7 or INC-7.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the history.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]


@app.command()
def demo(
    *,
    auto: Annotated[bool, typer.Option("--auto", help="Confirm and merge without asking.")] = False,
    broken_fix: Annotated[bool, typer.Option("--broken-fix", help="The other ending: a fix that is refused.")] = False,
    useless_fix: Annotated[
        bool, typer.Option("--useless-fix", help="A third: a fix that passes its tests and does not help.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start clean where an earlier run was cut short.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Only stop the sample program left running.")] = False,
    folder: Annotated[Path, typer.Option("--dir", help="Where everything is kept.")] = Path(".kintsugi/demo"),
) -> None:
    """The whole lifecycle on a real crash of a real program, with no account and no network.

    Where its input is no terminal it asks nothing, as with --auto. Cut short, it goes on where it was.
    With KINTSUGI_LLM_API_KEY set, a real model is asked instead of the recording.

    Example: `kintsugi demo --auto`
    """
    from kintsugi.commands import demo as command
    from kintsugi.commands.outcome import run

    ending = command.BROKEN_FIX if broken_fix else command.USELESS_FIX if useless_fix else command.FIX
    run(lambda: command.demo(command.Wishes(auto, ending, fresh, stop, folder)))


@app.command("run")
def run_service(
    only: Annotated[str, typer.Option("--only", help="Some of discord,web,worker; all that is configured.")] = "",
    drain: Annotated[bool, typer.Option("--drain", help="Do what is due now, then stop.")] = False,
) -> None:
    """The service: performs what incidents owe, until it is stopped. What is not configured is named and left out.

    Example: `kintsugi run --only worker`
    """
    from kintsugi.commands import service
    from kintsugi.commands.outcome import run

    run(lambda: service.run(only, drain))


@app.command()
def login() -> None:
    """Print a link to the operator's pages that works once, where neither a token nor Discord is set up.

    Example: `kintsugi login`
    """
    from kintsugi.commands import login as command
    from kintsugi.commands.outcome import run

    run(command.login)


@app.command()
def doctor() -> None:
    """Check every setting and connection; each fault with its mend. Exit status 1 on a fault.

    Example: `kintsugi doctor`
    """
    from kintsugi.commands import doctor as command
    from kintsugi.commands.outcome import run

    run(command.doctor)


@app.command(context_settings={"ignore_unknown_options": True})
def capture(
    file: Annotated[list[str], typer.Argument(metavar="FILE", help="A traceback or log; - is standard input.")],
    repo: Annotated[Path | None, typer.Option("--repo", help="The program's code, for the lines around.")] = None,
    summary: Annotated[str, typer.Option("--summary", help="What happened, in a few words.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep the payload, call no model.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="FILE… is a command: run it, watch what it prints.")] = False,
    *,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="With --follow: an end with a status other than 0 is a failure too.")
    ] = False,
    no_pty: Annotated[
        bool, typer.Option("--no-pty", help="With --follow: pipes for the program, also where you have a terminal.")
    ] = False,
) -> None:
    """Make an incident of each failure in a traceback or log file, at most 20, and print their ids.

    With --follow, run a command, pass its output, signals and exit status on, and make an incident of each crash in it.

    Examples: `kintsugi capture crash.log --repo .`, `kintsugi capture --follow -- python -m shop`
    """
    if follow:
        from kintsugi.commands.follow import Wishes
        from kintsugi.commands.follow import follow as following

        raise typer.Exit(following(file, Wishes(repo, dry_run, exit_status, pty=not no_pty)))
    from kintsugi.commands import capture as command
    from kintsugi.commands.outcome import UsageError, run

    def chosen() -> Coroutine[Any, Any, int | None]:
        if len(file) > 1:
            raise UsageError(f"One FILE at a time: {' '.join(file)}. To run it as a command, add --follow.")
        return command.capture(file[0], repo, summary, dry_run)

    run(chosen)


@app.command()
def incidents(
    state: Annotated[str, typer.Option("--state", help="Only those in this state.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 20,
    before: Annotated[
        int | None, typer.Option("--before", max=10**18, help="Older than this number: the next page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The incidents, newest first.

    Example: `kintsugi incidents --state awaiting_confirm`
    """
    from kintsugi.commands import show
    from kintsugi.commands.outcome import run

    run(lambda: show.incidents(state, limit, before, as_json))


@incident_app.command("show")
def show_incident(id: IncidentId, as_json: Json = False) -> None:
    """One incident: who, what, when, from where to where; the patch and why it is believed.

    Example: `kintsugi incident show 7`
    """
    from kintsugi.commands import show
    from kintsugi.commands.outcome import run

    run(lambda: show.incident(id, as_json))


@app.command()
def confirm(token: Annotated[str, typer.Argument(metavar="TOKEN", help="As it was shown with the patch.")]) -> None:
    """Approve the patch that was shown with this token.

    Example: `kintsugi confirm 7-0f3a…`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.confirm(token))


@app.command()
def ask(id: IncidentId) -> None:
    """Ask for the confirmation again, with a new token; the old one becomes void.

    Example: `kintsugi ask 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.ask(id))


@app.command()
def reject(id: IncidentId, why: Why = "") -> None:
    """Say no to the patch.

    Example: `kintsugi reject 7 --why "wrong rounding"`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Rejected", id, why))


@app.command()
def retry(id: IncidentId) -> None:
    """Try the step again that gave up.

    Example: `kintsugi retry 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Retried", id))


@app.command()
def cancel(id: IncidentId, why: Why = "") -> None:
    """End an incident.

    Example: `kintsugi cancel 7 --why "mended by hand"`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Cancelled", id, why))


@app.command()
def send(id: IncidentId) -> None:
    """Send a staged (dry run) incident on to the analyst.

    Example: `kintsugi send 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Sent", id))


@deploy_app.command("latest")
def deploy_latest(
    wait: Annotated[bool, typer.Option("--wait", help="Until the program itself says that it runs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also in production.")] = False,
) -> None:
    """Deploy the newest commit of the branch, unless it runs or is under way. 1 where it fails.

    Example: `kintsugi deploy latest --wait`
    """
    from kintsugi.commands import deploy as command
    from kintsugi.commands.outcome import run

    run(lambda: command.latest(wait, yes))


@deploy_app.command("status")
def deploy_status() -> None:
    """What runs, how the newest commit stands, and what is new in it.

    Example: `kintsugi deploy status`
    """
    from kintsugi.commands import deploy as command
    from kintsugi.commands.outcome import run

    run(command.status)


@deploy_app.command("rollback")
def deploy_rollback(id: IncidentId) -> None:
    """Have brought back what ran before an incident's fix.

    Example: `kintsugi deploy rollback 7`
    """
    from kintsugi.commands import deploy as command
    from kintsugi.commands.outcome import run

    run(lambda: command.rollback(id))


@app.command("open-pr")
def open_pr(
    repo: Annotated[Path, typer.Option("--repo", metavar="DIR", help="A git checkout; the patch is made on its HEAD.")],
    patch: Annotated[str, typer.Option("--patch", metavar="FILE", help="The patch or reply; - is standard input.")],
    title: Annotated[str, typer.Option("--title", help="The pull request's title.")],
    branch: Annotated[str, typer.Option("--branch", help="The branch to make.")],
    body: Annotated[str, typer.Option("--body", help="What the pull request says.")] = "",
) -> None:
    """For CI: open a pull request of a patch on GitHub, or find it, and print its address.

    The repository and token are those of the settings, or of the GitHub Actions workflow it runs in.

    Example: `kintsugi open-pr --repo . --patch fix.diff --title "Round up" --branch fix/rounding`
    """
    from kintsugi.commands import open_pr as command
    from kintsugi.commands.outcome import run

    run(lambda: command.open_pr(command.Asked(repo, patch, title, body, branch)))


@app.command()
def redact(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A text or log; - or nothing is standard input.")] = "-",
) -> None:
    """Copy a text to standard output without the secrets in it: the code that the log handler runs.

    Example: `kintsugi redact bot.log > bot.redacted.log`
    """
    from kintsugi.commands import logs
    from kintsugi.commands.outcome import run

    run(lambda: logs.redact(file))


@alerts_app.command("export")
def export_alerts(
    rules: Annotated[Path | None, typer.Option("--rules", help="A TOML file, beside the built-in rules.")] = None,
    form: Annotated[str, typer.Option("--format", help="What to print: loki.")] = "loki",
) -> None:
    """Print the alert rules for a central sink.

    Example: `kintsugi alerts export --format loki > rules.yaml`
    """
    from kintsugi.commands import logs
    from kintsugi.commands.outcome import run

    run(lambda: logs.export_alerts(rules, form))


app.command("context")(show_context)
app.command("inspect")(inspect)
app.add_typer(incident_app, name="incident")
app.add_typer(effects_app, name="effects")
app.add_typer(patch_app, name="patch")
app.command("prove")(prove_patch)
app.add_typer(deploy_app, name="deploy")
app.add_typer(alerts_app, name="alerts")


@db_app.command("copy")
def db_copy(
    source: Annotated[str, typer.Argument(metavar="SQLITE_URL", help="The database to copy: sqlite:///path.")],
    target: Annotated[str, typer.Argument(metavar="POSTGRES_URL", help="An empty database: postgresql://….")],
) -> None:
    """Move a team's history from SQLite to PostgreSQL.

    Stop the service first. Everything is copied in one transaction, read back and compared: a copy that was
    interrupted has left nothing, and is made again.

    Example: `kintsugi db copy sqlite:///.kintsugi/kintsugi.db postgresql://kintsugi@db.example/kintsugi`
    """
    from kintsugi.commands import database
    from kintsugi.commands.outcome import run

    run(lambda: database.copy(source, target))


app.add_typer(db_app, name="db")


def main() -> None:
    """The entry point."""
    try:
        app()
    except KeyboardInterrupt:  # before or after the command itself, which has its own sentence
        raise SystemExit(130) from None
    except ModuleNotFoundError as error:
        raise SystemExit(how_to_install(error, "server")) from None


if __name__ == "__main__":
    main()
