"""The pictures in docs/pictures: an incident told by the real engine through the real discord.py to the stand-in, and
what that received, drawn by a browser.

    python -m tests.world.discord_pictures [chromium]
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.workflow.incident import Cost
from kintsugi.workflow.triggers import PullRequestMerged
from tests.bot.stage import Stage, a_stage
from tests.world.discord_html import message, page
from tests.world.discord_shapes import Seen
from tests.world.make import MERGE, a_diagnosis, a_patch, a_payload, a_pull_request
from tests.world.patience import PATIENCE

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH, SHARPNESS = 412, 1.5
_DIFF = """\
--- a/shop/pricing.py
+++ b/shop/pricing.py
@@ -9,5 +9,7 @@ def discount(total, coupon):
-    return total * (100 - coupon["percent"]) / 100
+    if "percent" in coupon:
+        return total * (100 - coupon["percent"]) / 100
+    return max(total - coupon["amount"], 0)
--- /dev/null
+++ b/tests/test_fixed_coupon.py
@@ -0,0 +1,4 @@
+from shop.pricing import discount
+
+def test_a_fixed_coupon_takes_its_amount_off():
+    assert discount(2000, {"code": "WELCOME5", "amount": 500}) == 1500
"""


async def screens() -> dict[str, str]:
    """Picture's name to HTML."""
    with tempfile.TemporaryDirectory() as folder:
        url = Database.parse(f"sqlite:///{folder}/kintsugi.db")
        upgrade(url)
        async with a_stage(url) as stage:
            await stage.starts()
            return await told(stage)


async def told(stage: Stage) -> dict[str, str]:
    """From the crash to the cure, with a look at each turn."""
    cost = Cost(2, 9_412, 1_180, 0.0213)
    stage.world.analyst.answers_first(
        a_diagnosis(cause="discount() reads percent from every coupon; WELCOME5 has a fixed amount instead.", cost=cost)
    )
    stage.world.checker.answers_first(a_patch(diff=_DIFF, tree="3f9a1c0e" * 5))
    payload = a_payload()
    about = payload.incident.model_copy(update={"opened_by": "discord:bob (4002)"})
    await stage.world.crashes(payload=payload.model_copy(update={"incident": about}), actor="discord:bob (4002)")
    await stage.world.settles()
    name = next(iter(stage.discord.channels.threads.values()))
    waiting = page("incidents", [message(stage.card, thread=name)])
    preview = await stage.discord.tap(stage.card, "Confirm…")
    confirm = page("incidents", [message(as_message(preview), asked="**alice** tapped **Confirm…**")])
    await heals(stage, preview)
    history = as_message(await stage.discord.slash("/debug incident", id="1"))
    return {
        "card": waiting,
        "confirm": confirm,
        "history": page("incidents", [message(history, asked="**alice** used **/debug incident**", at="03:14")]),
    }


async def heals(stage: Stage, preview: Seen) -> None:
    stage.world.host.opened[1] = a_pull_request(url="https://github.com/shop/checkout/pull/41")
    stage.world.clock.passes(minutes=4, seconds=12)
    await stage.discord.tap(preview, "Push this patch")
    await stage.world.settles()
    stage.world.clock.passes(minutes=9, seconds=31)
    stage.world.host.merges(1)
    await stage.world.fires(PullRequestMerged, number=41, sha=MERGE, actor="github:bob")
    await stage.world.settles()
    await stage.world.channel.announce(await stage.world.incident())


def as_message(seen: Seen) -> dict[str, Any]:
    files = [{"filename": name, "text": text} for name, text in seen.files.items()]
    return {"content": seen.text, "embeds": seen.embeds, "components": seen.components, "files": files}


def draw(browser: str, name: str, text: str) -> None:
    """One screen, as high as it needs to be."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "screen.html"
        file.write_text(f"{text}<script>document.title = document.documentElement.scrollHeight</script>", "utf-8")
        dumped = run(browser, folder, f"--window-size={WIDTH},100", "--dump-dom", file.as_uri())
        height = re.search(r"<title>(\d+)</title>", dumped)
        assert height, dumped[:200]
        run(
            browser, folder, f"--window-size={WIDTH},{height[1]}", f"--force-device-scale-factor={SHARPNESS}",
            f"--screenshot={PICTURES / name}.png", file.as_uri(),
        )  # fmt: skip


def run(browser: str, folder: str, *options: str) -> str:
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile")
    done = subprocess.run([browser, *quiet, *options], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout


def main() -> None:
    browser = sys.argv[1] if sys.argv[1:] else "chromium"
    PICTURES.mkdir(exist_ok=True)
    for name, text in asyncio.run(screens()).items():
        draw(browser, name, text)


if __name__ == "__main__":
    main()
