"""More of what programs print of failures: forms that a runtime, a version or a library has beside the usual one."""

from __future__ import annotations

from tests.capture.printed import Printed

DRIVER = Printed(
    """\
Traceback (most recent call last):
  File "/srv/shop/guests.py", line 15, in add
    session.commit()
sqlalchemy.exc.IntegrityError: (psycopg2.errors.UniqueViolation) duplicate key value violates "guests_name_key"
DETAIL:  Key (name)=(ada) already exists.

[SQL: INSERT INTO guests (name) VALUES (%(name)s)]
INFO:     10.0.0.1:4242 - "POST /guests HTTP/1.1" 500""",
    "python",
    ("sqlalchemy.exc.IntegrityError",),
    '(psycopg2.errors.UniqueViolation) duplicate key value violates "guests_name_key"\n'
    "DETAIL:  Key (name)=(ada) already exists.\n\n[SQL: INSERT INTO guests (name) VALUES (%(name)s)]",
    ("/srv/shop/guests.py", 15),
)
NESTED = Printed(
    """\
java.rmi.ServerException: RemoteException occurred; nested exception is:
java.rmi.UnmarshalException: bad header
\tat com.example.shop.Basket.total(Basket.java:41)
\tat java.lang.Thread.run(java.base@17.0.2/Thread.java:840)""",
    "java",
    ("java.rmi.ServerException",),
    "RemoteException occurred; nested exception is:\njava.rmi.UnmarshalException: bad header",
    ("com/example/shop/Basket.java", 41),
)
FRAMEWORK = Printed(
    """\
System.InvalidOperationException: cannot price ---> System.ArgumentException: no coupon
   at Shop.Coupons.Find() in c:/srv/Coupons.cs:line 33
   --- End of inner exception stack trace ---
   at Shop.Basket.Total() in c:/srv/Basket.cs:line 14""",
    "dotnet",
    ("System.ArgumentException", "System.InvalidOperationException"),
    "cannot price",
    ("c:/srv/Basket.cs", 14),
)
AGGREGATE = Printed(
    """\
Unhandled exception. System.AggregateException: One or more errors occurred. (no coupon) (no tea)
 ---> System.ArgumentException: no coupon
   at Shop.Coupons.Find() in /srv/Coupons.cs:line 33
   --- End of inner exception stack trace ---
   at Shop.Basket.Total() in /srv/Basket.cs:line 14
 ---> (Inner Exception #1) System.FormatException: no tea
   at Shop.Tea.Find() in /srv/Tea.cs:line 9<---
""",
    "dotnet",
    ("System.ArgumentException", "System.AggregateException"),
    "One or more errors occurred. (no coupon) (no tea)",
    ("/srv/Basket.cs", 14),
)
MONO = Printed(
    """\
System.FormatException: no tea
  at (wrapper managed-to-native) System.Reflection.RuntimeMethodInfo.InternalInvoke(System.Exception&)
  at Shop.Tea.Find (System.String name) [0x00007] in /srv/Tea.cs:9
  at (wrapper managed-to-native) System.Reflection.RuntimeMethodInfo.InternalInvoke(System.Exception&)
  at System.String.Join (System.String[] values) <0x40f4dd90 + 0x0000b> in <filename unknown>:0
[ERROR] FATAL UNHANDLED EXCEPTION: System.FormatException: no tea
  at (wrapper managed-to-native) System.Reflection.RuntimeMethodInfo.InternalInvoke(System.Exception&)
  at Shop.Tea.Find (System.String name) [0x00007] in /srv/Tea.cs:9
  at (wrapper managed-to-native) System.Reflection.RuntimeMethodInfo.InternalInvoke(System.Exception&)
  at System.String.Join (System.String[] values) <0x40f4dd90 + 0x0000b> in <filename unknown>:0""",
    "dotnet",
    ("System.FormatException",),
    "no tea",
    ("/srv/Tea.cs", 9),
)
TEMPLATE = Printed(
    """\
ActionView::Template::Error (undefined method `price' for nil:NilClass):
    1: <h1>Basket</h1>
    2: <% @items.each do |item| %>
    3:   <%= item.price %>
    4: <% end %>

app/views/baskets/show.html.erb:3:in `block in _app_views'
app/controllers/baskets_controller.rb:7:in `show'""",
    "ruby",
    ("ActionView::Template::Error",),
    "undefined method `price' for nil:NilClass",
    ("app/views/baskets/show.html.erb", 3),
)
LARAVEL = Printed(
    """\
[2026-11-28 10:00:00] production.ERROR: No \\"tea\\" {"exception":"[object] (App\\\\Failed(code: 0): No \\"tea\\"\\there at /srv/Tea.php:9)
[stacktrace]
#0 /srv/web.php(4): App\\\\Tea->find()
#1 {main}

[previous exception] [object] (ErrorException(code: 0): Undefined key at /srv/Map.php:5)
[stacktrace]
#0 /srv/Tea.php(8): App\\\\Map->get()
#1 {main}
"}""",
    "php",
    ("ErrorException", "App\\Failed"),
    'No "tea"\\there',
    ("/srv/Tea.php", 9),
)
FATAL = Printed(
    "PHP Fatal error:  Using $this when not in object context in /srv/shop/basket.php on line 7",
    "php",
    ("Fatal error",),
    "Using $this when not in object context",
    ("/srv/shop/basket.php", 7),
)
STOPPED = Printed(
    """\
10:00:00.131 [error] Task #PID<0.200.0> started from Shop terminating
** (stop) exited in: GenServer.call(Shop.Stock, :take, 5000)
    ** (EXIT) time out
    (shop 0.1.0) lib/shop/stock.ex:12: Shop.Stock.take/1
    (shop 0.1.0) lib/shop/basket.ex:7: Shop.Basket.price/1""",
    "elixir",
    ("stop",),
    "exited in: GenServer.call(Shop.Stock, :take, 5000)\n    ** (EXIT) time out",
    ("lib/shop/stock.ex", 12),
)
PASSED_ON = Printed(
    """\
** (stop) exited in: GenServer.call(Shop.Stock, :take, 5000)
    ** (EXIT) an exception was raised:
        ** (ArgumentError) no tea
            (shop 0.1.0) lib/shop/stock.ex:12: Shop.Stock.take/1
    (shop 0.1.0) lib/shop/basket.ex:7: Shop.Basket.price/1""",
    "elixir",
    ("ArgumentError",),
    "no tea",
    ("lib/shop/stock.ex", 12),
)
LISTED = Printed(
    """\
Traceback (most recent call last):
  File "/srv/shop/store.py", line 3, in load
    buy()
LoadError: 2 are missing:
- tea
  of any kind
- milk
* Running on http://127.0.0.1:5000""",
    "python",
    ("LoadError",),
    "2 are missing:\n- tea\n  of any kind\n- milk",
    ("/srv/shop/store.py", 3),
)
NATIVE_IN_A_SHELL = Printed(
    """\
Fatal Python error: Segmentation fault

Current thread 0x00007f1234 (most recent call first):
  File "/srv/shop/pictures.py", line 44 in resize
/start.sh: line 3:    12 Segmentation fault      (core dumped) python -X faulthandler bot.py""",
    "python",
    ("Segmentation fault",),
    "",
    ("/srv/shop/pictures.py", 44),
)
UNWINDING = Printed(
    """\
thread 'main' panicked at src/till.rs:9:5:
panic in a function that cannot unwind
stack backtrace:
   0: shop::till::pay
             at ./src/till.rs:9:5
thread caused non-unwinding panic. aborting.
Aborted (core dumped)""",
    "rust",
    ("panic",),
    "panic in a function that cannot unwind",
    ("src/till.rs", 9),
)
NATIVE = Printed(
    """\
Fatal Python error: Segmentation fault

Current thread 0x00007f1234 (most recent call first):
  File "/srv/shop/pictures.py", line 44 in resize

Extension modules: PIL._imaging (total: 1)
Segmentation fault (core dumped)""",
    "python",
    ("Segmentation fault",),
    "",
    ("/srv/shop/pictures.py", 44),
)
PANIC_OF_GIN = Printed(
    """\
2026/11/28 10:00:00 [Recovery] 2026/11/28 - 10:00:00 panic recovered:
GET /basket HTTP/1.1
Host: localhost:8080

runtime error: index out of range [5] with length 3
/usr/local/go/src/runtime/panic.go:114 (0x4368d3)
\tgoPanicIndex: panic(boundsError{x: int64(x), signed: true, y: y})
/srv/shop/pick.go:12 (0x7a1b2c)
\tpick: return items[5]""",
    "go",
    ("panic",),
    "runtime error: index out of range [5] with length 3",
    ("/srv/shop/pick.go", 12),
)
SINATRA = Printed(
    """\
2026-11-28 10:00:00 - ZeroDivisionError - divided by 0:
\t/srv/shop/basket.rb:9:in `/'
\t/srv/shop/basket.rb:9:in `block in <class:App>'""",
    "ruby",
    ("ZeroDivisionError",),
    "divided by 0",
    ("/srv/shop/basket.rb", 9),
)
DETAIL = Printed(
    '{"event":"failed","error_detail":[{"exc_type":"KeyError","exc_value":"\'tea\'","is_cause":false,'
    '"frames":[{"filename":"/srv/shop/store.py","lineno":3,"name":"load"}]}]}',
    "python",
    ("KeyError",),
    "'tea'",
    ("/srv/shop/store.py", 3),
)
FENCED = Printed(
    '`Traceback (most recent call last):\n  File "/srv/shop/store.py", line 3, in load\n    buy()\nLoadError: no tea`',
    "python",
    ("LoadError",),
    "no tea",
    ("/srv/shop/store.py", 3),
)
FORMS = {name.lower(): printed for name, printed in list(globals().items()) if isinstance(printed, Printed)}
