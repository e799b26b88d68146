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
ZAP = Printed(
    """\
2026-11-28T10:00:00Z\tERROR\tshop/web.go:12\tcannot price\t{"order": 7, "error": "no coupon"}
github.com/acme/shop.Price
\t/srv/shop/price.go:31
main.main
\t/srv/shop/main.go:9
runtime.main
\t/usr/local/go/src/runtime/proc.go:267""",
    "go",
    ("error",),
    "cannot price: no coupon",
    ("/srv/shop/price.go", 31),
)
ZAP_JSON = Printed(
    '{"level":"error","msg":"cannot price","error":"no coupon","stacktrace":"github.com/acme/shop.Price\\n'
    '\\t/srv/shop/price.go:31\\nmain.main\\n\\t/srv/shop/main.go:9"}',
    "go",
    ("error",),
    "cannot price: no coupon",
    ("/srv/shop/price.go", 31),
)
CHI = Printed(
    """\
 panic: no cart

 -> main.Total
 ->   /srv/shop/cart.go:21

    main.handle
      /srv/shop/main.go:36
    net/http.HandlerFunc.ServeHTTP
      /usr/local/go/src/net/http/server.go:2136""",
    "go",
    ("panic",),
    "no cart",
    ("/srv/shop/cart.go", 21),
)
SLOG = Printed(
    'time=2026-11-28T10:00:00Z level=ERROR msg=recovered err="no cart" stack="goroutine 35 [running]:\\n'
    "panic({0x6c6a40, 0xc000016120})\\n\\t/usr/local/go/src/runtime/panic.go:914 +0x21f\\n"
    'main.pick(...)\\n\\t/srv/shop/pick.go:9\\n"',
    "go",
    ("panic",),
    "recovered: no cart",
    ("/srv/shop/pick.go", 9),
)
ZEROLOG = Printed(
    '{"level":"error","stack":[{"func":"inner","line":"20","source":"cart.go"},'
    '{"func":"main","line":"15","source":"main.go"}],"error":"no cart"}',
    "go",
    ("error",),
    "no cart",
    ("cart.go", 20),
)
MONOLOG = Printed(
    '{"message":"failed","context":{"exception":{"class":"App\\\\NoStock","message":"none left",'
    '"file":"/srv/src/Stock.php:14","trace":["/srv/src/Api.php:20"]}},"level":500}',
    "php",
    ("App\\NoStock",),
    "none left",
    ("/srv/src/Stock.php", 14),
)
ECS = Printed(
    '{"log.level":"error","message":"boom","error":{"type":"ValueError","message":"bad",'
    '"stack_trace":"  File \\"/srv/shop/cart.py\\", line 3, in add\\n    check()\\n"}}',
    "python",
    ("ValueError",),
    "bad",
    ("/srv/shop/cart.py", 3),
)
FPM = Printed(
    """\
[28-Nov-2026 10:00:00] WARNING: [pool www] child 7 said into stderr: "NOTICE: PHP message: PHP Fatal error:  \
Uncaught Error: no tea in /srv/src/Tea.php:7"
[28-Nov-2026 10:00:00] WARNING: [pool www] child 7 said into stderr: "Stack trace:"
[28-Nov-2026 10:00:00] WARNING: [pool www] child 7 said into stderr: "#0 /srv/public/index.php(31): Tea->pour()"
[28-Nov-2026 10:00:00] WARNING: [pool www] child 7 said into stderr: "#1 {main}\"""",
    "php",
    ("Error",),
    "no tea",
    ("/srv/src/Tea.php", 7),
)
HEADED = Printed(
    """\
11/28/2026, 8:09:59 PM shop STDERR
Traceback (most recent call last):
11/28/2026, 8:09:59 PM shop STDERR
  File "/srv/shop/app.py", line 12, in <module>
11/28/2026, 8:09:59 PM shop STDERR
    load()
11/28/2026, 8:09:59 PM shop STDERR
ValueError: no tea""",
    "python",
    ("ValueError",),
    "no tea",
    ("/srv/shop/app.py", 12),
)
LOGCAT = Printed(
    """\
2026-11-28 10:00:00.253 18077-18110/? E/AndroidRuntime: FATAL EXCEPTION: main
    Process: com.shop, PID: 18077
    java.lang.RuntimeException: no cart
        at com.shop.Main.run(Main.kt:64)
     Caused by: java.io.IOException: no tea
        at com.shop.Tea.pour(Tea.kt:19)""",
    "java",
    ("java.io.IOException", "java.lang.RuntimeException"),
    "no cart",
    ("com/shop/Main.kt", 64),
)
DEMYSTIFIED = Printed(
    """\
System.Net.Sockets.SocketException (111): Connection refused
   at async Task<Cart> Shop.Api.Get(int id) in /srv/Api.cs:line 31""",
    "dotnet",
    ("System.Net.Sockets.SocketException",),
    "Connection refused",
    ("/srv/Api.cs", 31),
)
ANYHOW = Printed(
    """\
Error: cannot load

Caused by:
    No such file or directory (os error 2)

Stack backtrace:
   0: shop::load
             at ./src/config.rs:12:16""",
    "rust",
    ("Error", "Error"),
    "cannot load",
    ("src/config.rs", 12),
)
EYRE = Printed(
    """\
The application panicked (crashed).
Message:  no cart
Location: src/main.rs:7

Backtrace omitted. Run with RUST_BACKTRACE=1 environment variable to display it.""",
    "rust",
    ("panic",),
    "no cart",
    ("src/main.rs", 7),
)
FLUTTER = Printed(
    """\
E/flutter ( 5068): [ERROR:flutter/runtime/dart_vm_initializer.cc(41)] Unhandled Exception: FormatException: no tea
E/flutter ( 5068): #0      Cart.parse (package:shop/cart.dart:12:5)
E/flutter ( 5068): <asynchronous suspension>
E/flutter ( 5068): #1      main (package:shop/main.dart:4:3)""",
    "dart",
    ("FormatException",),
    "no tea",
    ("package:shop/cart.dart", 12),
)
COLOURS = Printed(
    """\
ERROR failed: 'Traceback (most recent call last):\\n  File "\\x1b[32m/srv/shop/base.py\\x1b[0m", line 3, in get\\n\
    x()\\nValueError: bad\\n'""",
    "python",
    ("ValueError",),
    "bad",
    ("/srv/shop/base.py", 3),
)
BUILD = Printed(
    """\
2026-11-28T10:00:00Z =================================== FAILURES ===================================
2026-11-28T10:00:00Z __________________________________ test_total ___________________________________
2026-11-28T10:00:00Z >       assert total({}) == 0
2026-11-28T10:00:00Z tests/test_cart.py:5:
2026-11-28T10:00:00Z E       KeyError: 'price'
2026-11-28T10:00:00Z shop/cart.py:9: KeyError
2026-11-28T10:00:00Z =========================== short test summary info ============================""",
    "python",
    ("KeyError",),
    "'price'",
    ("shop/cart.py", 9),
)
CAUSES = Printed(
    """\
ActionView::Template::Error (undefined method `total' for nil:NilClass):
    1: <%= @cart.total %>

app/views/carts/index.html.erb:2:in `show'

Causes:
NoMethodError (undefined method `total' for nil:NilClass)

app/views/carts/index.html.erb:2:in `show'""",
    "ruby",
    ("NoMethodError", "ActionView::Template::Error"),
    "undefined method `total' for nil:NilClass",
    ("app/views/carts/index.html.erb", 2),
)
TRAEFIK = Printed(
    'time="2026-11-28T10:00:00Z" level=error msg="Stack: goroutine 6859 [running]:\\n'
    "panic({0x2f423e0, 0xc00011ea90})\\n\\t/usr/local/go/src/runtime/panic.go:513 +0x1b9\\n"
    'main.(*Retry).ServeHTTP(0xc000cbf860)\\n\\t/srv/shop/retry.go:38 +0x5e8\\n"',
    "go",
    ("panic",),
    "",
    ("/srv/shop/retry.go", 38),
)
WITHIN = Printed(
    '{"log":"{\\"level\\":50,\\"err\\":{\\"type\\":\\"TypeError\\",\\"message\\":\\"no cart\\",'
    '\\"stack\\":\\"TypeError: no cart\\\\n    at total (/srv/shop/cart.js:9:11)\\"}}\\n","stream":"stdout"}',
    "node",
    ("TypeError",),
    "no cart",
    ("/srv/shop/cart.js", 9),
)
CAUSED_BY = Printed(
    """\
VError: cannot price: no coupon
    at price (/srv/shop/price.js:3:9)
caused by: RangeError: no coupon
    at find (/srv/shop/coupons.js:9:3)""",
    "node",
    ("RangeError", "VError"),
    "cannot price: no coupon",
    ("/srv/shop/price.js", 3),
)
STACK_OF_ANOTHER_KIND = Printed(
    '{"stack":"production","deploy":{"stack":"eu\\nus"},"message":"Traceback (most recent call last):\\n'
    '  File \\"/srv/shop/cart.py\\", line 3, in add\\n    check()\\nValueError: bad"}',
    "python",
    ("ValueError",),
    "bad",
    ("/srv/shop/cart.py", 3),
)
KLOG = Printed(
    """\
E1128 10:00:00.000000       1 main.go:12] no coupon: info is missing
main.price
\t/srv/shop/price.go:31
runtime.main
\t/usr/local/go/src/runtime/proc.go:267""",
    "go",
    ("error",),
    "no coupon: info is missing",
    ("/srv/shop/price.go", 31),
)
RECOVERED = Printed(
    '{"level":"warn","msg":"recovered","stack":"goroutine 35 [running]:\\n'
    "panic({0x6c6a40, 0xc000016120})\\n\\t/usr/local/go/src/runtime/panic.go:914 +0x21f\\n"
    'main.pick(...)\\n\\t/srv/shop/pick.go:9\\n"}',
    "go",
    ("panic",),
    "recovered",
    ("/srv/shop/pick.go", 9),
)
RECOVERED_ZAP = Printed(
    """\
2026-11-28T10:00:00Z\tWARN\tshop/web.go:12\trecovered\t{"error": "no cart"}
main.(*Web).serve.func1
\t/srv/shop/web.go:12
runtime.gopanic
\t/usr/local/go/src/runtime/panic.go:884
main.pick
\t/srv/shop/pick.go:9""",
    "go",
    ("panic",),
    "recovered: no cart",
    ("/srv/shop/pick.go", 9),
)
CONSOLA = Printed(
    """\

 ERROR  [cart] no price for a cup

    at price (lib/price.js:3:23)
    at ModuleJob.run (node:internal/modules/esm/module_job:325:25)

""",
    "node",
    ("Error",),
    "no price for a cup",
    ("lib/price.js", 3),
)
OWN_NAME = Printed(
    """\
Error [PriceError]: [
  {
    "path": ["cup"]
  }
]
    at price (file:///srv/shop/price.js:3:23) {
  code: 'E_PRICE'
}""",
    "node",
    ("PriceError",),
    '[\n  {\n    "path": ["cup"]\n  }\n]',
    ("/srv/shop/price.js", 3),
)
THROWN_OBJECT = Printed(
    """\
/srv/shop/price.js:7
  throw { code: 42, message: 'no price' };
  ^

{ code: 42, message: 'no price' }

Node.js v20.20.2""",
    "node",
    ("Uncaught",),
    "{ code: 42, message: 'no price' }",
    ("/srv/shop/price.js", 7),
)
LISTED_PLACES = Printed(
    '{"message":"could not","level":"ERROR","error":{"name":"TypeError","message":"no cup","stack":['
    '{"fullFilePath":"file:///srv/shop/price.js:3:23","fileLine":"3","method":"price"},'
    '{"fullFilePath":"node:internal/modules/esm/module_job:325:25","fileLine":"325","method":"ModuleJob.run"}]}}',
    "node",
    ("TypeError",),
    "no cup",
    ("/srv/shop/price.js", 3),
)
FORMS = {name.lower(): printed for name, printed in list(globals().items()) if isinstance(printed, Printed)}
