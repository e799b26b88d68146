"""What the name of a key says of its value: how secret is what stands behind `db_password`, `apiKey`, `token_count`?"""

from enum import IntEnum
from functools import lru_cache

from kintsugi.telemetry import lazy_re as re


class Grade(IntEnum):
    """How much a key's name alone tells. The higher the grade, the less its value has to look like a secret."""

    NONE = 0
    WEAK = 1  # only a value that looks random, and is neither an id nor a digest
    TOKEN = 2  # only a value that looks random
    SECRET = 3  # nearly anything
    PASSWORD = 4  # anything


def words(text: str) -> frozenset[str]:
    """The words of a text, as a table is written."""
    return frozenset(text.split())


# Words for passwords in other languages, as they begin.
ABROAD = (
    "passwort", "passwört", "kennwort", "contrase", "contrasinal", "senha", "palavra-passe", "palavra passe",
    "mot_de_passe", "mot de passe", "motdepasse", "mdp", "clave", "parola", "parolă", "wachtwoord", "heslo",
    "hesla", "salasana", "salasõna", "hasło", "hasła", "şifre", "şifrə", "lösenord", "passord", "adgangskode",
    "kodeord", "jelszó", "jelszav", "kata sandi", "kata laluan", "lozink", "slaptažod", "geslo", "fjalëkalim",
    "lykilorð", "pasahitz", "парол", "лозинк", "құпия сөз", "κωδικ", "密码", "密碼", "口令", "パスワード",
    "비밀번호", "비번", "암호", "كلمة المرور", "كلمة السر", "رمز عبور", "گذرواژه", "پاس ورڈ", "סיסמ", "पासवर्ड",
    "পাসওয়ার্ড", "ਪਾਸਵਰਡ", "પાસવર્ડ", "கடவுச்சொல்", "పాస్\u200cవర్డ్", "పాస్వర్డ్", "ಪಾಸ್ವರ್ಡ್", "പാസ്വേഡ്",
    "პაროლ", "գաղտնաբառ", "mật khẩu", "รหัสผ่าน", "ລະຫັດຜ່ານ", "ពាក្យសម្ងាត់", "စကားဝှက်",
)  # fmt: skip

# The literals that lead to a key, in lower case.
ROOTS = (
    "pass", "pwd", "psw", "secret", "token", "key", "auth", "credential", "creds", "session", "sessid", "sid=",
    "jwt", "csrf", "xsrf", "crumb", "otp", "mnemonic", "signing_salt", "encryption_salt", "seed phrase",
    "seed_phrase", "sig=", "signature", "code=", "_pat", "appid=", "ticket=", "hmac", "recovery", "pw", "pword",
    "psk", "backup_code", "backupcode", "backup code", "backup-code", "seedphrase", "connectsid", "connect.sid",
    "_salt",
    "bearer", "macaroon", "samlresponse", "magic=", "zugangsdaten", "identifiants", "credenciales", "credenziali",
    "device_code", "code_verifier", "mfa_code", "mfacode", "sms_code", "smscode", "verification_code",
    "verificationcode",
    "captcha", "security_answer", "securityanswer", "security-answer", "security answer",
)  # fmt: skip
# Keys that are too short to be looked for without what follows them.
SHORT = tuple(f"{key}{sign}" for key in ("pat", "pin", "cred") for sign in ("=", ":", '"', "'", "\\", " for "))

# Services whose name alone, as that of a variable, is the name of a token for them.
_SERVICES = words(
    """
    airtable algolia amplitude anthropic asana bitbucket bitrise buildkite circleci cloudflare codecov cohere coveralls
    datadog dd deepl digitalocean discord dockerhub doppler elevenlabs figma fly gitea github gitlab grafana groq heroku
    hetzner honeycomb huggingface intercom jira linear linode mailchimp mailgun mapbox mistral mixpanel netlify newrelic
    notion npm openai opsgenie pagerduty paypal pinecone planetscale postmark pypi railway replicate resend segment
    sendgrid sentry shopify slack snyk sonar sonarqube sonarcloud stripe supabase telegram terraform trello twilio
    vercel zendesk
    """
)
VARIABLES = tuple(f"{name}{sign}=" for name in sorted(_SERVICES) for sign in ("", "_api"))
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\x00-\x7f]+")
_ESCAPES = re.compile(r"^(?:u00[0-9a-f]{2}|x[0-9a-f]{2}m?|[nrt](?=[A-Z][A-Z]))+")


