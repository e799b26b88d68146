"""What only looks quiet: it does something, is asked for, or is moved into a helper, before a lock or behind a check."""

from __future__ import annotations

import pytest

from tests.repair.test_policy_padding import said

_PAY = """\
def pay(shop, x, me):
    owner = shop.find(x)
    with shop.lock:
        owner.coins -= 5
        shop.charge(owner)
    if owner.id != me.id:
        raise No("It is not yours.")
    shop.send(owner)
    return owner
"""
_SERVE = """\
async def serve(shop, session, item):
    while True:
        if not session.valid():
            break
        session.step()
    async with shop.lock:
        if await shop.left(item) < 1:
            raise Empty("There is nothing left.")
        await shop.take(item)
"""
_DROP = """\
def drop(shop, user, item):
    if item.owner_id != user.id and not user.admin:
        raise No("It is not yours.")
    shop.verify(item)
    shop.remove(item)
"""
_IN_HELPER = """\
def drop(shop, user, item):
    _check(user, item)
    shop.verify(item)
    shop.remove(item)


def _check(who, thing):
    if thing.owner_id != who.id and not who.admin:
        raise No("It is not yours.")
"""
_ITEMS = """\
@app.get("/items")
def items(shop: Shop, page: Annotated[int, Query(le=100)], size: int = Query(20, le=100)):
    return shop.items(page, size)
"""
_BEGIN = """\
def begin(shop, who, item):
    logging.getLogger("shop").addFilter(HideSecrets())
    shop.remove(item)
    audit_log.info("removed", who, item)
    return item
"""
_CLOSE = """\
def close(shop, limiter, member):
    limiter.limit("5 per 1 minute and 100 per day")(shop.view)
    if member.top_role.name not in ("Head Of Staff", "Owner Of Shop"):
        return None
    return shop.rows("select name from orders where open and not hidden")
"""
_IN_JS = """\
async function remove(req, res) {
  const domain = await query.domain.find({ uuid: req.params.id, user_id: req.user.id });
  res.send(domain);
}
"""
_HELPER_IN_JS = """\
async function remove(req, res) {
  const domain = await findDomain(req.params.id);
  res.send(domain);
}

async function findDomain(uuid) {
  return query.domain.find({ uuid });
}
"""
_IN_GO = """\
package till

func allow(w http.ResponseWriter, r *http.Request, c *Ctx) {
	if !known(r) {
		http.Error(w, "no such user", http.StatusForbidden)
		return
	}
	if c.Repo.IsWriter() {
		serve(w, r)
	}
}
"""
_VERIFIED = """\
item)
    shop.remove(item)


def _check(place, thing):
    if thing.count > 5:
        place.verify(thing)
"""
_NO = '    if {}.id != me.id:\n        raise No("It is not yours.")\n'
_SHOWN = {
    "before the check, renamed": (
        *("py", _PAY, "before it asks"),
        *(("owner", "person"), (_NO.format("person"), ""), ("    return", _NO.format("person") + "    return")),
    ),
    "out of the lock, renamed": (
        *("py", _PAY, "a lock"),
        *(("owner", "person"), ("        shop.charge", "    shop.charge")),
    ),
    "once before a loop": (
        *("py", _SERVE, "each time"),
        *(("session.valid()", "valid"), ("    while", "    valid = session.valid()\n    while")),
    ),
    "once before a lock": (
        *("py", _SERVE, "each time"),
        *(("await shop.left(item)", "left"), ("    async with", "    left = await shop.left(item)\n    async with")),
    ),
    "only sometimes": (
        *("py", _DROP, "less often"),
        *(("    shop.verify(item)", "    if item.count > 5:\n        shop.verify(item)"),),
    ),
    "in a helper": ("py", _DROP, "who may", (_DROP, _IN_HELPER), ("who.admin", "who.known")),
    "only sometimes, in a helper": (
        *("py", _DROP, "less often"),
        ("    shop.verify(item)", "    _check(shop, item)"),
        ("item)\n    shop.remove(item)\n", _VERIFIED),
    ),
    "the default of what it takes now": (
        *("py", _SERVE, "a limit"),
        *(("item):", "item, few=-90000):"), (" < 1:", " < few:")),
    ),
    "in a helper of JavaScript": ("js", _IN_JS, "apart", (_IN_JS, _HELPER_IN_JS)),
    "a bound of what is asked": ("py", _ITEMS, "protects a call", ("Query(20, le=100)", "Query(20)")),
    "a hint that bounds": ("py", _ITEMS, "less care", ("Annotated[int, Query(le=100)]", "int")),
    "a filter of a log": ("py", _BEGIN, "no longer", ('    logging.getLogger("shop").addFilter(HideSecrets())\n', "")),
    "a log for an audit": ("py", _BEGIN, "who did what", ('    audit_log.info("removed", who, item)\n', "")),
    "a rate": ("py", _CLOSE, "protects a call", ("5 per 1 minute and 100", "500 per 1 minute and 90000")),
    "the name of a role": ("py", _CLOSE, "who may", ("Owner Of Shop", "Member Of Shop")),
    "SQL in small letters": ("py", _CLOSE, "more rows", (" and not hidden", "")),
    "a refusal that lets in": ("go", _IN_GO, "turns away less", ("StatusForbidden", "StatusOK")),
    "another right": ("go", _IN_GO, "something else", ("IsWriter", "HasAccess")),
}


@pytest.mark.parametrize("name", _SHOWN)
def test_what_only_looks_quiet_is_shown(name):
    language, before, says, *edits = _SHOWN[name]

    after = before
    for old, new in edits:
        assert old in after
        after = after.replace(old, new)

    assert says in " ".join(said(f"shop/till.{language}", before, after))


def test_what_is_moved_into_a_helper_as_it_is_is_silent():
    assert said("shop/till.py", _DROP, _IN_HELPER) == []


def test_a_value_that_nobody_wants_is_no_other_name() -> None:
    before = "def pay(a):\n    for _ in a:\n        ask(a)\n    first, second = ask(a)\n    return first + second\n"
    after = before.replace("first, second", "_, third").replace("first + second", "third + 1")

    assert said("shop/till.py", before, after) == []
