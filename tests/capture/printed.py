"""What programs print of failures, and how it is carried to whoever reads it. Rebuilt small, with neutral names."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Printed:
    """A report, and what is right: language, types in the order raised, the last one's message, the innermost place."""

    text: str
    language: str
    types: tuple[str, ...]
    message: str
    place: tuple[str, int]


PYTHON = Printed(
    """\
Traceback (most recent call last):
  File "/srv/shop/bot.py", line 31, in on_message
    await self.answer(total(cart))
                      ^^^^^^^^^^^
  File "/srv/shop/pricing.py", line 12, in total
    return price - cart["discount"]
                   ~~~~^^^^^^^^^^^^
KeyError: 'discount'""",
    "python",
    ("KeyError",),
    "'discount'",
    ("/srv/shop/pricing.py", 12),
)
CHAIN = Printed(
    """\
Traceback (most recent call last):
  File "/srv/shop/store.py", line 3, in load
    return table[name]
KeyError: 'tea'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/store.py", line 5, in load
    raise shop.LoadError("no tea") from error
shop.LoadError: no tea""",
    "python",
    ("KeyError", "shop.LoadError"),
    "no tea",
    ("/srv/shop/store.py", 5),
)
GROUP = Printed(
    """\
  + Exception Group Traceback (most recent call last):
  |   File "/srv/shop/jobs.py", line 40, in run
  |     async with asyncio.TaskGroup() as group:
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/shop/jobs.py", line 21, in refresh
    |     return prices[name]
    | IndexError: list index out of range
    +------------------------------------""",
    "python",
    ("IndexError", "ExceptionGroup"),
    "unhandled errors in a TaskGroup (1 sub-exception)",
    ("/srv/shop/jobs.py", 40),
)
NODE = Printed(
    """\
TypeError: Cannot read properties of undefined (reading 'amount')
    at price (/srv/shop/src/basket.js:7:20)
    at Array.map (<anonymous>)
    at async handle (file:///srv/shop/src/web.mjs:31:9)
    at node:internal/main/run_main_module:28:49""",
    "node",
    ("TypeError",),
    "Cannot read properties of undefined (reading 'amount')",
    ("/srv/shop/src/basket.js", 7),
)
NODE_CAUSE = Printed(
    """\
Error: cannot price
    at total (/srv/shop/src/basket.js:4:9) {
  code: 'E_PRICE',
  [cause]: RangeError: no such coupon
      at coupon (/srv/shop/src/coupons.js:9:5)
      at total (/srv/shop/src/basket.js:3:9)
}""",
    "node",
    ("RangeError", "Error"),
    "cannot price",
    ("/srv/shop/src/basket.js", 4),
)
JAVA = Printed(
    """\
Exception in thread "main" java.lang.IllegalStateException: cannot price
\tat com.example.shop.Basket.total(Basket.java:41) ~[shop.jar:1.4]
\tat com.example.shop.Main.main(Main.java:9) ~[shop.jar:1.4]
\tSuppressed: java.io.IOException: stream closed
\t\tat com.example.shop.Audit.close(Audit.java:8)
\t\t... 1 more
Caused by: java.lang.NullPointerException: no coupon
\tat com.example.shop.Coupons.find(Coupons.java:17)
\t... 2 more""",
    "java",
    ("java.lang.NullPointerException", "java.lang.IllegalStateException"),
    "cannot price",
    ("com/example/shop/Basket.java", 41),
)
GO = Printed(
    """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.pick(...)
\t/srv/shop/pick.go:12
main.main()
\t/srv/shop/main.go:40 +0x85

goroutine 7 [chan receive]:
main.wait()
\t/srv/shop/wait.go:3 +0x1d""",
    "go",
    ("panic",),
    "runtime error: index out of range [5] with length 3",
    ("/srv/shop/pick.go", 12),
)
RUST = Printed(
    """\
thread 'main' panicked at src/basket.rs:9:17:
called `Option::unwrap()` on a `None` value
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace""",
    "rust",
    ("panic",),
    "called `Option::unwrap()` on a `None` value",
    ("src/basket.rs", 9),
)
RUBY = Printed(
    """\
/srv/shop/basket.rb:7:in `fetch': key not found: :price (KeyError)
\tfrom /srv/shop/basket.rb:7:in `price'
\tfrom /srv/shop/basket.rb:12:in `block in total'""",
    "ruby",
    ("KeyError",),
    "key not found: :price",
    ("/srv/shop/basket.rb", 7),
)
PHP = Printed(
    """\
PHP Fatal error:  Uncaught TypeError: price(): Argument #1 must be of type int in /srv/shop/basket.php:7
Stack trace:
#0 /srv/shop/basket.php(12): price('tea')
#1 {main}
  thrown in /srv/shop/basket.php on line 7""",
    "php",
    ("TypeError",),
    "price(): Argument #1 must be of type int",
    ("/srv/shop/basket.php", 7),
)
DOTNET = Printed(
    """\
Unhandled exception. System.InvalidOperationException: cannot price
 ---> System.NullReferenceException: Object reference not set to an instance of an object.
   at Shop.Coupons.Find(String name) in /srv/shop/Coupons.cs:line 9
   --- End of inner exception stack trace ---
   at Shop.Basket.Total(Item[] items) in /srv/shop/Basket.cs:line 14""",
    "dotnet",
    ("System.NullReferenceException", "System.InvalidOperationException"),
    "cannot price",
    ("/srv/shop/Basket.cs", 14),
)
ELIXIR = Printed(
    """\
** (KeyError) key :price not found in: %{count: 1}
    (shop 0.1.0) lib/shop/basket.ex:7: Shop.Basket.price/1
    (elixir 1.15.7) lib/enum.ex:1693: Enum."-map/2-lists^map/1-1-"/2""",
    "elixir",
    ("KeyError",),
    "key :price not found in: %{count: 1}",
    ("lib/shop/basket.ex", 7),
)
ALL = {name.lower(): printed for name, printed in list(globals().items()) if isinstance(printed, Printed)}


