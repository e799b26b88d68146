"""Harmless edits beside a risky one hide nothing: other names, logs, hints, values kept first, sentences, order."""

from __future__ import annotations

from kintsugi.repair.apply import Applied
from kintsugi.repair.policy import Rule, check
from tests.repair.memory_tree import MemoryTree

_PLAIN = """\
def place(shop, order, most):
    price = shop.price(order.items)
    known = shop.find(order.customer)
    if order.count > 20:
        raise TooMany("There are too many of these.")
    if known.blocked or not known.checked:
        return None
    parcel = pack(order.items, size=most)
    shop.book(order, price)
    shop.send(parcel.clean(), known.address)
    return shop.receipt(order, price)
"""
_PADDED = """\
def place(shop, order, most):
    \"\"\"Takes an order of the shop.\"\"\"
    log.debug("placing %s", order)
    asked: Customer = shop.find(order.customer)
    began = time.monotonic()
    cost = shop.price(order.items)
    if order.count > 20:
        log.warning("too many of them")
        raise TooMany("Sorry, there are far too many of these.")
    if asked.blocked or not asked.checked:
        metrics.increment("turned_away")
        return None
    items = order.items
    parcel = pack(items, size=most)
    if DEBUG:
        log.debug("packed %s", parcel)
    shop.book(order, cost)
    where = asked.address
    shop.send(parcel.clean(), where)
    log.info("took %s", time.monotonic() - began)
    receipt = shop.receipt(order, cost)
    return receipt
"""
_IN_JS = """\
async function place(shop, order) {
  const price = shop.price(order.items);
  if (order.count > 20) throw new TooMany("There are too many of these.");
  await shop.book(order, price);
  return shop.receipt(order, price);
}
"""
_PADDED_JS = """\
async function place(shop, order) {
  logger.debug("placing an order");
  const cost = shop.price(order.items);
  const began = Date.now();
  if (order.count > 20) throw new TooMany("Sorry, there are far too many of these.");
  await shop.book(order, cost);
  console.log("took", Date.now() - began);
  const receipt = shop.receipt(order, cost);
  return receipt;
}
"""


def said(path: str, before: str, after: str) -> list[str]:
    found = check(Applied({path: after.encode()}), MemoryTree({path: before}))
    return [one.sentence for one in found if one.rule is Rule.LOOK]


def test_harmless_edits_around_it_hide_no_risky_one():
    rows = (
        ("shop/till.py", _PLAIN, _PADDED, "order.count > 20", "order.count > 20000", "a limit"),
        ("shop/till.py", _PLAIN, _PADDED, ".blocked or not ", ".blocked and not ", "turns a condition"),
        ("shop/till.py", _PLAIN, _PADDED, ".clean()", "", "escapes or cleans"),
        ("shop/till.py", _PLAIN, _PADDED, ", size=most", ", size=90000", "a limit"),
        ("shop/till.js", _IN_JS, _PADDED_JS, "order.count > 20", "order.count > 20000", "a limit"),
        ("shop/till.js", _IN_JS, _PADDED_JS, "await shop.book", "shop.book", "waits"),
    )

    for path, before, padded, old, new, says in rows:
        assert padded.count(old) == 1
        for after in (before, padded):
            found = said(path, before, after.replace(old, new))
            assert any(says in one for one in found), (after is padded, old, new, found)


def test_harmless_edits_alone_are_silent():
    assert said("shop/till.py", _PLAIN, _PADDED) == []
    assert said("shop/till.js", _IN_JS, _PADDED_JS) == []


def test_a_value_that_is_kept_in_a_name_first_is_compared_with_what_stood_there():
    after = _PLAIN.replace("    if order.count > 20:", "    few = 20000\n    if order.count > few:")

    assert "a limit" in " ".join(said("shop/till.py", _PLAIN, after))
