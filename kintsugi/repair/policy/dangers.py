"""What can do anything, by its full name in Python: it starts programs, runs text, reaches machines, makes objects.

A name is written as it is imported, with `*` for any part of one and `**` for any further names. A leading `?.` stands
for whatever the name is asked of. What has no dot is a builtin, or what `python.py` calls a way of using one.
"""

from __future__ import annotations

from functools import lru_cache

from kintsugi.telemetry import lazy_re as re

_SHELL = """
    os.system os.popen* os.exec* os.spawn* os.posix_spawn* os.startfile os.fork* os.kill os.killpg posix.system
    posix.popen* posix.exec* posix.spawn* posix.posix_spawn* posix.fork* posix.kill nt.system nt.startfile nt.exec*
    nt.spawn* subprocess.run subprocess.Popen subprocess.call subprocess.check_call subprocess.check_output
    subprocess.getoutput subprocess.getstatusoutput subprocess.create_subprocess_* asyncio.create_subprocess_*
    ?.subprocess_exec ?.subprocess_shell ?.create_subprocess_exec ?.create_subprocess_shell anyio.run_process
    anyio.open_process trio.run_process trio.lowlevel.open_process pty.spawn pty.fork pexpect.* sh.* plumbum.*
    invoke.** fabric.** _posixsubprocess.* shell=True multiprocessing.popen_** distutils.spawn.* pip.main
    pip._internal.** ensurepip.* shutil.rmtree os.removedirs signal.pthread_kill psutil.Popen ?.rmtree ?._rmtree
    os.abort os._exit os.setuid os.setgid os.seteuid os.setegid os.setreuid os.setgroups os.chown os.lchown os.fchown
    os.chroot os.mknod os.symlink os.link os.truncate os.add_dll_directory ?.symlink_to ?.hardlink_to
    signal.raise_signal signal.sigqueue
    signal.pidfd_send_signal multiprocessing.set_executable multiprocessing.spawn.** multiprocessing.util.spawn*
    multiprocessing.forkserver.** pydoc.pipe* pydoc.tempfilepager pydoc.pager pydoc.browse platform._syscmd*
    uuid._get_command* mailcap.* setuptools.** venv.* idlelib.** pipes.* popen2.* resource.setrlimit
    tornado.process.** gevent.subprocess.** eventlet.green.subprocess.** twisted.internet.utils.getProcess*
    environment-of-programs written-code files-at-the-end emptied-folder killed-process zipapp.* faulthandler._*
    _thread.interrupt_main git.cmd.** git.Git git.Repo.clone_from git.Repo.init docker.from_env docker.*Client
    docker.client.** kubernetes.** podman.** dockerpty.** pyautogui.** pynput.** keyboard.** pywinauto.** sarge.**
    delegator.** ptyprocess.** winpty.**
"""
_EVAL = """
    eval exec execfile compile __import__ __builtins__** __loader__** builtins.eval builtins.exec builtins.compile
    builtins.__import__ builtins.__dict__** importlib.__import__ importlib.util.spec_from_* importlib.reload
    importlib.util.module_from_spec importlib.machinery.* imp.* runpy.* code.interact code.Interactive*
    code.compile_command codeop.* types.FunctionType types.CodeType types.LambdaType ctypes** _ctypes** cffi.**
    ?.__subclasses__ ?.__globals__ ?.__builtins__ ?.__code__ ?.__closure__ ?.__reduce__ ?.__reduce_ex__ ?.f_globals
    ?.f_builtins ?.gi_frame ?.tb_frame pkgutil.resolve_name pkgutil.get_loader pkgutil.find_loader zipimport.*
    flask.render_template_string asteval.* pdb.run* pdb.Pdb bdb.* cProfile.run* cProfile.Profile profile.run*
    profile.Profile timeit.timeit timeit.repeat timeit.Timer trace.Trace doctest.* typing.get_type_hints
    typing_extensions.get_type_hints typing.ForwardRef inspect.get_annotations logging.config.* gc.get_objects
    gc.get_referrers gc.get_referents sys.modules.items sys.modules.values sys.modules.copy sys.settrace
    sys.setprofile sys.addaudithook sys.meta_path** sys.path_hooks** sys._getframe sys._current_frames
    sys.path.insert sys.path.append sys.path.extend threading.settrace* threading.setprofile* sys.monitoring.**
    site.addsitedir site.addpackage site.main site.execsitecustomize mmap.PROT_EXEC numpy.DataSource py_compile.*
    compileall.* numexpr.evaluate pandas.eval sympy.sympify
    sympy.parsing.** jinja2.Template mako.template.Template lib2to3.** star-import dynamic-import getattr-of-**
    module-handed-on-** names-of-** import-hook eval_str=True names-within-a-format breakpoint sys.breakpointhook
    pydoc.locate pydoc.importfile rlcompleter.* tkinter.Tcl _tkinter.* turtledemo.** ?.enable_load_extension
    ?.set_executable
    readline.read_init_file ?.loadTestsFromName ?.loadTestsFromNames unittest.mock._importer
    unittest.mock._dot_lookup pkg_resources.EntryPoint** pkg_resources.load_entry_point pkg_resources.run_script
    pkg_resources.*_entry_points pkg_resources.get_entry_* importlib.metadata.entry_points
    importlib.metadata.EntryPoint** importlib_metadata.entry_points importlib_metadata.EntryPoint** stevedore.**
    ?.iter_entry_points ?.load_setuptools_entrypoints ?.load_entry_point loaded-entry-point
    annotationlib.* typing._eval_type typing.evaluate_forward_ref ?._evaluate
    jinja2.nativetypes.** jinja2.NativeEnvironment pkgutil.extend_path antigravity
    ?.f_locals ?.cr_frame ?.cr_code ?.ag_frame ?.gi_code ?.__kwdefaults__
    _frozen_importlib** _frozen_importlib_external** _imp.* _testcapi** _testinternalcapi**
    module-of-a-function trust_remote_code=True IPython.** ptpython.** bpython.** jishaku** dshell** onami**
    pytest.main unittest.main nose.** nose2.** unittest.TestProgram tornado.template.** sympy.lambdify sympy.parse_expr
    chameleon.** Cheetah.** genshi.template.** bottle.SimpleTemplate js2py.** execjs.** dukpy.** quickjs.** lupa.**
    py_mini_racer.** RestrictedPython.** torch.hub.* rpyc.** werkzeug.debug.** Pyro4.** Pyro5.** pyxll.** wasmtime.**
    _xxsubinterpreters** _interpreters** concurrent.interpreters** debugpy.** pydevd** manhole.** aiomonitor.**
    remote_pdb.** rpdb.** web_pdb.** pudb.** ipdb.** aioconsole.** gevent.backdoor.** sys.remote_exec ?.load_module
    ?.exec_module mako.lookup.**
"""
_NETWORK = """
    socket.socket socket.create_connection socket.create_server socket.socketpair socket.fromfd socket.getaddrinfo
    *.socket.socket *.socket.create_connection
    socket.gethostby* socketserver.* ssl.get_server_certificate urllib.request.* urllib.urlopen urllib.urlretrieve
    urllib.URLopener http.client.HTTP*Connection http.server.* wsgiref.simple_server.* requests.get requests.post
    requests.put requests.patch requests.delete requests.head requests.options requests.request requests.?ession
    requests.sessions.Session requests.api.* httpx.get httpx.post httpx.put httpx.patch httpx.delete httpx.head
    httpx.options httpx.request httpx.stream httpx.Client httpx.AsyncClient aiohttp.ClientSession aiohttp.request
    aiohttp.web.run_app aiohttp.web.TCPSite urllib3.PoolManager urllib3.ProxyManager urllib3.request
    urllib3.connection_from_url urllib3.HTTP*ConnectionPool ftplib.* smtplib.* django.core.mail.*mail*
    aiosmtplib.* telnetlib.* poplib.*
    imaplib.* nntplib.* xmlrpc.client.* xmlrpc.server.* websocket.connect websocket.create_connection
    websocket.WebSocketApp websockets.connect websockets.serve paramiko.SSHClient paramiko.Transport
    paramiko.client.** asyncssh.* asyncio.open_connection asyncio.start_server asyncio.start_unix_server
    asyncio.open_unix_connection ?.create_datagram_endpoint ?.sock_connect ?.start_tls ?.connect_read_pipe pycurl.*
    webbrowser.* dns.resolver.* boto3.* grpc.insecure_channel grpc.secure_channel zmq.* scapy.** httplib2.*
    multiprocessing.connection.Listener multiprocessing.managers.* logging.handlers.HTTPHandler
    logging.handlers.NTEventLogHandler ?.create_connection ?.create_server ?.create_unix_connection
    ?.create_unix_server ?.sock_sendall ?.sock_sendto ?.sock_sendfile ?.sock_recv ?.sock_recvfrom ?.sock_accept
    ?.connect_accepted_socket ?.connect_write_pipe
    ?.getaddrinfo ?.getnameinfo ?.wrap_socket ?.wrap_bio ssl.wrap_socket ssl.SSLSocket ssl.SSLObject asyncio.streams.*
    asyncio.sslproto.* asyncio.selector_events.* socket.SocketType socket.getnameinfo socket.getfqdn
    socket.SocketIO _socket.** _ssl.** syslog.* sentry_sdk.init httpx.*Transport httpcore.** niquests.** curl_cffi.**
    selenium.webdriver.* playwright.**_playwright mechanize.* pyppeteer.launch twisted.internet.endpoints.**
    twisted.internet.reactor.connect* twisted.internet.reactor.listen* twisted.web.client.** tornado.httpclient.**
    tornado.tcpclient.**
    tornado.tcpserver.** gevent.socket.** gevent.server.** eventlet.connect eventlet.listen eventlet.green.**
    treq.** trio.open_tcp*
    trio.serve_* trio.socket.** anyio.connect_* anyio.create_*_listener pyftpdlib.** pysftp.**
    impacket.** socketio.*Client paho.mqtt.client.Client pika.*Connection
    discord.*Webhook.from_url discord.*Webhook.partial nextcord.*Webhook.from_url nextcord.*Webhook.partial
    disnake.*Webhook.from_url disnake.*Webhook.partial dhooks.** discord_webhook.** urllib.robotparser.*
    asyncore.* asynchat.* smtpd.* cloudscraper.** socks.* python_socks.** private-file-sent
    requests_html.** requests_futures.** aiosonic.** yagmail.** ldap3.**
    apprise.** telethon.** telegram.** telebot.** aiogram.** pyrogram.** sendgrid.** mailjet_rest.** mailgun.**
    postmarker.** resend.** vonage.** pushbullet.** ray.init ray.connect slack_sdk.** twilio.**
    gdown.** wget.** tftpy.** netmiko.** ncclient.** pysnmp.**
    logging.handlers.SMTPHandler logging.handlers.SocketHandler logging.handlers.DatagramHandler
    logging.handlers.SysLogHandler whole-environment read-of-an-address
"""
_CONNECTS = """
    asyncpg.connect asyncpg.create_pool psycopg.connect psycopg.*Connection.connect psycopg2.connect psycopg_pool.*
    pymysql.connect MySQLdb.connect mysql.connector.connect aiomysql.connect aiomysql.create_pool aiopg.*
    pymongo.*MongoClient motor.motor_asyncio.*Client redis.*Redis redis.from_url redis.asyncio.*Redis
    redis.asyncio.from_url aioredis.* elasticsearch.*Elasticsearch cassandra.cluster.* influxdb*.*Client*
    clickhouse_*.**
    pyodbc.connect cx_Oracle.connect oracledb.connect neo4j.* yt_dlp.YoutubeDL youtube_dl.YoutubeDL pytube.*
    huggingface_hub.* openai.*Client openai.*OpenAI anthropic.*Anthropic feedparser.parse smart_open.open fsspec.open
    celery.Celery dramatiq.* rq.* arq.* distributed.** dask.distributed.** google.cloud.** azure.** minio.Minio
    nats.connect aiokafka.* kafka.* aio_pika.connect* asyncssh.connect
"""
_DATA = "removed-data"
_DESERIALISER = """
    pickle.load pickle.loads pickle.Unpickler pickle._load* pickle._Unpickler cPickle.load* cPickle.Unpickler
    _pickle.load* _pickle.Unpickler
    dill.load* dill.Unpickler cloudpickle.load* marshal.load* shelve.open shelve.*Shelf jsonpickle.decode
    jsonpickle.loads yaml.load yaml.load_all yaml.unsafe_load* yaml.full_load* yaml.UnsafeLoader yaml.Loader
    yaml.FullLoader yaml.CLoader yaml.CUnsafeLoader ruamel.yaml.load torch.load joblib.load pandas.read_pickle
    unsafe-yaml tensorflow.keras.**load_model keras.**load_model klepto.** hickle.* sklearn.externals.**
    numpy-load-with-pickle numpy.lib.npyio.** multiprocessing.connection.Client copyreg.*
"""
_LOOK = """
    failure-hook atexit.register weakref.finalize os.chmod ?.chmod ?.extractall shutil.unpack_archive replaced-library
    dynamic-extension files-removed keyring.* jinja2.Environment jinja2.environment.Environment
"""
_RULES = (
    ("shell", _SHELL),
    ("eval", _EVAL),
    ("network", _NETWORK),
    ("deserialiser", _DESERIALISER),
    ("connects", _CONNECTS),
    ("data", _DATA),
    ("look", _LOOK),
)

