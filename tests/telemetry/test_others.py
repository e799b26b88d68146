"""A module that only has the name of a known logger breaks nothing, and it is said that it is not heard."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

from kintsugi.telemetry.others import Others

NAME = "aiologger"


@pytest.fixture(autouse=True)
def its_name_is_free(tmp_path: Path) -> Iterator[None]:
    found = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] == NAME}
    sys.path.insert(0, str(tmp_path))
    yield
    sys.path.remove(str(tmp_path))
    sys.modules.pop(NAME, None)
    sys.modules.update(found)


@pytest.fixture
def said() -> Iterator[list[str]]:
    told = list[str]()
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("kintsugi.telemetry")
    log.addHandler(handler)
    yield told
    log.removeHandler(handler)


@pytest.mark.parametrize("first", [True, False], ids=["imported before", "imported after"])
def test_another_module_of_that_name_is_imported_as_without_us(tmp_path: Path, said: list[str], first: bool):
    (tmp_path / f"{NAME}.py").write_text("answer = 42\n")
    if first:
        import_module(NAME)

    with closing(Others()):
        assert import_module(NAME).answer == 42

    assert said == [f"lines of {NAME} are not heard"]


def test_a_module_that_somebody_forbade_to_import_is_left_alone(said: list[str]):
    sys.modules[NAME] = None  # type: ignore[assignment]  # as Python says it

    with closing(Others()), pytest.raises(ImportError):
        import_module(NAME)

    assert said == []
