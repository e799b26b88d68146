"""`kintsugi login`: a link to the pages that works once."""

from __future__ import annotations

import typer

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.links import KeyFile
from kintsugi.commands.outcome import UsageError
from kintsugi.workflow.errors import Refusal


async def login() -> None:
    """Raises Refusal where no pages are served from this folder."""
    settings = Bootstrap.read().settings
    if settings.web.token or settings.discord.client_id:
        where = "KINTSUGI_WEB_TOKEN" if settings.web.token else "Discord"
        raise UsageError(f"People log in with {where} here. A link is for where neither a token nor Discord is set up.")
    bind = settings.web.bind
    try:
        link = KeyFile(settings.database.database, bind).link()
    except OSError as error:
        raise Refusal(
            f"The key cannot be read ({error.strerror}). Log in as the user that Kintsugi runs as."
        ) from error
    if link is None:
        raise Refusal(f"No pages are served at {bind} from this folder. Start them with `kintsugi run`.")
    typer.echo(link)
