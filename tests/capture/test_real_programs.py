"""Real interpreters crash, and what they print is read: those that are installed here."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kintsugi.capture.log import reports_in
from tests.capture.printed import CARRIED

NODE = {
    "thrown": ("function price(i) {\n  return i.price.amount;\n}\nprice({});\n", "TypeError", 2),
    "rejected": ("async function pay() {\n  throw new RangeError('no cup');\n}\npay();\n", "RangeError", 2),
    "caused": ("try {\n  null.x;\n} catch (e) {\n  throw new Error('no tea', { cause: e });\n}\n", "Error", 4),
    "logged": ("try {\n  null.x;\n} catch (e) {\n  console.error('while paying:', e);\n}\n", "TypeError", 2),
    "not compiling": ("let tea = ;\n", "SyntaxError", 1),
    "a text": ("\nthrow 'no tea';\n", "Uncaught", 2),
}
JAVA = {
    "thrown": ('throw new IllegalStateException("no tea");', "java.lang.IllegalStateException"),
    "by the machine": ("Object tea = null; tea.hashCode();", "java.lang.NullPointerException"),
    "out of bounds": ("int[] cups = {}; cups[3] = 1;", "java.lang.ArrayIndexOutOfBoundsException"),
    "caused": ('throw new RuntimeException("no tea", new Error("no cup"));', "java.lang.RuntimeException"),
    "printed": ('new Error("no cup").printStackTrace();', "java.lang.Error"),
}
RUST = {
    "unwrapped": "let tea: Option<i32> = None; tea.unwrap();",
    "said": 'panic!("no tea");',
    "out of bounds": 'let cups: Vec<i32> = vec![]; let n = cups.len() + 3; println!("{}", cups[n]);',
    "divided": 'let none = std::env::args().count() as i32 - 1; println!("{}", 1 / none);',
    "unequal": "assert_eq!(1, 2);",
}
RUBY = {
    "raised": "raise 'no tea'",
    "no key": "{}.fetch(:tea)",
    "of nil": "nil.tea",
    "divided": "1 / 0",
    "own": "class NoTea < StandardError; end; raise NoTea, 'no tea'",
}
PHP = {
    "thrown": "throw new RuntimeException('no tea');",
    "of null": "$tea = null; $tea->cup();",
    "divided": "echo intdiv(1, 0);",
    "typed": "(function (int $cup) {})('tea');",
    "missing": "no_tea();",
}
GO = {
    "said": 'panic("no tea")',
    "of nil": "var cup *int; println(*cup)",
    "out of bounds": "cups := []int{}; n := 3; println(cups[n])",
    "no map": 'var cups map[string]int; cups["tea"] = 1',
    "an error": 'panic(errors.New("no tea"))',
}


def printed(*command: str, folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stderr


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no {program} here")


def is_read_in_all_carriers(text: str, language: str, kind: str | None, place: tuple[str, int]) -> None:
    for carried in _CARRIERS:
        found = list(reports_in(carried(text.rstrip("\n"))))

        assert len(found) == 1, (carried(text), found)
        failure = found[0].failure
        frames = [frame for frame in failure.final.frames if frame.path.endswith(place[0])]
        assert failure.language == language
        assert kind in (None, failure.final.type)
        assert frames[-1].line == place[1]


_CARRIERS: list[Callable[[str], str]] = [CARRIED[name] for name in ("as it is", "compose", "railway", "one record")]


@needs("node")
@pytest.mark.parametrize("how", NODE)
def test_what_node_prints_is_read(tmp_path: Path, how: str):
    program, kind, line = NODE[how]
    (tmp_path / "shop.js").write_text(program)

    is_read_in_all_carriers(printed("node", "shop.js", folder=tmp_path), "node", kind, ("shop.js", line))


@needs("java")
@pytest.mark.parametrize("how", JAVA)
def test_what_java_prints_is_read(tmp_path: Path, how: str):
    if shutil.which("javac") is None:
        pytest.skip("there is no compiler here")
    statement, kind = JAVA[how]
    (tmp_path / "Shop.java").write_text(
        f"class Shop {{\n  public static void main(String[] a) {{\n    {statement}\n  }}\n}}\n"
    )
    subprocess.run(["javac", "Shop.java"], cwd=tmp_path, check=True)

    is_read_in_all_carriers(printed("java", "Shop", folder=tmp_path), "java", kind, ("Shop.java", 3))


@needs("rustc")
@pytest.mark.parametrize("how", RUST)
def test_what_rust_prints_is_read(tmp_path: Path, how: str):
    (tmp_path / "shop.rs").write_text(f"fn main() {{\n    {RUST[how]}\n}}\n")
    if subprocess.run(["rustc", "-A", "warnings", "-g", "shop.rs"], cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("it cannot compile here")

    is_read_in_all_carriers(printed("./shop", folder=tmp_path), "rust", "panic", ("shop.rs", 2))


@needs("ruby")
@pytest.mark.parametrize("how", RUBY)
def test_what_ruby_prints_is_read(tmp_path: Path, how: str):
    (tmp_path / "shop.rb").write_text(
        f"def pay\n  {RUBY[how]}\nend\npay\n".replace("class NoTea < StandardError; end; ", "")
    )
    if "NoTea" in RUBY[how]:
        (tmp_path / "shop.rb").write_text("class NoTea < StandardError; end\ndef pay = raise(NoTea, 'no tea')\npay\n")

    is_read_in_all_carriers(printed("ruby", "shop.rb", folder=tmp_path), "ruby", None, ("shop.rb", 2))


@needs("php")
@pytest.mark.parametrize("how", PHP)
def test_what_php_prints_is_read(tmp_path: Path, how: str):
    (tmp_path / "shop.php").write_text(f"<?php\n{PHP[how]}\n")
    command = ("php", "-d", "log_errors=1", "-d", "error_log=", "-d", "display_errors=0", "shop.php")

    is_read_in_all_carriers(printed(*command, folder=tmp_path), "php", None, ("shop.php", 2))


@needs("go")
@pytest.mark.parametrize("how", GO)
def test_what_go_prints_is_read(tmp_path: Path, how: str):
    imports = 'import "errors"' if "errors." in GO[how] else ""
    (tmp_path / "shop.go").write_text(f"package main\n{imports}\nfunc main() {{\n\t{GO[how]}\n}}\n")

    is_read_in_all_carriers(printed("go", "run", "shop.go", folder=tmp_path), "go", "panic", ("shop.go", 4))