SAYS = {
    "shell": "It can start any program.",
    "eval": "It can run any code.",
    "network": "It can reach other machines.",
    "deserialiser": "It makes objects of bytes, and these can run any code.",
    "connects": "It connects to other machines.",
    "data": "A human has to do that.",
    "security": "It goes round a check.",
    "look": "A human has to look.",
}
_OF_FILES = re.compile(
    r"(?:RemoveAll|rm(?:dir|tree)?|l?ch(?:mod|own)|Ch(?:mod|own)|(?:sym|hard)?link(?:_to)?|(?:Syml|L)ink)(?:Sync)?$"
)


def says(rule: str, name: str) -> str:
    """What something of a rule can do, in words."""
    is_of_files = rule == "shell" and _OF_FILES.fullmatch(re.split(r"[.#]", name)[-1])
    return "It can remove files anywhere, or lead to others." if is_of_files else SAYS[rule]


_HARMLESS = re.compile(
    r"sarge\.shell_(?:quote|format)|jishaku\.(?:codeblocks|paginators|formatters|hljs|types|meta)(?:\.\w+)?"
)
"""What only makes texts and pages, of modules that can do anything."""

BUILTINS = frozenset({"eval", "exec", "execfile", "compile", "breakpoint", "__import__", "__builtins__", "__loader__"})
"""Names that need no import to be dangerous."""

