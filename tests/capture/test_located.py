"""Where a report's frames lie in the repository, however SDKs, bundlers and hosts spell their paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kintsugi.capture import locate
from kintsugi.capture.event import read_event
from kintsugi.capture.program import Program
from kintsugi.capture.sentry import Teller, payload_of
from kintsugi.capture.spellings import plain, unhashed
from kintsugi.repair.context import build_context
from kintsugi.workflow.payload import Failure, Frame, Payload, Raised
from tests.world.make import NOON

PRICING = "def discount(order):\n    return order['percent']\n\n\ndef price(order):\n    return discount(order)\n"


def a_tree(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(PRICING)
    return root


def found(root: Path, *frames: Frame, language: str = "python") -> list[str | None]:
    failure = Failure(language=language, chain=(Raised(type="E", frames=frames),))
    return [frame.path if frame.in_project else None for frame in locate(failure, root).final.frames]


def a_frame(path: str, reported: str = "", module: str = "", **more: Any) -> Frame:
    return Frame(**{"path": path, "reported": reported, "module": module, "line": 2, "function": "discount"} | more)


@pytest.mark.parametrize(
    ("language", "file", "frame"),
    [
        ("python", "src/shop/pricing.py", a_frame("shop/pricing.py")),
        ("python", "src/shop/pricing.py", a_frame("pricing.py", "/srv/app/src/shop/pricing.py")),
        ("python", "src/shop/pricing.py", a_frame("pricing.py", "pricing.py", "shop.pricing")),
        ("python", "src/shop/__init__.py", a_frame("__init__.py", "", "shop")),
        ("python", "services/till/till/pricing.py", a_frame("till/pricing.py", "/app/till/pricing.py")),
        ("python", "shop/pricing.py", a_frame("shop\\pricing.py", "C:\\work\\shop\\pricing.py")),
        ("node", "lib/pricing.js", a_frame("/srv/app/lib/pricing.js", "", "pricing")),
        ("node", "lib/pricing.js", a_frame("app:///lib/pricing.js")),
        ("node", "src/pricing.ts", a_frame("webpack:///./src/pricing.ts?4f3a")),
        ("node", "src/pricing.ts", a_frame("webpack://shop/./src/pricing.ts")),
        ("node", "src/pricing.ts", a_frame("webpack-internal:///(rsc)/./src/pricing.ts")),
        ("node", "src/pricing.ts", a_frame("file:///srv/app/src/pricing.ts")),
        ("node", "src/pricing.ts", a_frame("file:///C:/app/src/pricing.ts")),
        ("node", "static/js/main.js", a_frame("~/static/js/main.4f3a2b1c.js")),
        ("node", "static/js/main.js", a_frame("https://shop.test/static/js/main.js?v=7")),
        ("java", "till/src/main/java/com/shop/Cart.java", a_frame("Cart.java", "", "com.shop.Cart$Line")),
        ("java", "app/src/main/kotlin/com/shop/Cart.kt", a_frame("Cart.kt", "", "com.shop.CartKt")),
        ("go", "cart/pricing.go", a_frame("pricing.go", "/build/cart/pricing.go", "github.com/acme/shop/cart")),
        ("go", "cart/pricing.go", a_frame("pricing.go", "", "github.com/acme/shop/cart")),
        ("go", "internal/vendor/pricing.go", a_frame("/app/internal/vendor/pricing.go")),
        ("dotnet", "Shop/Cart.cs", a_frame("D:\\a\\1\\s\\Shop\\Cart.cs")),
        ("php", "src/Cart.php", a_frame("/var/www/html/src/Cart.php")),
        ("ruby", "app/models/cart.rb", a_frame("app/models/cart.rb", "/rails/app/models/cart.rb")),
    ],
)
def test_a_file_is_found_however_its_path_is_spelt(tmp_path: Path, language: str, file: str, frame: Frame):
    root = a_tree(tmp_path, file, "other/readme.py", "cmd/main.go", "docs/index.js")

    assert found(root, frame, language=language) == [file]


@pytest.mark.parametrize(
    ("language", "manifest", "file", "frame"),
    [
        ("python", "pyproject.toml", "src/shop/pricing.py", a_frame("/x/site-packages/shop/pricing.py")),
        ("python", "till/setup.py", "till/shop/pricing.py", a_frame("/x/dist-packages/shop/pricing.py")),
        ("ruby", "shop.gemspec", "lib/shop/cart.rb", a_frame("/x/gems/shop-1.2.0/lib/shop/cart.rb")),
        ("node", "core/package.json", "core/src/cart.js", a_frame("/x/node_modules/@acme/shop/src/cart.js")),
        ("go", "go.mod", "cart/cart.go", a_frame("/x/pkg/mod/github.com/!acme/shop/v2@v2.0.1/cart/cart.go")),
        ("dart", "pubspec.yaml", "lib/main.dart", a_frame("main.dart", "package:shop/main.dart")),
    ],
)
def test_its_own_installed_package_is_the_projects(
    tmp_path: Path, language: str, manifest: str, file: str, frame: Frame
):
    root = a_tree(tmp_path, file, manifest)
    names = {
        "go.mod": "module github.com/Acme/shop/v2\n",
        "package.json": '{"author": {"name": "other"}, "name": "@acme/shop"}',
        "pyproject.toml": '[project]\nname = "shop"\n',
        "setup.py": 'setup(name="shop")\n',
    }
    (root / manifest).write_text(names.get(Path(manifest).name, "name: shop\n"))
    other = frame.model_copy(
        update={"path": frame.path.replace("shop", "other"), "reported": "package:other/main.dart"}
    )

    assert found(root, frame, other, language=language) == [file, None]


@pytest.mark.parametrize(
    ("code", "file"), [("total = 2", "till/utils/pricing.py"), ("nothing of ours()", None), ("", None)]
)
def test_an_installed_package_that_others_could_have_too_is_told_by_its_line(
    tmp_path: Path, code: str, file: str | None
):
    root = a_tree(tmp_path, "utils/pricing.py", "till/utils/pricing.py", "pyproject.toml", "till/pyproject.toml")
    (root / "till/utils/pricing.py").write_text("total = 1\ntotal = 2\n")

    frame = a_frame("/x/site-packages/utils/pricing.py").model_copy(update={"line": 2, "code": code})

    assert found(root, frame) == [file]


def test_what_a_dependency_brought_is_not_the_projects(tmp_path: Path):
    root = a_tree(tmp_path, "cart.js")
    (root / "package.json").write_text('{"name": "shop"}')

    own, other = a_frame("/app/node_modules/shop/cart.js"), a_frame("/app/node_modules/other/node_modules/shop/cart.js")

    assert found(root, own, other, language="node") == ["cart.js", None]


def test_a_file_lies_beside_one_that_is_known(tmp_path: Path):
    root = a_tree(tmp_path, "till/app.py", "till/db/pool.py", "desk/app.py")

    pool, app = a_frame("/var/task/db/pool.py"), a_frame("/var/task/app.py")

    assert found(root, app, pool) == ["till/app.py", "till/db/pool.py"]


def test_what_a_compiled_file_was_made_from_is_shown_but_not_claimed(tmp_path: Path):
    root = a_tree(tmp_path, "src/cart/cart.ts")

    failure = Failure(language="node", chain=(Raised(type="E", frames=(a_frame("/app/dist/cart/cart.js"),)),))
    frame = locate(failure, root).final.frames[0]

    assert (frame.in_project, frame.candidates) == (False, ("src/cart/cart.ts",))


@pytest.mark.parametrize(
    ("language", "frame"),
    [
        ("python", a_frame("shop/pricing.py", "/usr/lib/python3.11/site-packages/shop/pricing.py")),
        ("python", a_frame("flask/app.py", "", "flask.app")),
        ("node", a_frame("/srv/app/node_modules/shop/pricing.js")),
        ("node", a_frame("node:internal/shop/pricing.js")),
        ("node", a_frame("https://shop.test/static/js/vendor.4f3a2b1c.js")),
        ("java", a_frame("Cart.java", "", "org.other.Cart")),
        ("go", a_frame("pricing.go", "/root/go/pkg/mod/github.com/x/cart@v1/pricing.go", "github.com/x/cart")),
        ("ruby", a_frame("shop/cart.rb", "/usr/local/bundle/gems/shop-1.0/lib/shop/cart.rb")),
        ("ruby", a_frame("shop/cart.rb", "/usr/local/lib/ruby/3.2.0/shop/cart.rb")),
        ("rust", a_frame("lib.rs", "/root/.cargo/registry/src/index.crates.io-6f17d22b/tokio-1.35.0/src/lib.rs")),
        ("rust", a_frame("lib.rs", "/usr/local/cargo/registry/src/index.crates.io-6f17d22b/tokio-1.35.0/src/lib.rs")),
        ("unknown", a_frame(f"/rustc/{'0' * 40}/library/core/src/lib.rs")),
        ("php", a_frame("/vendor/acme/http/src/Cart.php", "/var/www/vendor/acme/http/src/Cart.php")),
        ("php", a_frame("/var/www/api/vendor/acme/Cart.php")),
        ("go", a_frame("/usr/lib/go-1.22/src/cart/pricing.go")),
        ("go", a_frame("/opt/hostedtoolcache/go/1.22.1/x64/src/cart/pricing.go")),
        ("python", a_frame("shop\\pricing.py", "C:\\Python311\\Lib\\shop\\pricing.py")),
        (
            "python",
            a_frame("shop\\pricing.py", "C:\\hostedtoolcache\\windows\\Python\\3.11.4\\x64\\Lib\\shop\\pricing.py"),
        ),
        ("python", a_frame("shop\\pricing.py", "D:\\miniconda3\\envs\\till\\Lib\\shop\\pricing.py")),
        ("unknown", a_frame("?")),
        ("unknown", a_frame("[native code]")),
    ],
)
def test_what_is_a_librarys_is_not_the_projects(tmp_path: Path, language: str, frame: Frame):
    files = (
        "shop/pricing.py",
        "app.py",
        "shop/pricing.js",
        "src/com/shop/Cart.java",
        "cart/pricing.go",
        "shop/cart.rb",
        "src/lib.rs",
        "src/Cart.php",
        "api/vendor/autoload.php",
        "api/vendor/acme/Cart.php",
    )

    assert found(a_tree(tmp_path, *files), frame, language=language) == [None]


def test_what_was_reported_stays_beside_what_was_found(tmp_path: Path):
    failure = Failure(chain=(Raised(type="E", frames=(a_frame("shop/pricing.py"),)),))
    frame = locate(failure, a_tree(tmp_path, "src/shop/pricing.py")).final.frames[0]

    assert (frame.path, frame.reported) == ("src/shop/pricing.py", "shop/pricing.py")
    assert frame.code == "return order['percent']"


def test_of_several_programs_it_is_the_one_that_the_other_frames_lie_in(tmp_path: Path):
    root = a_tree(tmp_path, "services/till/app/main.py", "services/depot/app/main.py", "services/depot/app/stock.py")

    assert found(root, a_frame("app/main.py"), a_frame("app/stock.py")) == [
        "services/depot/app/main.py",
        "services/depot/app/stock.py",
    ]


def test_of_several_files_it_is_the_one_whose_line_reads_the_same(tmp_path: Path):
    root = a_tree(tmp_path, "services/till/app/main.py", "services/depot/app/main.py")
    (root / "services/depot/app/main.py").write_text("import stock\nstock.count()\n")

    assert found(root, a_frame("app/main.py", code="stock.count()")) == ["services/depot/app/main.py"]


def test_where_nothing_tells_which_file_it_is_the_analyst_is_shown_them_all(tmp_path: Path):
    root = a_tree(tmp_path, "services/till/app/main.py", "services/depot/app/main.py")
    failure = locate(Failure(chain=(Raised(type="E", frames=(a_frame("app/main.py"),)),)), root)

    shown = build_context(failure, root).text

    assert failure.final.frames[0].candidates == ("services/depot/app/main.py", "services/till/app/main.py")
    assert "app/main.py:2 may be any of these files: services/depot/app/main.py, services/till/app/main.py" in shown


def the_payload(root: Path, **frame: Any) -> Payload:
    frames = [{"lineno": 2, "function": "discount"} | frame]
    event = {"platform": "python", "exception": [{"type": "E", "value": "v", "stacktrace": {"frames": frames}}]}
    return payload_of(read_event(event), Teller("42", Program(source=root)), now=NOON)


@pytest.mark.parametrize("in_app", [None, True, False])
def test_being_found_decides_whatever_in_app_says(tmp_path: Path, in_app: bool | None):
    payload = the_payload(a_tree(tmp_path, "src/shop/pricing.py"), filename="shop/pricing.py", in_app=in_app)

    assert payload.incident.summary == "E: v in src/shop/pricing.py:2"
    assert payload.exception
    assert [line.number for line in payload.exception.final.frames[0].source] == [1, 2, 3, 4, 5, 6]


def test_where_nothing_is_found_the_sdks_own_word_stands(tmp_path: Path):
    payload = the_payload(a_tree(tmp_path, "main.go"), filename="shop/pricing.py", in_app=True)

    assert payload.incident.summary == "E: v in shop/pricing.py:2"


def test_a_module_beside_the_failing_one_is_shown_though_the_program_lies_in_a_subfolder(tmp_path: Path):
    root = a_tree(tmp_path, "services/till/till/rates.py")
    (root / "services/till/till/pricing.py").write_text(
        "from till.rates import discount\n\n\ndef price(order):\n    return discount(order)\n"
    )
    frame = a_frame("till/pricing.py", line=5, function="price")
    failure = locate(Failure(chain=(Raised(type="E", frames=(frame,)),)), root)

    assert "services/till/till/rates.py" in {region.path for region in build_context(failure, root).regions}


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ("webpack:///../a/./b.js?x#y", "a/b.js"),
        ("turbopack:///[project]/src/a.ts", "src/a.ts"),
        ("async app:///a.js", "a.js"),
        ("C:\\a\\..\\b.py", "/b.py"),
        ("../../etc/passwd", "etc/passwd"),
        ("", "."),
        ("/", "/"),
    ],
)
def test_a_path_is_made_plain(told: str, path: str):
    assert plain(told) == path


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("main.4f3a2b1c.js", "main.js"),
        ("main.4f3a2b1c.chunk.js", "main.chunk.js"),
        ("index-BK2x9aQ1.js", "index.js"),
        ("jquery-3.min.js", "jquery-3.min.js"),
        ("pricing.test.js", "pricing.test.js"),
        ("some-component.js", "some-component.js"),
    ],
)
def test_a_bundles_name_without_its_hash(name: str, bare: str):
    assert unhashed(name) == bare
