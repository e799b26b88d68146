"""`kintsugi incidents`, `incident show` and the human moves as they are typed."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from kintsugi.commands.typed.options import IncidentId, Json, Why, Yes

Model = Annotated[str, typer.Option("--model", help="Another model at the same address.")]
PromptDir = Annotated[
    Path | None,
    typer.Option("--prompt-dir", help="A folder of your own prompts, named as ours.", file_okay=False, exists=True),
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", min=1, help="How long one call may take, instead of a minute.")
]

incident_app = typer.Typer(help="One incident in full.", no_args_is_help=True)


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
    """Show one incident: who did what, and when; the patch, and its proof.

    Example: `kintsugi incident show 7`
    """
    from kintsugi.commands import show
    from kintsugi.commands.outcome import run

    run(lambda: show.incident(id, as_json))


@incident_app.command("reproduce")
def reproduce(
    id: IncidentId,
    at: Annotated[str, typer.Option("--at", metavar="REV", help="Another commit than the build that failed.")] = "",
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Put the file among the tests in this folder instead.")
    ] = None,
    seconds: Seconds = None,
    as_json: Json = False,
) -> None:
    """Make the failing call again in the sandbox, as it was written down at the crash.

    Exit status 0 if it fails in the same way, 3 if it does not, 1 if it could not be tried. With --json:
    `{"outcome", "call", "commit", "seconds", "why"}`; outcome is reproduced, other_failure or not_reproducible.
    With --write nothing is run: the call becomes a test file of yours, in a folder that is there.

    Example: `kintsugi incident reproduce 7 --at main`

    Example: `kintsugi incident reproduce 7 --write tests/`
    """
    from kintsugi.commands import capsule
    from kintsugi.commands.outcome import run

    run(lambda: capsule.write(id, write) if write else capsule.reproduce(id, at, seconds, as_json))


@incident_app.command("bisect")
def bisect(id: IncidentId, seconds: Seconds = None, as_json: Json = False) -> None:
    """Find the deployed commit that brought the failure: its call is made again at each, in the sandbox.

    Exit status 0 if one is named, 3 if it is older or cannot be said, 1 if it could not be tried. With
    --json: `{"answer", "commit", "pull_request", "says", "runs", "could_not_run"}`; answer is guilty, older_than,
    cannot_run_before or not_reproduced. Of the `runs`, `could_not_run` came to no answer.

    Example: `kintsugi incident bisect 7`
    """
    from kintsugi.commands import capsule
    from kintsugi.commands.outcome import run

    run(lambda: capsule.bisect(id, seconds, as_json))


@incident_app.command("receipt")
def receipt(
    id: IncidentId,
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE", help="Where it goes; - is standard output.")] = "-",
) -> None:
    """The incident's history as a file that anybody can check: an in-toto statement in a DSSE envelope.

    Signed where KINTSUGI_RECEIPT_KEY is set. 1 if the database's own chain does not hold.

    Example: `kintsugi incident receipt 7 -o INC-7.json`
    """
    from kintsugi.commands import receipt
    from kintsugi.commands.outcome import run

    run(lambda: receipt.write(id, out))


@incident_app.command("verify")
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A receipt; - is standard input.")],
    key: Annotated[str, typer.Option("--key", metavar="FILE", help="The public key that signed it, as PEM.")] = "",
    as_json: Json = False,
) -> None:
    """Check a receipt with nothing but the file. Exit status 0 if it holds, 3 with what is wrong if it does not.

    Without --key, the public half of KINTSUGI_RECEIPT_KEY where that is set.

    Example: `kintsugi incident verify INC-7.json --key receipts.pub`
    """
    from kintsugi.commands import receipt
    from kintsugi.commands.outcome import run

    run(lambda: receipt.verify(file, key, as_json))


@incident_app.command("replay")
def replay_one(id: IncidentId, model: Model = "", prompt_dir: PromptDir = None, as_json: Json = False) -> None:
    """Ask another model or prompt about an incident that ended, with what was captured then, and prove its answer.

    Changes nothing. Prints both answers side by side. With --json: `{"incident", "then", "now"}`.

    Example: `kintsugi incident replay 7 --model gpt-5-mini`
    """
    from kintsugi.commands import replay
    from kintsugi.commands.outcome import run

    run(lambda: replay.one(id, model, prompt_dir, as_json))


def replay(
    every: Annotated[bool, typer.Option("--all", help="All incidents that ended.")] = False,
    model: Model = "",
    prompt_dir: PromptDir = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many of the newest.")] = 100,
    as_json: Json = False,
) -> None:
    """Choose a model by your own incidents: ask again about each that ended, and compare the answers in a table.

    Changes nothing, and costs what the model costs.

    Example: `kintsugi replay --all --model gpt-5-mini --limit 20`
    """
    from kintsugi.commands import replay
    from kintsugi.commands.outcome import UsageError, run

    def all_of_them() -> Coroutine[Any, Any, None]:
        if not every:
            raise UsageError("Say --all, or `kintsugi incident replay ID` for one.")
        return replay.every(model, prompt_dir, limit, as_json)

    run(all_of_them)


def confirm(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="As it was shown with the patch.")], yes: Yes = False
) -> None:
    """Approve the patch that was shown with this token. On a terminal, it shows the patch again and asks first.

    Example: `kintsugi confirm 7-0f3a…`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.confirm(token, yes=yes))


