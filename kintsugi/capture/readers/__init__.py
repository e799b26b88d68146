"""What each language prints of a failure: one file each, all with the protocol of `report.Reader`."""

from __future__ import annotations

from kintsugi.capture.readers.dart import Dart
from kintsugi.capture.readers.dotnet import DotNet
from kintsugi.capture.readers.elixir import Elixir
from kintsugi.capture.readers.go import Go
from kintsugi.capture.readers.java import Java
from kintsugi.capture.readers.javascript import JavaScript
from kintsugi.capture.readers.notebook import Notebook
from kintsugi.capture.readers.php import Php
from kintsugi.capture.readers.pytest import Pytest
from kintsugi.capture.readers.python import Python
from kintsugi.capture.readers.python_fault import PythonFault
from kintsugi.capture.readers.rich import Rich
from kintsugi.capture.readers.ruby import Ruby
from kintsugi.capture.readers.rust import Rust
from kintsugi.capture.readers.system import System
from kintsugi.capture.report import Reader


def new_readers() -> tuple[Reader, ...]:
    """Those of one pass, in the order in which they are asked about a line."""
    return (
        Rich(),
        Notebook(),
        Ruby(),
        Python(),
        PythonFault(),
        Pytest(),
        Java(),
        DotNet(),
        JavaScript(),
        Go(),
        Rust(),
        Php(),
        Dart(),
        Elixir(),
        System(),
    )
