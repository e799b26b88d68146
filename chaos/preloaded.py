"""What every life loads at last, for the process that is forked for each: it was most of its processor time."""

# ruff: noqa: F401

import anyio._backends._asyncio
import httpcore

import chaos.worker
import kintsugi.integrations.github.fresh
import kintsugi.integrations.github.host
import kintsugi.integrations.github.mirror
import kintsugi.integrations.github.pulls
import kintsugi.integrations.http_replay
import kintsugi.integrations.look_tools
import kintsugi.integrations.model.analyst
import kintsugi.integrations.model.offline
import kintsugi.integrations.model.openai
import kintsugi.integrations.model.prices
import kintsugi.integrations.railway
import kintsugi.integrations.workbench
from kintsugi.telemetry.redact import redact

redact("its scanner is made with the first text")
