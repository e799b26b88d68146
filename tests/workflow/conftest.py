from collections.abc import AsyncIterator

import pytest

from kintsugi.persistence.database import Database
from tests.world.world import World, a_world


@pytest.fixture
async def world(database_url: Database) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        yield world
