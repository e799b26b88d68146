"""The pages in a real browser, without a window. Skipped where Chromium and its driver are not installed."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import resources
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from kintsugi.persistence.database import Database
from kintsugi.web.sentry import Project
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import StepFailed
from tests.web.test_discord_login import by
from tests.world import discord as stand_in
from tests.world.make import a_patch, a_payload
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE
from tests.world.reports import KEY, a_door, an_envelope, an_event
from tests.world.viewer import Viewer, a_viewer
from tests.world.world import World, a_world

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="there is no browser: apt install chromium chromium-driver"
)

OPTIONS = (
    *("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--window-size=1200,900", "--lang=en"),
    # Fewer processes: each costs its start.
    *("--in-process-gpu", "--disable-site-isolation-trials", "--renderer-process-limit=1"),
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One for all: it takes a second or two of processor time to start."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}  # Chromium bears no moved clock
    browser = webdriver.Chrome(options=options, service=Service(DRIVER, env=env))
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> webdriver.Chrome:
    """In a tab of its own, whose screen nobody has set, without cookies, and with an empty log."""
    before = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    own = chromium.current_window_handle
    chromium.switch_to.window(before)
    chromium.close()
    chromium.switch_to.window(own)
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chromium.get_log("browser")  # type: ignore[attr-defined]  # what is read is taken out
    return chromium


@pytest.fixture
async def world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


@pytest.fixture
async def viewer(world: World, browser: webdriver.Chrome) -> AsyncIterator[Viewer]:
    async with a_viewer(world) as viewer:
        await asyncio.to_thread(browser.get, viewer.link)
        yield viewer


async def until(browser: webdriver.Chrome, true: Callable[[webdriver.Chrome], object]) -> None:
    """Waits for it, also while the page is being drawn anew."""
    wait = WebDriverWait(browser, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
    await asyncio.to_thread(wait.until, true)


def presses(button: str) -> Callable[[webdriver.Chrome], bool]:
    return lambda browser: browser.find_element(By.CSS_SELECTOR, button).click() or True


def shows(words: str) -> Callable[[webdriver.Chrome], bool]:
    return lambda browser: words in browser.find_element(By.TAG_NAME, "main").text


async def test_an_incident_moves_before_ones_eyes_from_captured_to_healed(
    world: World, viewer: Viewer, browser: webdriver.Chrome
):
    await world.crashes()
    await asyncio.to_thread(browser.get, f"{viewer.url}/incidents/1")
    await until(browser, shows("captured"))

    await world.settles()
    await until(browser, lambda browser: browser.title.startswith("INC-1 · awaiting confirmation"))
    await until(browser, lambda browser: fill_in(browser, "confirm", "token", world.channel.tokens[1]))
    await until(browser, shows("Confirmed by web:operator."))
    await world.settles()
    await world.merges()
    for _ in range(30):
        await world.passes(minutes=10)

    await until(browser, lambda browser: browser.title.startswith("INC-1 · healed"))
    assert not [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]  # type: ignore[attr-defined]


async def test_a_stale_confirmation_is_refused_there(world: World, viewer: Viewer, browser: webdriver.Chrome):
    await world.crashes()
    await world.settles()
    await asyncio.to_thread(browser.get, f"{viewer.url}/incidents/1")

    await until(browser, lambda browser: fill_in(browser, "confirm", "token", "1-" + "0f" * 16))

    await until(browser, shows("Nothing was changed."))
    assert "awaiting_confirm" in await world.passed()
    assert "confirmed" not in await world.passed()


async def test_what_somebody_types_is_not_taken_away_when_the_page_moves(
    world: World, viewer: Viewer, browser: webdriver.Chrome
):
    await world.crashes(dry_run=True)
    await world.fires(t.Sent)
    await world.settles()
    await asyncio.to_thread(browser.get, f"{viewer.url}/incidents/1")
    await until(browser, lambda browser: browser.find_element(By.ID, "live").text == "live")

    field = browser.find_element(By.CSS_SELECTOR, "form.reject [name=why]")
    await asyncio.to_thread(field.send_keys, "It hides")
    await world.crashes()  # the same failure: it is counted, and the page would change
    await asyncio.sleep(3)

    assert browser.find_element(By.CSS_SELECTOR, "form.reject [name=why]").get_property("value") == "It hides"


async def test_somebody_logs_in_with_discord_and_is_where_they_wanted_to_be(world: World, browser: webdriver.Chrome):
    await world.crashes()
    await world.settles()
    async with stand_in.serving() as discord, a_viewer(world, discord=by(discord)) as guarded:
        await asyncio.to_thread(browser.get, f"{guarded.url}/incidents/1")
        await until(browser, lambda browser: browser.find_element(By.LINK_TEXT, "Log in with Discord").click() or True)
        await until(browser, presses("form.confirm button"))
        await until(browser, shows("The patch"))
        await until(browser, presses(".answers button"))

        await until(browser, shows("Confirmed by discord:alice (4001) on the page."))


async def test_a_page_of_another_origin_reports_and_reads_what_it_is_told(world: World, browser: webdriver.Chrome):
    async with a_door(world, Project(KEY, a_day=1)) as door:
        await asyncio.to_thread(browser.get, door.url.replace("127.0.0.1", "localhost") + "/healthz")
        url = f"{door.url}/api/42/envelope/?sentry_version=7&sentry_key={KEY}"
        asked = {"X-Sentry-Auth": f"Sentry sentry_key={KEY}"}  # a header that the browser has to ask for first
        answers = []
        for number, headers in ((1, {}), (2, asked)):
            given = {"body": an_envelope(an_event(str(number), f"Error{number}")).decode(), "headers": headers}
            answers.append(await asyncio.to_thread(browser.execute_async_script, _FETCH, url, given))

    assert answers == [[200, None], [429, "300:error:organization:kintsugi_a_day"]]


_FETCH = """
const [url, given, done] = arguments;
fetch(url, {method: "POST", ...given}).then(
    (answer) => done([answer.status, answer.headers.get("X-Sentry-Rate-Limits")]), (error) => done([0, String(error)]));