def _each(before: Callable[[int], str]) -> Callable[[str], str]:
    return lambda text: "".join(f"{before(at)}{line}\n" for at, line in enumerate(text.split("\n")))


def _records(record: Callable[[int, str], dict[str, object]]) -> Callable[[str], str]:
    return lambda text: "".join(json.dumps(record(at, line)) + "\n" for at, line in enumerate(text.split("\n")))


def _csv(text: str) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([("id", "said"), (1, "up"), (2, f"failed\n{text}"), (3, "next")])
    return out.getvalue()


CARRIED: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: f"{text}\n",
    "among records": lambda text: f"2026-11-28 10:00:00,1 INFO bot: up\n{text}\n2026-11-28 10:00:02,1 INFO bot: on\n",
    "compose": _each(lambda at: "bot-1  | "),
    "compose, behind words": lambda text: CARRIED["compose"](f"10:00:00 ERROR it failed: {text}"),
    "pm2": _each(lambda at: f"0|bot      | 2026-11-28T10:00:{at % 60:02}: "),
    "kubectl": _each(lambda at: f"2026-11-28T10:00:{at % 60:02}.{100_000_000 + at}Z stderr F "),
    "journald": _each(lambda at: f"Nov 28 10:00:{at % 60:02} host bot[811]: "),
    "heroku": _each(lambda at: f"2026-11-28T10:00:{at % 60:02}.{100_000 + at}+00:00 app[worker.1]: "),
    "a workflow": _each(lambda at: f"test\tRun tests\t2026-11-28T10:00:00.{1_000_000 + at}Z "),
    "quoted": _each(lambda at: "> "),
    "indented": _each(lambda at: "      "),
    "with an empty line after each": lambda text: text.replace("\n", "\n\n") + "\n",
    "railway": _records(lambda at, line: {"message": line, "timestamp": f"2026-11-28T10:00:{at % 60:02}Z"}),
    "docker": _records(lambda at, line: {"log": f"{line}\n", "stream": "stderr"}),
    "one record": lambda text: json.dumps({"level": "error", "msg": "failed", "stack_trace": text}) + "\n",
    "a nested record": lambda text: json.dumps({"level": 50, "err": {"stack": text}, "msg": "failed"}) + "\n",
    "an export": lambda text: json.dumps([{"textPayload": text}, {"textPayload": "next"}]) + "\n",
    "a printed export": lambda text: (
        json.dumps([{"n": 1, "message": each} for each in text.split("\n")], indent=2) + "\n"
    ),
    "logfmt": lambda text: f"level=error err={json.dumps(text)} host=a\n",
    "syslog": lambda text: "Nov 28 10:00:00 host bot[811]: " + text.replace("\n", "#012").replace("\t", "#011") + "\n",
    "CSV": _csv,
    "HTML": lambda text: html.escape(text) + "\n",
    "Windows": lambda text: text.replace("\n", "\r\n") + "\r\n",
    "in colour": lambda text: "\x1b[31m" + text.replace("\n", "\x1b[0m\n\x1b[31m") + "\x1b[0m\n",
    "in a message": lambda text: f"it breaks:\n```\n{text}\n```\nany idea?\n",
}