_DECORATION = words(
    """
    old new current previous confirm confirmation repeat again prod production dev development staging stage test
    live value text plain plaintext string raw default base64 b64 encoded enc encrypted env var main backup primary
    secondary temp tmp local remote inline data for of the
    attempt input entered typed submitted provided supplied candidate
    """
)
_DESCRIBES = words(
    """
    count counts type types name names id ids length len size limit limits used usage budget expires expiry
    expiration expired exp ttl at in url uri endpoint path file filename dir hint policy field fields label prompt
    reset version algorithm alg index format status state age rotation manager store provider class error errors
    log logs valid invalid
    required enabled disabled min max per rate cost total header prefix suffix source scope scopes
    param ref issuer audience arn table column map set board words space frame pair event info strength changed
    updated created saved checked check missing lifetime duration timeout interval window method mode kind position
    offset bucket ring stats cache pool handler service server client config settings options manager factory exists
    present needed remaining left date time verified verify hasher validator validators error message help
    """
)
_PASSWORD = (
    "password", "passwords", "passwd", "pswd", "passwort", "passphrase", "passcode", "pwd", "psw", "pword", "kennwort",
    "contrasena", "contraseña",
    "contrase", "senha", "motdepasse", "wachtwoord", "heslo", "salasana", "пароль",
    "пароля", "паролем", "katasandi", "mdp", "hasło", "şifre", "lösenord", "passord", "adgangskode", "jelszó", "密码",
    "密碼", "パスワード", "비밀번호", "requirepass", "masterauth", "mnemonic", "seedphrase", "recoveryphrase", "passw",
    "palavrapasse", "lozinka", "slaptažodis", "geslo", "口令", "암호", "รหัสผ่าน",
    "otp", "totp", "defaultauthtok", "dbpw", "userpw", "adminpw", "rootpw", "wifipsk", "wpapsk", "psk", "otpsecret",
    "totpsecret",
    "mfasecret", "otpcode", "mfacode", "smscode", "verificationcode", "userpin", "cardpin", "doorpin", "simpin",
)  # fmt: skip
_GLUED = (
    "密码",
    "密碼",
    "パスワード",
    "비밀번호",
    "비번",
    "كلمةالمرور",
    "كلمةالسر",
    "पासवर्ड",
    "סיסמה",
    "סיסמא",
    "κωδικ",
    "mậtkhẩu",
    "парол",
    "şifre",
    "hasł",
)  # what follows them is written without a blank
_PASS_WORDS = words(
    """
    bypass compass trespass surpass overpass encompass underpass impasse
    """
)
_LEAST_OF_PW = 4
_IDS_THAT_ARE_SECRETS = ("secretid", "phpsessid", "jsessionid", "connectsid")
_OF_SEARCHES = ("stopword", "stopwords")  # and no pword
_OF_SUDO = "nopasswd"  # where none is asked for
_ACTIONS = words("change reset forgot recover")  # names of what is done, such as reset_password: 5/m/user
_OF_TESTS = words("test tests check checks build builds all did must should can will to not season boarding ski")
_SECRET = (
    "secret", "secrets", "privatekey", "signingkey", "encryptionkey", "decryptionkey", "masterkey", "secretkey",
    "credential", "credentials", "creds", "zugangsdaten", "identifiants", "credenciales", "credenziali", "clave",
    "accountkey", "sharedkey", "presharedkey", "accesskey", "secretkeybase",
    "recoverycode", "recoverycodes", "backupcode", "backupcodes", "passkey", "hmackey", "jwtkey", "secretvalue",
    "passwordhash", "passwordsalt", "unsealkey", "sessionkey", "cookiekey", "wireguardkey", "hmacsecret", "hashsalt",
    "signingsalt", "encryptionsalt",
    "securityanswer", "wifikey", "secretseed", "walletseed", "seedhex", "cred",
)  # fmt: skip
_TOKEN = (
    "token", "tokens", "apikey", "apikeys", "authkey", "auth", "authorization", "jwt", "bearer", "csrf", "xsrf",
    "crumb", "csrfmiddlewaretoken", "session", "pat", "connectsid", "phpsessid", "jsessionid", "sessid", "authcode",
    "hmac", "authcookie", "secretid", "basicauth", "digestauth", "userauth", "dockerauth", "samlresponse",
    "devicecode", "authorizationcode", "captcharesponse", "captchakey", "captchasecret",
    "codeverifier", "sessionticket", "macaroon",
)  # fmt: skip
_WEAK = ("sessionid", "sid")
_IN_ADDRESS = words(
    """
    sig signature code key ticket authz appid sid session auth hmac hash jwt otp magic
    """
)
_KEY_OF_DATA = words(
    """
    public primary foreign evaluated partition sort cache routing idempotency composite natural unique index object s3
    bucket dedup deduplication group grouping sharding shard hash lookup row range dict config translation i18n message
    missing unknown candidate redis order ordering issue project bad wrong invalid duplicate surrogate the a
    no that this same each every json map column metadata context state feature flag locale host ssh known register
    hot arrow enter escape any press tab of for with by get set del error header query param form field tag label
    answer turn minor major music soft registry lock event job task queue topic rate ratelimit limit concurrency
    sequence item entity record document doc node edge graph data session_cache search view menu dedupe file blob
    image asset upload media path folder thread channel guild member request trace span correlation version build
    commit content fingerprint digest checksum tenant shop cart product sku store bundle module component react
    element array section setting settings option property attribute resource parent child left right temp kv etcd
    raft memo ttl is was has not and or its their your my our his her one any some another whose unknown unexpected
    given last first next current which socket
    """
)
# In two words, as people write them.
KEYS_OF_DATA = tuple(
    f"{kind} key" for kind in ("public", "cache", "primary", "foreign", "partition", "routing", "object", "duplicate")
)
OF_DATA = (*KEYS_OF_DATA, *(f"{kind} token" for kind in ("unexpected", "next page", "continuation", "cancellation")))
_NO_KEYS = words("monkey turkey hotkey whiskey donkey jockey hockey pubkey sitekey")
_TOKEN_OF_PAGES = words(
    """
    page next continuation continue sync cursor pagination resume cancellation cancel lock fencing etag snapshot
    prev previous unexpected eos bos pad unk mask sep special stop start end first last lex consistency zed resource
    """
)