"""


async def test_on_a_phone_a_rollback_is_asked_about_and_no_page_is_wider_than_it(
    world: World, viewer: Viewer, browser: webdriver.Chrome
):
    world.monitor.answers_first(*[StepFailed("not yet")] * 9)
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    await asyncio.to_thread(browser.execute_cdp_cmd, "Emulation.setDeviceMetricsOverride", phone)
    await asyncio.to_thread(browser.get, f"{viewer.url}/incidents/1")
    widths = [await asyncio.to_thread(browser.execute_script, _WIDEST)]

    await until(browser, lambda browser: browser.find_element(By.CSS_SELECTOR, "form.rollback button").click() or True)
    await until(browser, shows("INC-1: roll back test to c0ffee0?"))
    widths.append(await asyncio.to_thread(browser.execute_script, _WIDEST))
    assert not (await world.incident()).rolling_back
    await until(browser, lambda browser: browser.find_element(By.CSS_SELECTOR, ".answers button").click() or True)
    await until(browser, shows("web:operator asked for a rollback."))

    assert max(widths) <= 390


_WIDEST = "return document.documentElement.scrollWidth"


async def test_axe_finds_no_fault_on_any_page(world: World, viewer: Viewer, browser: webdriver.Chrome):
    world.monitor.answers_first(*[StepFailed("not yet")] * 9)
    world.checker.answers_first(a_patch(diff="--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@ def\n-a = 1\n+a = 2\n"))
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    await world.crashes("v1:02")

    found = {}
    async with stand_in.serving() as discord, a_viewer(world, "a token of tests", by(discord)) as guarded:
        pages = (
            "/",
            "/?state=stuck",
            "/incidents/1",
            "/incidents/1/rollback",
            "/incidents/2",
            "/incidents/99",
            "/numbers",
        )
        for url in (*(viewer.url + path for path in pages), guarded.url + "/login"):
            await asyncio.to_thread(browser.get, url)
            for scheme, run in _AXE.items():
                found[scheme, url] = await asyncio.to_thread(axe_faults, browser, scheme, run)

    assert not {url: faults for url, faults in found.items() if faults}


_AXE = {"light": "axe.run()", "dark": "axe.run({runOnly: ['color-contrast', 'link-in-text-block']})"}
"""All rules once, and those about colours in the other scheme."""


def axe_faults(browser: webdriver.Chrome, scheme: str, run: str) -> list[tuple[str, list[str]]]:
    """Which rule of axe-core the page breaks, and where."""
    media = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}  # a colour changes at once
    features = [{"name": name, "value": value} for name, value in media.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    if not browser.execute_script("return !!window.axe"):  # type: ignore[no-untyped-call]
        browser.execute_script((resources.files("axe_core_python") / "axe.min.js").read_text())  # type: ignore[no-untyped-call]
    faults = browser.execute_async_script(f"{run}.then(found => arguments[0](found.violations))")  # type: ignore[no-untyped-call]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in faults]


def fill_in(browser: webdriver.Chrome, action: str, name: str, value: str) -> bool:
    form = browser.find_element(By.CSS_SELECTOR, f"form.{action}")
    field = form.find_element(By.NAME, name)
    field.clear()
    field.send_keys(value)
    form.find_element(By.TAG_NAME, "button").click()
    return True


async def test_with_the_longest_names_no_page_is_wider_than_the_screen(
    world: World, viewer: Viewer, browser: webdriver.Chrome
):
    await world.crashes(payload=a_payload(summary="ValueError: " + "x" * 280))
    await world.settles()
    await world.fires(t.Assigned, to=f"discord:{'n' * 32} (123456789012345678)")
    await world.fires(t.Noted, text="turned_the_coupons_off_" * 40)

    async def at_each_width(script: str) -> dict[int, Any]:
        return {width: await asyncio.to_thread(at_width, browser, width, script) for width in (360, 390, 412, 1280)}

    for path in ("/incidents/1", "/numbers", "/"):
        await asyncio.to_thread(browser.get, viewer.url + path)
        await asyncio.to_thread(browser.execute_script, _LONGEST_NAMES)
        widths = await at_each_width(_WIDEST)
        assert not [width for width, widest in widths.items() if widest > width], path
    assert not any((await at_each_width(_LAID_OVER)).values())


def at_width(browser: webdriver.Chrome, width: int, script: str) -> Any:
    """What the script finds on a screen of this width."""
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    return browser.execute_script(script)  # type: ignore[no-untyped-call]


_LAID_OVER = """
const lines = [...document.querySelectorAll(".incidents a")].map(line => [...line.children].map(each => {
    if (each.matches(".badge")) each.textContent = "awaiting confirmation";
    return each.getBoundingClientRect();
}));
return lines.flatMap(line => line.filter((one, at) => line.slice(at + 1).some(other =>
    one.right > other.left + 1 && other.right > one.left + 1 && one.bottom > other.top + 1 && other.bottom > one.top + 1
)).map(each => each.x));
"""
"""Where something in the list lies over something else, with the longest state."""

_LONGEST_NAMES = """
document.querySelector(".where").textContent = "production-eu-central-1-".repeat(10);
document.getElementById("live").hidden = false;
document.getElementById("live").textContent = "not connected";
document.querySelectorAll("details").forEach(each => each.open = true);
"""
