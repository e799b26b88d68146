"""All commands, as they are typed: `kintsugi <command>`.

Each is typed in `kintsugi/commands/typed`, or where it is done if that is quick to load; the work is imported only when
a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import typer
from typer.main import get_command

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


@cache
def whole() -> Any:
    """The tree of them all: a click command, made once, as that reads the annotations of each."""
    return get_command(app)
