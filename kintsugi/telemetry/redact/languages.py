"""Secrets that a sentence in another language than English announces.

What such a sentence is made of differs, and what it holds does not: behind a word for password, key or code comes one
word of Latin letters, digits and signs that no language has. So the words are data, and one rule reads all sentences.
"""

from collections.abc import Iterable

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.keys import ABROAD, Grade
from kintsugi.telemetry.redact.looks import WITH_SIGN, is_of_people, is_strong
from kintsugi.telemetry.redact.notations import leads_to_value
from kintsugi.telemetry.redact.values import MASK, is_reference, is_secret, looks_random

Span = tuple[int, int]

# Words for the keys and tokens of programs.
KEYS = (
    "schlüssel", "clé ", "clave", "llave", "chave", "chiave", "ключ", "токен", "キー", "トークン", "密钥",
    "密鑰", "令牌", "金鑰", "토큰", "인증키", "anahtar", "klucz", "klíč", "kulcs", "nøgle", "nøkkel", "nyckel",
    "avain", "sleutel", "jeton",
)  # fmt: skip
# What is called a code that lets somebody in. Of other codes there are many.
CODES = (
    "ihre tan", "ihr code", "dein code", "votre code", "tu pin", "su pin", "tu código", "su código", "seu código",
    "tuo codice", "suo codice", "ваш код", "твой код", "twój kod", "uw code", "je code", "din kod", "váš kód",
    "einmalcode", "bestätigungscode", "zugangscode", "sicherheitscode", "anmeldecode", "freischaltcode",
    *(f"code {what}" for what in ("d'accès", "de vérification", "de confirmation", "de sécurité", "de connexion",
                                  "secret")),
    *(f"código de {what}" for what in ("verificación", "acceso", "seguridad", "confirmación", "inicio", "verificação",
                                       "acesso", "segurança", "confirmação", "autenticação")),
    *(f"codice di {what}" for what in ("verifica", "accesso", "sicurezza", "conferma")),
    *(f"код {what}" for what in ("подтверждения", "доступа", "авторизации", "входа", "безопасности", "підтвердження")),
    "проверочный код", "验证码", "驗證碼", "校验码", "动态码", "認証コード", "確認コード", "暗証番号", "ワンタイム",
    "인증번호", "인증 번호", "인증 코드", "인증코드", "kod weryfikacyjny", "kod dostępu", "doğrulama kodu", "onay kodu",
    "verificatiecode", "toegangscode", "beveiligingscode", "verifieringskod", "engångskod", "engangskode",
    "bekræftelseskode", "ověřovací kód", "mã xác", "mã otp", "kode verifikasi", "kode otp", "vahvistuskoodi",
    "ellenőrző kód", "cod de verificare", "κωδικός επαλήθευσης", "رمز التحقق", "קוד אימות", "सत्यापन कोड", "รหัสยืนยัน",
)  # fmt: skip
_CODE = re.compile(r"[^\n\d]{0,24}(?P<secret>\d{4,8}|\d{3}[ -]\d{3})(?![0-9A-Za-z_]|[.:/-]\d)")

_FAR, _LONG_ENOUGH, _BRIEF, _DIGIT = 72, 16, 5, re.compile("[0-9]")
_OF_DATA = re.compile(r"(?i:pk|fk|uq|uk|ix|idx)_")  # what the keys of a database are called
_BRIEF_GAP = re.compile(r"\w{0,12}\W{0,6}")
_WORD = re.compile(r"(?<![!-~])(?=[!-~]{0,60}\d)(?=[!-~]{0,60}[A-Za-z])[!-~]{6,200}")  # no language has such
_AROUND = "\"'`()[]<>,.;:"


def announced(text: str, start: int, end: int) -> Iterable[Span]:
    """The secret that a sentence gives behind a word for a password or a key, which is `text[start:end]`."""
    is_part = end - start <= _BRIEF and text[start:end].isascii() and text[start - 1 : start].isalnum()  # encl…
    if is_part or not _DIGIT.search(text, end, end + _FAR):
        return ()
    level = Grade.PASSWORD if text[start:end].lower() in ABROAD else Grade.TOKEN
    window = text[end : end + _FAR].partition("\n")[0].partition(MASK)[0]
    for found in _WORD.finditer(window):
        begin = end + found.start() + len(found[0]) - len(found[0].lstrip(_AROUND))
        value = text[begin : end + found.end()].rstrip(_AROUND)
        if found[0][-1:] != ":" and _may_be(value, level, window[: begin - end]):
            return ((begin, begin + len(value)),)
    return ()


def _may_be(value: str, level: Grade, before: str) -> bool:
    """Whether a word can be the secret. Further on it may also be a user or a host: there, only a sign tells."""
    if _OF_DATA.match(value):
        return False
    if level is Grade.PASSWORD:
        is_one = is_of_people(value)
        is_one = (is_one and (WITH_SIGN.search(value) or _BRIEF_GAP.fullmatch(before)) is not None) or (
            leads_to_value(before) and (is_one or is_strong(value))
        )
    else:
        is_one = len(value) >= _LONG_ENOUGH and ":" not in value and leads_to_value(before)
        is_one = is_one and looks_random(value) and not is_reference(value)
    return is_one and is_secret(value, False, level, prose=True)


def code(text: str, start: int, end: int) -> Iterable[Span]:
    """The digits behind a word for a code that lets somebody in."""
    found = _CODE.match(text, end)
    return (found.span("secret"),) if found else ()