@lru_cache(maxsize=4096)
def grade(name: str, in_address: bool = False) -> Grade:
    """The grade of a key such as `DB_PASSWORD`, `clientSecret`, `x-api-key`, `access key` or `--token`."""
    words = [word.lower() for word in _WORDS.findall(_ESCAPES.sub("", name))]
    while len(words) > 1 and (words[-1] in _DECORATION or words[-1].isdigit()):
        words.pop()
    if words[-2:] == ["or", "key"]:
        del words[-2:]  # secretOrKey
    if not words:
        return Grade.NONE
    if in_address and (words[-1] in _IN_ADDRESS or "".join(words[-2:]) in _IN_ADDRESS):
        return max(Grade.TOKEN, _grade(words, "".join(words), shouted=False))
    level = _grade(words, "".join(words), shouted=name.isupper())
    if level is Grade.NONE and words[-1].endswith("s") and (len(words) > 1 or words[-1] != "keys"):
        words[-1] = words[-1][:-1]
        return _grade(words, "".join(words), shouted=False)
    return level


def _grade(words: list[str], joined: str, shouted: bool) -> Grade:
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if joined.endswith("connectsid"):
        return Grade.TOKEN
    if joined.endswith(_WEAK) and not joined.endswith("ssid"):
        return Grade.WEAK
    if joined.endswith("passwordhash"):
        return Grade.SECRET
    if (
        last in _OF_SEARCHES
        or joined.endswith(_OF_SUDO)
        or (last in _DESCRIBES and not joined.endswith(_IDS_THAT_ARE_SECRETS))
    ):
        return Grade.NONE
    if (
        joined == "pin"
        or joined.endswith(_PASSWORD)
        or (not joined.isascii() and any(word in joined for word in _GLUED))
    ):
        return Grade.TOKEN if before in _ACTIONS else Grade.PASSWORD
    if last == "pass" and before in _OF_TESTS:
        return Grade.NONE
    if last == "pw" and not all(word.isalpha() and len(word) > 1 for word in words):
        return Grade.NONE
    is_glued = last.endswith("pass") or (last.endswith("pw") and len(last) >= _LEAST_OF_PW)  # binddnpw
    if (is_glued or last == "pw") and last not in _PASS_WORDS:
        return Grade.PASSWORD
    if joined.endswith(_SECRET) or (shouted and last == "salt" and before):
        return Grade.SECRET
    if shouted and (joined in _SERVICES or (last == "api" and before)):
        return Grade.TOKEN
    if last.endswith(("token", "tokens")) and before in _TOKEN_OF_PAGES:
        return Grade.NONE
    if joined.endswith(_TOKEN):
        return Grade.TOKEN
    return _grade_of_a_key(last, before, shouted) if last.endswith("key") else Grade.NONE


def _grade_of_a_key(last: str, before: str, shouted: bool) -> Grade:
    if before == "storage":
        return Grade.TOKEN if shouted else Grade.WEAK
    if before in _KEY_OF_DATA or last in _NO_KEYS:
        return Grade.NONE
    return Grade.TOKEN if shouted or before or last != "key" else Grade.WEAK
