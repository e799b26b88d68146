"""Security checks that a patch takes away, turns off or goes round: told by patterns, in any language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.commands import without_gone_commands
from kintsugi.repair.policy.languages import BY_SUFFIX
from kintsugi.repair.policy.screen import Screened, first_new
from kintsugi.repair.policy.tests import is_test_path
from kintsugi.telemetry import lazy_re as re

# What weakens by being there.
_WEAK = Screened(
    r"\bverify\s*=\s*(?:False|0)\b|verify_ssl\s*=\s*False|\bssl\s*=\s*False\b|check_hostname\s*=\s*False"
    r"|\bCERT_NONE\b|_create_unverified_context"
    r"|_create_default_https_context|disable_warnings\s*\(|trust_env\s*=\s*True\s*#|verify_mode\s*=\s*0"
    r"|ssl_verify\w*\s*[=:]\s*(?:false|0)"
    r"|rejectUnauthorized['\"]?\s*:\s*false|NODE_TLS_REJECT_UNAUTHORIZED|InsecureSkipVerify\s*:\s*true"
    r"|CURLOPT_SSL_VERIFY\w+\s*,\s*(?:0|false)"
    r"|VERIFY_NONE|TrustAll|ALLOW_ALL_HOSTNAME|dangerous_accept|danger_accept_invalid|usesCleartextTraffic"
    r"|PROTOCOL_(?:SSLv[23]|TLSv1\b)"
    r"|['\"]?verify_(?:signature|exp|aud|iss|nbf)['\"]?\s*:\s*False|verify_(?:exp|aud|iss|signature)\s*=\s*False"
    r"|algorithms?\s*[=:]\s*\[?\s*['\"]none['\"]"
    r"|#\s*nosec\b|#\s*nosemgrep|NOSONAR|\blgtm\s*\[|noqa:\s*S\d|codeql\[|eslint-disable.*security"
    r"|@SuppressWarnings\(\"security"
    r"|csrf_exempt|CSRF_ENABLED\s*=\s*False|CSRF_CHECK\w*\s*=\s*False|\.csrf\(\)\.disable"
    r"|skip_before_action\s+:verify|protect_from_forgery.*null"
    r"|autoescape\s*=\s*False|autoescape\s+(?:false|off)|\|\s*safe\b|\bmark_safe\s*\(|bypassSecurityTrust"
    r"|dangerouslySetInnerHTML"
    r"|ALLOWED_HOSTS\s*=\s*\[\s*['\"]\*|allow_origins\s*=\s*\[\s*['\"]\*"
    r"|Allow-Origin['\"]?\s*[,:\]=]+\s*['\"]?\*|CORS_(?:ORIGIN_)?ALLOW_ALL\w*\s*=\s*True"
    r"|(?:SECURE|HTTPONLY|SAMESITE)\w*['\"]?\s*[=:]\s*(?:False|None)\b|secure\s*=\s*False|httponly\s*=\s*False"
    r"|\bDEBUG\s*=\s*True\b|debug\s*=\s*True\b"
    r"|\b0o?777\b|\bchmod\s+777|umask\s*\(\s*0+\s*\)|AutoAddPolicy|WarningPolicy|StrictHostKeyChecking[=\s]+no"
    r"|host_key_checking\s*=\s*False"
    r"|tempfile\.mktemp|resolve_entities\s*=\s*True|no_network\s*=\s*False"
    r"|permission_classes\s*=\s*\[\s*(?:AllowAny)?\s*\]|\bAllowAny\b"
    r"|authentication_classes\s*=\s*\[\s*\]|login_required\s*=\s*False|require_auth\w*\s*=\s*False"
    r"|permitAll\s*\(|\.anonymous\s*\("
    r"|\ballow_redirects_to_any|is_safe\s*=\s*True|(?:skip|disable|bypass|ignore|no)_(?:auth|verify"
    r"|verification|validation|csrf|security|ssl|tls|signature)\w*\s*=\s*True",
    re.IGNORECASE,
)
_NEUTRAL = Screened(
    r"\bor\s+True\b|\band\s+False\b|\bif\s+(?:False|0)\s*:|\bif\s+True\s+or\b|\|\|\s*true\b|&&\s*false\b"
    r"|\bfalse\s*&&|\btrue\s*\|\||\(\s*1\s*\|\||\bnot\s+True\s*:|\bif\s*\(\s*false\s*\)"
)
_ASKED = re.compile(
    r"(^|[(,;?:&|{]|\breturn\b|[^=!<>]=)\s*(?!(?:undefined|NaN|Infinity|null|true|false|void|typeof|new)\b)[A-Za-z_$][\w$]*"
    r"(?:\??\.[\w$]+|\[[^\[\]]*\]|\([^()]*\))*\s*[!=]==?\s*(?:true|false)\b",
    re.MULTILINE,
)
"""`x === true` asks for something, where `1 == true` does not."""
_GOES_ON = re.compile(r"^(?!\s*(?:if|elif|while|until)\b)(.*?)\s*\|\|\s*true\s*(?:[;)#].*)?$")
"""A command of a shell that may fail."""
_NOTHING = re.compile(r"\|\|\s*:\s*$")
_DEFINES = re.compile(r"\s*(?:function\s+)?(\w+)\s*(?:\(\s*\)|\{)")
_SHELL_WORD = re.compile(r"(?<![\w-])[A-Za-z_]\w+")
_ALWAYS = Screened(
    r"def\s+(?:_*(?:is|has|can|may|check|verify|validate|authenticate|authorize|authorise|allow)\w*"
    r"|\w*(?:valid|allowed|permitted|authorized|signature)\w*)"
    r"\s*\([^)]*\)[^:\n]*:\s*\n(?:\s*(?:\"\"\".*?\"\"\"|'''.*?'''|#.*)\s*\n)*\s*return\s+(?:True|1)\s*(?:#.*)?$",
    re.MULTILINE,
)
_KNOWN = Screened(  # a password that stands in the code
    r"(?:\|\||\bor)\s*\(?(?:string\()?[\w.\[\]]*(?:passw\w*|secret|otp)\)?\s*={2,3}\s*(?:['\"`][^'\"`]+['\"`]|\d{4,})",
    re.IGNORECASE,
)
_STRUNG_SQL = Screened(
    r"\.(?:execute|executemany|executescript|raw)\s*\(\s*(?:f['\"]|['\"][^'\"]*['\"]\s*(?:%|\+|\.format))"
    r"|(?:\.(?:fetch\w*|query)|\btext)\s*\(\s*(?:f['\"]{1,3}|`)\s*(?:SELECT|INSERT|UPDATE|DELETE)\b[^`'\"]*\{"
)
# What weakens by going away.
_GUARDS: tuple[tuple[str, Screened], ...] = (
    (
        "a comparison in constant time",
        Screened(r"\bcompare_digest\b|\bconstant_time_compare\b|timingSafeEqual|ConstantTimeCompare"),
    ),
    (
        "a check of who may",
        Screened(
            r"@\w*[.\w]*(?:login|permission|auth|admin|role|scope|csrf|token|jwt|staff|superuser|limiter|rate_?limit"
            r"|throttle|user_passes)\w*"
            r"|\b(?:is_admin|is_staff|is_superuser|is_authenticated|is_authorized|is_owner|is_allowed|has_perms?"
            r"|has_permissions?|has_role|has_scope"
            r"|check_permissions?|check_access|check_auth\w*|check_owner\w*|require_\w+|ensure_\w*(?:auth|admin|owner"
            r"|permission|allowed)\w*|authorize|authorise"
            r"|can_(?:edit|view|delete|access|manage|write|read)\w*|allowed_(?:users|roles)|guard\w*_permission\w*"
            r"|verify_(?:signature|token|jwt|password|hmac|csrf|session|origin|owner\w*|webhook\w*)"
            r"|check_(?:password|signature|token|csrf|hmac|origin|rate\w*|limit\w*)\w*|validate_(?:signature|token"
            r"|csrf|origin|host|redirect\w*|password)\w*"
            r"|current_user\.(?:id|is_\w+)|csrf_protect|CsrfViewMiddleware|SecurityMiddleware"
            r"|AuthenticationMiddleware)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "a refusal of strangers",
        Screened(
            r"\babort\(\s*40[13]|\bstatus(?:_code)?\s*=\s*40[13]|\bHTTPException\(\s*40[13]|\bHTTP_40[13]\w*"
            r"|\bHttpResponseForbidden|\b(?:raise|throw)\b.*\b(?:PermissionDenied|PermissionError|Forbidden"
            r"|Unauthorized|NotAuthorized|AccessDenied|AuthenticationFailed|InvalidSignature|SuspiciousOperation"
            r"|BadSignature)\b"
        ),
    ),
    (
        "cleaning of what strangers send",
        Screened(
            r"(?<!re\.)\bescape\s*\(|\b(?:escape_html|escapeHtml|bleach\.clean|sanitize\w*|sanitise\w*|secure_filename"
            r"|shlex\.quote|safe_join|url_has_allowed_host_and_scheme|is_safe_url|defusedxml|escape_string|quote_ident"
            r"|yaml\.safe_load|SafeLoader|is_relative_to|commonpath|DOMPurify|encodeURIComponent|literal_eval)\b"
        ),
    ),
    (
        "chance that cannot be guessed",
        Screened(
            r"\bsecrets\.\w+|\bSystemRandom\b|\bos\.urandom\b|\buuid4\b|crypto\.random\w+|getRandomValues"
            r"|\brand\.Read(?:er)?\b|\"crypto/rand\""
        ),
    ),
    (
        "a strong hash or cipher",
        Screened(
            r"\bsha(?:256|384|512)\b|\bbcrypt\b|\bscrypt\b|\bargon2\b|\bpbkdf2\w*|\bAES_?GCM\b|\bMODE_GCM\b|\bFernet\b"
            r"|CERT_REQUIRED|create_default_context",
            re.IGNORECASE,
        ),
    ),
)
_SAYS = re.compile(r"\s*(?:\w+\.)?(?:log|logger|logging|slog|console)\.\w+\(")
_TEXT = re.compile(r"(?<![A-Za-z])(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')")
"""What a log says of a hash is no hash. A template, which computes, is left."""
_CODE = frozenset(BY_SUFFIX) - {".json", ".sql"}


def weakened(changes: Sequence[Change]) -> Iterator[tuple[str, str, bool]]:
    """(path, sentence, whether it refuses) for checks that a patch takes away, turns off or goes round.

    A test holds nothing back: what it turns off is only shown, and a check that moved into one is gone.
    """
    code = [_Code(change) for change in changes if PurePosixPath(change.path).suffix.lower() in _CODE]
    for one in code:
        change = one.change
        if (sign := first_new(_WEAK, change.added_text, change.removed_text)) is not None:
            yield change.path, f"It turns a protection off: {sign.strip()!r}.", not is_test_path(change.path)
        if (
            sign := first_new(_NEUTRAL, *(_ASKED.sub(r"\1 asked", text) for text in (one.added, one.removed)))
        ) is not None:
            yield change.path, f"A condition can no longer decide anything: {sign.strip()!r}.", True
        if (sign := first_new(_KNOWN, one.added, one.removed)) is not None:
            yield change.path, f"A text that the code knows opens it: {sign.strip()!r}.", True
        if (sign := first_new(_STRUNG_SQL, one.added, one.removed)) is not None:
            yield change.path, f"A query is put together from text: {sign.strip()!r}.", True
        if "return" in one.added and _ALWAYS.count(change.new) > _ALWAYS.count(change.old):
            yield change.path, "A check now always says yes.", True
    yield from _guards_gone([one for one in code if not is_test_path(one.change.path)])


class _Code:
    """A change of code without its comments and imports."""

    def __init__(self, change: Change) -> None:
        self.change = change
        added = change.added
        if BY_SUFFIX[PurePosixPath(change.path).suffix.lower()] == "sh":
            had = {word for line in change.removed for word in _SHELL_WORD.findall(line)}
            had |= {found[1] for line in added if (found := _DEFINES.match(line))}
            added = [_bare_command(line, had) for line in added]
        self.added, self.removed = (_without_comments(lines) for lines in (added, change.removed))


def _bare_command(line: str, had: set[str]) -> str:
    """A new command that may fail holds nothing back; one that had to succeed did. `had`: what was said before."""
    line = _NOTHING.sub("|| true", line)
    found = _GOES_ON.match(line)
    return line if found is None or not had.isdisjoint(_SHELL_WORD.findall(found[1])) else found[1]


def _guards_gone(code: Sequence[_Code]) -> Iterator[tuple[str, str, bool]]:
    removed = "\n".join(one.removed for one in code)
    code_added = {line.strip() for one in code for line in one.change.added}
    for name, pattern in _GUARDS:
        if not pattern.may_match(removed):
            continue
        balance = {one.change.path: pattern.count(one.added) - pattern.count(one.removed) for one in code}
        if sum(balance.values()) < 0:
            path = min(balance, key=lambda one: balance[one])
            kept = [without_gone_commands(one.change, code_added) for one in code]
            left = _without_comments([line for lines in kept for line in lines])
            if pattern.count(left) <= sum(pattern.count(one.added) for one in code):
                continue
            yield path, f"It takes away {name}.", True


def _without_comments(lines: Sequence[str]) -> str:
    kept = (line for line in lines if not line.lstrip().startswith(("#", "//", "*", "<!--")) and "import " not in line)
    return "\n".join(_TEXT.sub('""', line) if _SAYS.match(line) else line for line in kept)
