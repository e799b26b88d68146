"""The words by which the policy knows what it is about: who may, secrets, limits, locks, cleaning, what protects.

Names of any language are in one spelling here: `isAdmin` is `is_admin`, `MaxBytesReader` `max_bytes_reader`.
"""

from __future__ import annotations

from kintsugi.telemetry import lazy_re as re

WHO = re.compile(
    r"admin|owner|permission|(?:\b|_)perms?(?:\b|_)|(?:\b|_)roles?(?:\b|_)|auth(?!or)|staff|superuser|moderator|allowed"
    r"|whitelist|blacklist|allowlist|denylist|blocklist|banned|(?:\b|_)scopes?(?:\b|_)|guild_only|is_nsfw",
    re.IGNORECASE,
)
GUARDING = re.compile(
    r"(?:^| |_)(?:checks?|cooldown|requires?|required|login\w*|dm_only|protected|limiter|throttle|before_request"
    r"|max_concurrency|rate_?limit\w*|csrf\w*|signed|verified|never_cache)(?:$| |_)"
)
ROUTES = frozenset(
    [
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "all",
        "handle",
        "handle_func",
        "use",
        "group",
        "route",
        "head",
        "options",
    ]
)
MOUNTING = ("use", "register", "add_hook", "wrap", "chain", "with_")
GUARD = re.compile(
    r"^(?:require|ensure|assert|only|with|check)_(?:\w+_)?(?:auth|admin|owner|login|role|staff|permission|perms?|csrf|user|session)\w*$"
    r"|^_*(?:can|may)_\w+$|^(?:auth(?:enticate|orize|orise)?|restrict_to|permit|guard|protect)$"
    r"|^set_(?:default_member_permissions|dm_permission|nsfw)$|^(?:helmet|csurf|csrf)$"
)
SECRET = re.compile(
    r"passw|passphrase|secret|token|api_?key|credential|authori[sz]ation|cookie|(?:private|clear|access|signing|encryption)_?key|session_?id",
    re.IGNORECASE,
)
LOGGING = re.compile(
    r"^(?:log|logger|logging|_log|_logger|LOG|LOGGER|print|warnings|console|sentry_sdk|slog|winston|zap|logrus|glog|klog)$"
)
LOGGED_BY = re.compile(r"^(?:print|fatal|panic|debug|info|warn|error|trace)(?:f|ln|w)?$")
CHOICE = re.compile(r"(?:^|_)(?:mode|policy|level|strategy|errors|on_error|scheme|algorithm|samesite|access)$")
REFUSAL = re.compile(
    r"\bstatus(?:_code)?=4\d\d\b|UNAUTHORIZED|FORBIDDEN|Forbidden|NotFound|BadRequest|Unauthorized"
    r"|\b(?:status|send_status|code)\(4\d\d\)|(?:\b|_)(?:forbidden|not_found|bad_request|unauthorized|too_many_requests)\b"
)
NO_SECRET = re.compile(
    r"_(?:dir|path|file|name|type|url|expiry|limit|status|resp(?:onse)?|ts|at|time|(?<!secret_)(?<!private_)message|label)s?$|number|count|max|rate|interval|used|total",
    re.IGNORECASE,
)
WHOLE = ("headers", "locals", "vars", "environ", "cookies", "POST")
SET_APART = re.compile(
    r"(?:^|_)(?:expires?(?:_\w+)?|visibility|permissions?|private|token|secret|is_admin|role|locked)$"
)
SCHEMA = re.compile(r"^(?:joi|z|yup|check|body|param|query|v|t)$")
HEADER = re.compile(
    r"X-[\w-]+-Options|Content-Security-Policy|Strict-Transport-Security|Referrer-Policy|Permissions-Policy"
    r"|X-XSS-Protection|Cross-Origin-\w+-Policy|Vary|X-Robots-Tag",
    re.IGNORECASE,
)
STRONG_SECRET = re.compile(r"passw|passphrase|secret|api_?key|credential|private_?key", re.IGNORECASE)
SAYING = (
    "send",
    "reply",
    "respond",
    "send_message",
    "edit_message",
    "edit_original_response",
    "Embed",
    "add_field",
    "set_footer",
    *("write", "append_file", "append_file_sync", "write_file", "write_file_sync"),
)
SETTINGS = re.compile(r"(?:\b|_)(?:config|configs|conf|settings|options|opts|env|environ|prefs)$", re.IGNORECASE)
LIMIT = re.compile(
    r"(?:^|_)(?:max(?!_(?:height|width|lines))|min(?!_(?:height|width|lines))|limit|limits|most|least|timeout|tolerance|leeway|rate|cooldown|quota|burst|retries|attempts|ttl|expir\w*|lifetime"
    r"|max_(?!height|width|lines)\w+|min_(?!height|width|lines)\w+|\w+_limit|days|hours|minutes|seconds|max_age|per|interval|window|threshold|capacity|max(?:length|size|age|_age)|cap)(?:$|_)",
    re.IGNORECASE,
)
OF_SOMEBODY = re.compile(
    r"user|author|member|account|owner|token|passw|secret|session|signature|admin|role|perm|auth|active|disabled|enabled"
    r"|valid|verif|lock|revok|suspend|expir|deleted|closed|archived|frozen|hidden|public|private|pinned|sign|safe|secure|bann?ed|allow"
    r"|webhook|\bbot\b|\b(?:is|has|can|may)_",
    re.IGNORECASE,
)
PROTECTING = re.compile(
    r"expected_\w+"
    r"|verify(?:_\w+)?|ssl\w*|cert\w*|check_hostname|secure|http_?only|same_?site|(?:follow|allow)_redirects|block"
    r"|auto_error|aud(?:ience)?|algorithms?|issuer|allow_(?:origins?|methods|headers|credentials)\w*|allowed_(?!mentions)\w+|origins?"
    r"|(?:owner|guild)_ids?|guilds?|everyone|replied_user|isolation(?:_level)?|docs_url|protocols|checks?|permissions?"
    r"|permission_classes|dependencies|default_permissions|raise_exception|require_\w+|validators?|autoescape|nsfw"
    r"|middlewares?|scopes?|private|hidden|locked|read_?only|dm_permission|hashed|nx|ex|acks_late|Cache-Control"
    r"|Content-Security-Policy|X-[\w-]+-Options|Strict-Transport-Security|tags|stop|total|ge|le|gt|lt|by|exp"
    r"|reject_unauthorized|credentials|trust_proxy|redirect|parse|intents|min_version|insecure_\w+|helmet|csrf|cors"
    r"|(?:pre_handler|on_request|pre_validation|schema)|pattern|regex|as_attachment|blacklisted|revoked|host_policy|skip(?:_\w+)?"
    r"|default_member_permissions|user_permissions|validate|binding"
)
OPENED_BY = re.compile(
    r"(?:\w+_)?(?:scopes?|permissions?|roles?|origins?|hosts?|methods|extensions|mime_?types|parse|intents|exempt\w*|skip\w*"
    r"|ignored?|excluded?|whitelist|allowlist|allowed\w*|allow_\w+|public\w*|trusted\w*)",
    re.IGNORECASE,
)
CHECKING = re.compile(r"limiter|rate_?limit|throttle|verify|signature|captcha|csrf|hmac|compare_digest")
KEYED = re.compile(r"(?:^|_)(?:cache|lock|throttle|rate_limit|memo(?:ize)?)(?:_|$)")
DENIAL = re.compile(r"\b40[13]\b|unauthori[sz]ed|forbidden|permission_?denied|not_?allowed", re.IGNORECASE)
HOLDER = re.compile(
    r"(?:^|[ _])r?w?locks?(?:_for)?(?:$|[ _])"
    r"|(?-i:\b\w*Lock\b)|mutex|semaphore|transaction|atomic|savepoint"
    r"|(?:^| )begin(?:_nested)?(?:$| )",
    re.IGNORECASE,
)
HOLDING = frozenset(
    (
        "acquire",
        "release",
        "for_update",
        "flock",
        "lockf",
        "select_for_update",
        "with_for_update",
        "rollback",
        "begin",
        "begin_nested",
        "begin_tx",
        "transaction",
        "run_exclusive",
    )
)
HOLDING_SQL = re.compile(
    r"\bBEGIN(?: IMMEDIATE| EXCLUSIVE)?\b|\bROLLBACK\b|\bFOR (?:NO KEY )?UPDATE(?: SKIP LOCKED| NOWAIT)?\b"
    r"|\bLOCK TABLE\b|\bpg_(?:try_)?advisory\w*lock\b|\bSERIALIZABLE\b"
)
KEY = re.compile(r"(?:^|_)(?:key|digest|fingerprint)$")
SECURITY = re.compile(
    r"(?:^|_)(?:SESSION|COOKIE|CSRF|CORS|SECURE|HSTS|SAMESITE|THROTTLE|TLS|SSL|JWT|AUTH|AUTHENTICATION|LOGIN|PASSWORD"
    r"|FRAME|CONTENT_LENGTH|UPLOAD|MIDDLEWARE|PERMISSIONS?|VALIDATORS?|REST_FRAMEWORK)(?:$|_)"
)
OPENING = re.compile(r"(?:^|_)(?:EXTENSIONS|HOSTS|ORIGINS|SCHEMES|MIME\w*|TYPES|TAGS|TRUSTED|PROXIES|ALGORITHMS)$")
ALL = re.compile(
    r"(?:^|[ _])(?:members|channels|roles|guilds|emojis|stickers|threads|webhooks|fetch_members"
    r"|get_all_(?:members|channels))$"
)
DONE_TO_ALL = frozenset(("ban", "kick", "delete", "unban", "timeout", "leave", "prune_members", "bulk_ban"))