def ask(id: IncidentId) -> None:
    """Ask for the confirmation again, with a new token; the old one becomes void.

    Example: `kintsugi ask 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.ask(id))


def reject(id: IncidentId, why: Why = "") -> None:
    """Say no to the patch.

    Example: `kintsugi reject 7 --why "wrong rounding"`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("reject", id, why=why))


def retry(
    id: IncidentId,
    said: Annotated[str, typer.Argument(metavar="[HINT]", hidden=True)] = "",
    hint: Annotated[str, typer.Option("--hint", help="What the analyst should know.")] = "",
    yes: Yes = False,
) -> None:
    """Try the step that gave up again, or ask the analyst again, with your hint.

    On a terminal, it asks first about a deployment or a rollback.

    Example: `kintsugi retry 7 --hint "the coupon has no percent when it is a fixed amount"`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("retry", id, {"hint": hint or said}, yes=yes))


def cancel(id: IncidentId, why: Why = "") -> None:
    """End an incident.

    Example: `kintsugi cancel 7 --why "mended by hand"`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("cancel", id, why=why))


def send(id: IncidentId) -> None:
    """Send a staged (dry run) incident on to the analyst.

    Example: `kintsugi send 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("send", id))


def ignore(
    id: IncidentId,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME|TIMES", help="A time (12h, 7d) or a number of times (100).")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="BUILD|DATE", help="A commit, `next` for the next build, or a date.")
    ] = "",
    why: Why = "",
) -> None:
    """Keep a failure from opening incidents, for a while or for good. It is still counted.

    Ends an incident that is open. Example: `kintsugi ignore 7 --for 7d --until 1a2b3c4`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("ignore", id, {"for": for_, "until": until}, why=why))


def unignore(id: IncidentId) -> None:
    """Let an ignored failure open incidents again.

    Example: `kintsugi unignore 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("unignore", id))


def ack(id: IncidentId) -> None:
    """Say that you have it. Nobody is called about it any more. `release` takes it back.

    Example: `kintsugi ack 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("ack", id))


def assign(id: IncidentId, to: Annotated[str, typer.Argument(metavar="USER", help="Who has it now.")]) -> None:
    """Give it to somebody. `release` takes it back.

    Example: `kintsugi assign 7 bob`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("assign", id, {"to": to}))


def release(id: IncidentId) -> None:
    """Say that nobody has it any more: takes an `ack` or `assign` back.

    Example: `kintsugi release 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("release", id))


def note(id: IncidentId, text: Annotated[str, typer.Argument(metavar="TEXT", help="What you did or saw.")]) -> None:
    """Write down what you did or saw. It goes into the history.

    Example: `kintsugi note 7 "turned the coupons off"`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("note", id, {"text": text}))


def severity(
    id: IncidentId, level: Annotated[str, typer.Argument(metavar="LEVEL", help="critical, high, medium, low or auto.")]
) -> None:
    """Say how bad it is: critical, high, medium or low; `auto` goes back to the rule.

    Example: `kintsugi severity 7 high`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("severity", id, {"level": level}))


def fixed(
    id: IncidentId,
    commit: Annotated[
        str, typer.Argument(metavar="[COMMIT]", help="A commit or a pull request. Default: the newest commit.")
    ] = "",
    named: Annotated[str, typer.Option("--commit", hidden=True)] = "",
    yes: Yes = False,
) -> None:
    """Say that you fixed it by hand. The fix is followed to its deployment and cure.

    COMMIT is on the branch that is deployed, or is a pull request such as #12. `reopen` takes it back.

    Example: `kintsugi fixed 7 1a2b3c4`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("fixed", id, {"named": commit or named}, yes=yes))


def duplicate(id: IncidentId, of: Annotated[str, typer.Argument(metavar="OF", help="The other incident.")]) -> None:
    """Say that it is the same as another incident. `reopen` takes it back.

    Example: `kintsugi duplicate 7 3`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("duplicate", id, {"of": of}))


def reopen(id: IncidentId, why: Why = "") -> None:
    """Take it up again: it was cancelled, rejected, marked or fixed by mistake, or it expired.

    Example: `kintsugi reopen 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("reopen", id, why=why))