HANDED_ON = frozenset(
    (
        *("os", "posix", "nt", "subprocess", "_posixsubprocess", "builtins", "importlib", "ctypes", "_ctypes", "runpy"),
        *("pty", "socket", "pickle", "_pickle", "marshal", "shutil", "requests", "httpx", "urllib.request"),
        *("http.client", "aiohttp", "code", "codeop", "imp"),
    )
)
"""Modules that are refused as a value: where one is passed on, nobody can tell what is used of it."""


@lru_cache(4096)
def rule_of(name: str) -> str | None:
    """The rule that a full name breaks; None for none."""
    return (
        None
        if _HARMLESS.fullmatch(name)
        else next((rule for rule, pattern in _compiled() if pattern.fullmatch(name)), None)
    )


@lru_cache(1)
def modules() -> frozenset[str]:
    """The first names of all of them, and the builtins: a text with none of these words uses nothing of it."""
    listed = [name for _, names in _RULES for name in names.split() if not name.startswith("?.")]
    return frozenset(name.partition(".")[0].rstrip("*") for name in listed if "-" not in name and "=" not in name)


@lru_cache(1)
def attributes() -> frozenset[str]:
    """What is dangerous of anything."""
    return frozenset(name[2:] for _, names in _RULES for name in names.split() if name.startswith("?."))


_COMMON = frozenset(
    (
        *("run", "get", "call", "request", "load", "link", "symlink", "abort", "truncate", "main"),
        *("pager", "init", "locate", "browse", "register", "finalize", "chmod", "chown", "head", "post"),
        *("put", "patch", "delete", "options", "stream", "decode", "interact", "connect", "serve", "listen"),
        *("antigravity", "extractall"),
    )
)
"""Last names that are too common to say anything by themselves."""


@lru_cache(1)
def members() -> frozenset[str]:
    """The last names, for looking one up by a text: `getattr(x, "system")`."""
    listed = {name.rpartition(".")[2] for _, names in _RULES for name in names.split() if "*" not in name}
    return frozenset(listed | BUILTINS | {"popen", "execv", "execve", "spawnl"}) - _COMMON


@lru_cache(1)
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((rule, re.compile("|".join(map(_expression, names.split())))) for rule, names in _RULES)


def _expression(name: str) -> str:
    escaped = re.escape(name).replace(r"\*\*", ".*").replace(r"\*", r"\w*")
    return escaped if name.startswith("?.") else escaped.replace(r"\?", r"\w")
