"""The `kintsugi` command: options in, exit status out.

Each command is typed in `kintsugi/commands/typed`, or where it is done if that is quick to load; the work is imported
only when a command runs, so that `--help` answers at once.
Exit status: 0 done, 1 a fault, 2 wrong usage or settings, 3 refused with a reason, 130 interrupted.
"""

from __future__ import annotations

import gc
from typing import Annotated

from kintsugi.extras import how_to_install

try:
    import typer

    from kintsugi.commands.context import context as show_context
    from kintsugi.commands.inspect import inspect
    from kintsugi.commands.mcp import mcp
    from kintsugi.commands.patch import app as patch_app
    from kintsugi.commands.propose import propose
    from kintsugi.commands.prove import prove as prove_patch
    from kintsugi.commands.typed.capture import capture
    from kintsugi.commands.typed.database import db_app
    from kintsugi.commands.typed.demo import demo
    from kintsugi.commands.typed.deploy import deploy_app
    from kintsugi.commands.typed.doctor import doctor
    from kintsugi.commands.typed.effects import app as effects_app
    from kintsugi.commands.typed.incidents import (
        ack,
        ask,
        assign,
        cancel,
        confirm,
        duplicate,
        fixed,
        ignore,
        incident_app,
        incidents,
        note,
        reject,
        release,
        reopen,
        replay,
        retry,
        send,
        severity,
        unignore,
    )
    from kintsugi.commands.typed.init import init
    from kintsugi.commands.typed.login import login
    from kintsugi.commands.typed.logs import alerts_app, redact
    from kintsugi.commands.typed.open_pr import open_pr
    from kintsugi.commands.typed.report import report
    from kintsugi.commands.typed.service import run_service
except KeyboardInterrupt:  # somebody thought better of it while this was read
    raise SystemExit(130) from None
except ModuleNotFoundError as error:
    raise SystemExit(how_to_install(error, "server")) from None

_NEW_OBJECTS = 20_000
"""After so many the collector looks for garbage. Python's own 700 makes it look all the time while modules are loaded,
where there is none: a fifth of a command's start."""

app = typer.Typer(
    help="From a crash to a proven, deployed fix. Begin with `kintsugi demo`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


app.command()(demo)
app.command("run")(run_service)
app.command()(init)
app.command()(login)
app.command()(doctor)
app.command(context_settings={"ignore_unknown_options": True})(capture)
app.command()(report)
app.command()(incidents)
app.command()(confirm)
app.command()(ask)
app.command()(reject)
app.command()(retry)
app.command()(cancel)
app.command()(send)
app.command()(ignore)
app.command()(unignore)
app.command()(ack)
app.command()(assign)
app.command()(release)
app.command()(note)
app.command()(severity)
app.command()(fixed)
app.command()(duplicate)
app.command()(reopen)
app.command("open-pr")(open_pr)
app.command()(redact)
app.command("context")(show_context)
app.command("inspect")(inspect)
app.command("prove")(prove_patch)
app.command()(propose)
app.command()(mcp)
app.command()(replay)
app.add_typer(incident_app, name="incident")
app.add_typer(effects_app, name="effects")
app.add_typer(patch_app, name="patch")
app.add_typer(deploy_app, name="deploy")
app.add_typer(alerts_app, name="alerts")
app.add_typer(db_app, name="db")


def main() -> None:
    """The entry point."""
    gc.set_threshold(_NEW_OBJECTS)
    try:
        app()
    except KeyboardInterrupt:  # before or after the command itself, which has its own sentence
        raise SystemExit(130) from None
    except ModuleNotFoundError as error:
        raise SystemExit(how_to_install(error, "server")) from None


if __name__ == "__main__":
    main()
