"""The pictures of the operator's pages in docs/pictures: the real pages in a real browser, of an incident that the real
engine told.

    python -m tests.world.page_pictures
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from kintsugi.app.discord_login import DiscordLogin
from kintsugi.bot.gate import Access
from kintsugi.integrations.discord_oauth import DiscordOAuth
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import Role
from kintsugi.workflow.incident import Cost, Cure
from kintsugi.workflow.payload import Occurred, Payload, SourceLine
from kintsugi.workflow.ports import Reading
from tests.world.discord_pictures import PICTURES
from tests.world.make import MERGE, a_diagnosis, a_patch, a_payload
from tests.world.viewer import a_viewer
from tests.world.world import World, a_world

_CODE = '''\
def subtotal(cart):
    return sum(price_of(article) for article in cart)


def discount(total, coupon):
    return total * coupon["percent"] // 100


def checkout(cart, code=""):
    """The bill for a cart, with a coupon where a known code was given."""
'''
_DIFF = """\
--- a/shop/pricing.py
+++ b/shop/pricing.py
@@ -9,4 +9,6 @@ def subtotal(cart):

 def discount(total, coupon):
+    if "amount" in coupon:
+        return min(coupon["amount"], total)
     return total * coupon["percent"] // 100
--- /dev/null
+++ b/tests/test_fixed_amount.py
@@ -0,0 +1,5 @@
+from shop.pricing import discount
+
+
+def test_a_fixed_amount_is_taken_off_the_total():
+    assert discount(4000, {"amount": 500}) == 500
"""
_OTHERS = (
    ("v1:01", "TimeoutError in bot/prices.py:41"),
    ("v1:02", "sqlalchemy.exc.OperationalError: database is locked"),
    ("v1:03", "discord.errors.NotFound: 404 (error code: 10062): Unknown interaction"),
)


def the_crash(at: datetime) -> Payload:
    payload = a_payload("v1:6f1d2bb185fd6f36", "KeyError: 'percent' in shop/pricing.py:12")
    assert payload.exception
    (raised,) = payload.exception.chain
    lines = tuple(SourceLine(number=number, text=text) for number, text in enumerate(_CODE.splitlines(), 7))
    frame = raised.frames[0].model_copy(update={"source": lines, "function": "discount"})
    chain = (raised.model_copy(update={"frames": (frame,)}),)
    failure = payload.exception.model_copy(update={"chain": chain})
    return payload.model_copy(update={"exception": failure, "occurred": Occurred(first=at, last=at)})


async def tell(world: World) -> None:
    """Some incidents at several turns, the last of them waiting for its confirmation."""
    world.clock.meets_the_machine(minutes=47)
    for fingerprint, summary in _OTHERS:
        await world.crashes(payload=a_payload(fingerprint, summary))
        world.clock.passes(minutes=11)
        await world.settles()
    await world.fires(t.Cancelled, 1)
    cost = Cost(2, 9_412, 1_180, 0.0213)
    world.analyst.answers_first(
        a_diagnosis(
            cause="WELCOME5 takes off a fixed amount, but discount() reads percent from every coupon.",
            explanation="Coupons come in two kinds since WELCOME5 was added: a share of the total, and a fixed amount.",
            cost=cost,
        )
    )
    world.checker.answers_first(a_patch(diff=_DIFF))
    await world.crashes(payload=the_crash(world.clock.now()))
    world.clock.passes(seconds=41)
    await world.settles()


async def tell_of_a_deployment(world: World) -> None:
    """A fix that runs, and has not shown yet that it is one."""
    world.clock.meets_the_machine(minutes=3)
    world.monitor.answers_first(*[Reading(Cure(0, 9, "0 of 9"), MERGE)] * 9)
    await world.crashes(payload=the_crash(world.clock.now()))
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()


async def tell_of_weeks(world: World) -> None:
    """Twelve weeks of incidents: most of them healed, some refused, some under way."""
    chance = random.Random(7)
    world.clock.meets_the_machine(weeks=11, days=3)
    end, number = datetime.now(UTC), 0
    while world.clock.now() < end:
        number += 1
        world.analyst.answers_first(a_diagnosis(cost=Cost(2, 9_000, 900, chance.uniform(0.01, 0.3))))
        await world.crashes(f"v1:{number:016x}")
        world.clock.passes(seconds=chance.lognormvariate(3.4, 0.6))
        await world.settles()
        world.clock.passes(seconds=chance.lognormvariate(6, 1.2))
        if chance.random() < 0.2:
            await world.fires(t.Rejected, number, why="not like this")
        else:
            await world.confirms(number)
            await world.settles()
            world.clock.passes(seconds=chance.lognormvariate(8, 1))
            world.monitor.answers_first(*[Reading(Cure(0, 9, "0 of 9"), MERGE)] * chance.randint(1, 30))
            await world.merges(number)
            world.clock.passes(seconds=chance.lognormvariate(4.5, 0.4))
            await world.settles()
            for _ in range(40):
                await world.passes(minutes=10)
        world.clock.passes(hours=chance.uniform(4, 60))


def picture(url: str, name: str, width: int, height: int, *, dark: bool, link: str) -> None:
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory() as profile:
        for option in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(option)
        browser = webdriver.Chrome(options=options, service=Service())
        size = {"width": width, "height": height, "deviceScaleFactor": 1.5, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        if link:
            browser.get(link)
        browser.get(url)
        if browser.find_elements("css selector", "[data-live]"):
            browser.implicitly_wait(5)
            browser.find_element("css selector", ".live:not([hidden])")
        browser.save_screenshot(str(PICTURES / f"{name}.png"))
        browser.quit()


async def tell_nothing(world: World) -> None:
    """Nobody is logged in, and there are two ways to."""


def _by_discord(url: str) -> DiscordLogin:
    application = DiscordOAuth(1, "shown to nobody", url, (1,))
    return DiscordLogin(application, dict.fromkeys(Role, Access()))


PAGES = {
    tell_nothing: (("page-login", "/login", 1000, 560, False),),
    tell: (
        ("page-list", "/", 1000, 440, False),
        ("page-incident", "/incidents/4", 1000, 1500, False),
        ("page-phone", "/incidents/4", 390, 844, True),
    ),
    tell_of_a_deployment: (("page-rollback", "/incidents/1/rollback", 1000, 520, False),),
    tell_of_weeks: (
        ("page-numbers", "/numbers", 1000, 1240, False),
        ("page-numbers-phone", "/numbers", 390, 1000, True),
    ),
}


async def main() -> None:
    for telling, pages in PAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            url = Database.parse(f"sqlite:///{Path(folder) / 'kintsugi.db'}")
            upgrade(url)
            ways = ("shown to nobody", _by_discord) if telling is tell_nothing else ()
            async with a_world(url) as world, a_viewer(world, *ways) as viewer:
                await telling(world)
                for name, path, width, height, dark in pages:
                    link = "" if ways else viewer.link
                    await asyncio.to_thread(picture, viewer.url + path, name, width, height, dark=dark, link=link)


if __name__ == "__main__":
    asyncio.run(main())
