from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL

from tests.world.world import World, a_world


@pytest.fixture
async def world(database_url: URL) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        yield world
