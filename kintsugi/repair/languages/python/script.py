"""The recorder as the script that an interpreter in the box reads from its standard input: no file and no argument
tells of it.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from kintsugi.repair.languages.python.layout import SetUp


def script(form: str, arguments: Sequence[str], set_up: SetUp, crash: Mapping[str, object]) -> str:
    """The recorder, and what it is to run: see its `run`."""
    return f"{_recorder()}\nrun(*{[form, list(arguments), asdict(set_up), dict(crash)]!r})\n"


@cache
def _recorder() -> str:
    """Compiled, for an interpreter like ours: that takes a sixth of a short run. Others compile its text."""
    text = (Path(__file__).parent / "recorder.py").read_text()
    compiled = marshal.dumps(compile(text, "<stdin>", "exec", dont_inherit=True))
    return (
        "import gc, sys\n"
        "gc.disable()\n"  # until all is loaded
        "sys.path[:] = [entry for entry in sys.path if entry]\n"  # as the recorder: nothing of the project is loaded
        "import importlib.util, marshal\n"
        f"is_like_ours = importlib.util.MAGIC_NUMBER == {MAGIC_NUMBER!r}\n"
        f"exec(marshal.loads({compiled!r}) if is_like_ours else compile({text!r}, '<stdin>', 'exec'))\n"
    )
