"""What is shown of programs in Node and Go: the function that failed, what it calls, who calls it, its tests."""

from __future__ import annotations

from pathlib import Path

from kintsugi.repair.context import Context, build_context
from kintsugi.workflow.payload import Failure, Frame, Raised
from tests.repair.programs import a_program

NODE = {
    "src/shop.js": """\
const { priced } = require("./prices");
const { audit } = require("./audit");

const RATE = 3;

// Adds up an order.
function total(order) {
  return order.lines.map((line) => priced(line) * RATE).reduce((a, b) => a + b, 0);
}

class Cart {
  constructor(order) {
    this.order = order;
  }

  total() {
    audit(this.order);
    return total(this.order);
  }
}

module.exports = { total, Cart };
""",
    "src/prices.js": """\
const LIST = require("./list.json");

exports.priced = function (line) {
  return LIST[line.sku].price;
};

exports.unrelated = () => 1;
""",
    "src/audit.js": "exports.audit = (order) => {\n  order.seen = true;\n};\n",
    "src/orders.js": 'const { total } = require("./shop");\n\nfunction invoice(order) {\n  return `${total(order)} due`;\n}\n\nmodule.exports = { invoice };\n',
    "src/far.js": "exports.far = () => 'nothing of this';\n",
    "test/shop.test.js": 'const { total } = require("../src/shop");\n\ntest("adds", () => {\n  expect(total({ lines: [] })).toBe(0);\n});\n',
}
GO = {
    "go.mod": "module example.com/shop\n\ngo 1.19\n",
    "shop/total.go": """\
package shop

import "example.com/shop/internal/prices"

const rate = 3

// Total adds up an order.
func Total(order Order) int {
	sum := 0
	for _, line := range order.Lines {
		sum += prices.Of(line.SKU) * rate
	}
	return sum
}
""",
    "shop/order.go": "package shop\n\n// Order is what somebody wants.\ntype Order struct {\n	Lines []Line\n}\n\ntype Line struct{ SKU string }\n",
    "internal/prices/prices.go": "package prices\n\nvar list = map[string][]int{}\n\n// Of is the newest price.\nfunc Of(sku string) int {\n	return list[sku][0]\n}\n",
    "cmd/main.go": 'package main\n\nimport "example.com/shop/shop"\n\nfunc main() {\n	println(shop.Total(shop.Order{}))\n}\n',
    "shop/total_test.go": "package shop\n\nfunc TestTotal(t *testing.T) {\n	if Total(Order{}) != 0 {\n		t.Fatal()\n	}\n}\n",
}


def shown(folder: Path, files: dict[str, str], path: str, line: int, function: str) -> Context:
    a_program(folder, files)
    frame = Frame(path=path, line=line, function=function, in_project=True)
    return build_context(
        Failure(language="node", chain=(Raised(type="TypeError", message="no map", frames=(frame,)),)), folder
    )


def whys(context: Context) -> dict[tuple[str, str], int]:
    """By file and reason, the place in the order."""
    return {(region.path, region.why): at for at, region in enumerate(context.regions)}


def test_of_node_the_function_is_whole_with_what_it_calls_and_who_calls_it(tmp_path: Path) -> None:
    context = shown(tmp_path, NODE, "src/shop.js", 8, "total")

    first = context.regions[0]
    assert (first.path, first.start, first.end <= 9) == ("src/shop.js", 1, False)
    assert "function total: line" not in first.why
    assert first.why == "total: line 8 raised"
    assert "LIST[line.sku].price" in context.text
    assert "return `${total(order)} due`" in context.text
    assert 'test("adds"' in context.text
    order = [region.path for region in context.regions]
    assert order.index("src/prices.js") < order.index("src/orders.js") < order.index("test/shop.test.js")
    assert "src/far.js" not in order


def test_of_go_imports_are_followed_to_their_folder(tmp_path: Path) -> None:
    context = shown(tmp_path, GO, "shop/total.go", 11, "Total")

    assert context.regions[0].why == "Total: line 11 raised"
    assert "return list[sku][0]" in context.text
    assert "type Order struct" in context.text
    assert "println(shop.Total" in context.text
    assert "func TestTotal" in context.text


def test_a_method_belongs_to_its_class(tmp_path: Path) -> None:
    context = shown(tmp_path, NODE, "src/shop.js", 18, "Cart.total")

    assert context.regions[0].why == "total: line 18 raised"
    assert (
        any("of the failing class Cart" in region.why for region in context.regions) or "class Cart {" in context.text
    )
