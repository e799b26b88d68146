"""What of other files is shown: who is reached by a bot, a cog's name or a commit, and not whoever has the same name."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.context_across import fixes_of
from kintsugi.repair.context import Context, build_context
from kintsugi.repair.context.sources import sources_at
from kintsugi.workflow.payload import Failure, Frame, Raised
from tests.repair.programs import a_program

BOT = {
    "bot/core.py": """\
class Bot:
    def __init__(self, settings):
        self.settings = settings

    async def member_or_user(self, guild, user_id):
        return guild.get_member(user_id) or await self.fetch_user(user_id)
""",
    "bot/exts/warnings/cog.py": """\
class Warnings(Cog):
    async def issue(self, ctx, user_id, reason):
        member = await self.bot.member_or_user(ctx.guild, user_id)
        await self.bot.get_cog("Ledger").write_down(member, reason)
        self.bot.dispatch("warning_issued", member)
""",
    "bot/exts/ledger/cog.py": """\
class Ledger(Cog):
    async def write_down(self, member, reason):
        await self.rows.insert(member.id, member.joined_at, reason)

    async def balance(self, ctx):
        await ctx.send(self.rows.total())
""",
}
MODALS = {
    f"bot/forms/form_{at}.py": f"""\
class Form{at}(Modal):
    async def on_submit(self, interaction):
        await super().on_submit(interaction)
        answer_{at} = self.children[{at}].value
        await interaction.response.send_message(answer_{at})
"""
    for at in range(14)
}


def shown(folder: Path, path: str, line: int, function: str, *, tokens: int = 8000) -> Context:
    frame = Frame(path=path, line=line, function=function, in_project=True)
    failure = Failure(chain=(Raised(type="AttributeError", message="no attribute 'joined_at'", frames=(frame,)),))
    return build_context(failure, folder, tokens=tokens)


def why(context: Context, path: str) -> str:
    return next((region.why for region in context.regions if region.path == path), "")


def test_a_method_of_the_bot_is_found_by_its_name_alone(tmp_path: Path) -> None:
    a_program(tmp_path, BOT)

    context = shown(tmp_path, "bot/exts/warnings/cog.py", 3, "issue")

    assert "return guild.get_member(user_id)" in context.text
    assert why(context, "bot/core.py") == "function member_or_user, used by issue"


def test_a_method_of_another_cog_is_found_too(tmp_path: Path) -> None:
    a_program(tmp_path, BOT)

    context = shown(tmp_path, "bot/exts/warnings/cog.py", 4, "issue")

    assert why(context, "bot/exts/ledger/cog.py") == "function write_down, used by issue"


def test_whoever_calls_the_function_is_found_without_an_import(tmp_path: Path) -> None:
    a_program(tmp_path, BOT)

    assert "calls write_down" in why(
        shown(tmp_path, "bot/exts/ledger/cog.py", 3, "write_down"), "bot/exts/warnings/cog.py"
    )


def test_other_callbacks_of_the_same_name_do_not_take_the_room_of_what_is_called(tmp_path: Path) -> None:
    form = """\
class Warn(Modal):
    async def on_submit(self, interaction):
        await self.bot.get_cog("Ledger").write_down(interaction.user, self.reason.value)
"""
    a_program(tmp_path, {**BOT, **MODALS, "bot/forms/warn.py": form})

    context = shown(tmp_path, "bot/forms/warn.py", 3, "on_submit", tokens=400)

    elsewhere = [region.path for region in context.regions if region.path != "bot/forms/warn.py"]
    assert elsewhere[0] == "bot/exts/ledger/cog.py"


def test_what_was_written_with_the_failing_lines_is_shown_though_it_shares_no_name(tmp_path: Path) -> None:
    a_program(
        tmp_path,
        {"a/limits.py": "def ceiling():\n    return 5\n", "b/page.py": "def paint():\n    draw('nothing yet')\n"},
    )
    commit(tmp_path, "first")
    (tmp_path / "a/limits.py").write_text("def ceiling():\n    return int(environ['CEILING'])\n")
    (tmp_path / "b/page.py").write_text("def paint():\n    draw('up to what was set')\n")
    commit(tmp_path, "the ceiling is a setting")

    assert why(shown(tmp_path, "a/limits.py", 2, "ceiling"), "b/page.py") == (
        "function paint, changed together with ceiling"
    )


def test_what_a_partial_clone_did_not_fetch_is_passed_over(tmp_path: Path) -> None:
    a_program(tmp_path / "full", BOT)
    commit(tmp_path / "full", "first")
    git(tmp_path / "full", "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", f"file://{tmp_path}/full", "partial")
    git(tmp_path / "partial", "remote", "remove", "origin")

    assert sources_at(tmp_path / "partial", "HEAD").texts == {}


def test_the_bench_finds_a_fix_over_two_files_and_leaves_its_new_functions_out(tmp_path: Path) -> None:
    a_program(tmp_path, BOT)
    commit(tmp_path, "first")
    for path in ("bot/core.py", "bot/exts/ledger/cog.py"):
        text = (tmp_path / path).read_text()
        (tmp_path / path).write_text(
            text.replace("member.joined_at", "joined(member)").replace("user_id) or", "user_id) or None or")
            + "\n\ndef new():\n    return 1\n"
        )
    commit(tmp_path, "fix members that left")

    (fix,) = fixes_of(tmp_path)

    changed = {(one.path, one.name, one.lines) for one in (fix.failed, *fix.others)}
    assert changed == {
        ("bot/core.py", "Bot.member_or_user", (6,)),
        ("bot/exts/ledger/cog.py", "Ledger.write_down", (3,)),
    }


def commit(folder: Path, message: str) -> None:
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", message)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=True)
