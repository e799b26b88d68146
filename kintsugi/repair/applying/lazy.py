"""Recognising what a lazy reply writes in place of code: "… rest unchanged"."""

from __future__ import annotations

from kintsugi.telemetry import lazy_re as re

_LEADERS = r"(?:#+|//+|/\*+|<!--|--|;+|%|\*|\{/\*|\(\*|'|\"{3})"
_ENDINGS = r"(?:\*/|-->|\*/\}|\*\))"
_DOTS = r"(?:\.{3,}|…)"
_BARE = re.compile(rf"^\s*[\[(<]?\s*{_DOTS}\s*[\])>]?\s*$")
_DOTTED_COMMENT = re.compile(rf"^\s*{_LEADERS}\s*[\[(<]?{_DOTS}\s*[\])>]?\s*{_ENDINGS}?\s*$")
_WORDS = (
    r"(?:rest|remainder|remaining|existing|unchanged|same|previous|original|omitted|elided|snip(?:ped)?|as before"
    r"|truncated|untouched|other (?:code|methods|functions|lines)|no changes?|code (?:here|continues))"
)
_MORE = r"(?:other|more|code|methods?|functions?|lines|implementation|logic|here|etc)"
_DOTTED_WORDS = re.compile(rf"^\s*(?:{_LEADERS})?\s*[\[(<]?\s*{_DOTS}.*\b(?:{_WORDS}|{_MORE})\b", re.IGNORECASE)
_WORDS_DOTTED = re.compile(
    rf"^\s*{_LEADERS}\s*[\[(<]?[^\"\n]*\b{_WORDS}\b[^\"\n]*{_DOTS}\s*[\])>]?\s*{_ENDINGS}?\s*$", re.IGNORECASE
)
_NOUN = (
    r"(?:code|file|lines?|methods?|functions?|class(?:es)?|imports?|implementations?|logic|contents?|body|module"
    r"|definitions?|tests?|statements?|handlers?|routes?|commands?|fields?|part|section)"
)
_STAYS = (
    r"(?:(?:is |are |stays? |remains? |exactly )*"
    r"(?:the same|unchanged|untouched|intact|same|as before|as[- ]is|as it (?:is|was)|as they (?:are|were)))"
)
_REST = rf"(?:rest|remainder)(?: of (?:the |this |your )?(?:\w+ )?{_NOUN})?"
_KEEP = (
    rf"(?:keep|leave|retain|preserve) (?:(?:all|the|your|this|of|any) )*"
    rf"(?:(?:{_REST}|everything else|(?:remaining|existing|other|original|previous|unchanged) (?:\w+ )?{_NOUN})"
    rf"(?: {_STAYS}| here| below| above)*|{_NOUN} {_STAYS})"
)
_SAID = re.compile(
    rf"^\s*(?:(?:pass|\.\.\.)\s+)?{_LEADERS}\s*[\[(<]?[\s\-]*(?:todo:? )?(?:(?:the|your|all) )*(?:"
    rf"rest of (?:the |this |your )?(?:\w+ )?{_NOUN}"
    r"(?: (?:is|are|stays?|remains?|continues?|goes|follows|here|as|the|same|unchanged|before|below|intact)){0,4}"
    r"|(?:rest|remainder|everything else|all other \w+|other \w+|remaining \w+|existing \w+|previous \w+)"
    rf"(?: \w+)? {_STAYS}"
    r"|(?:existing|previous|original|remaining|unchanged) (?:code|implementation|logic|lines|methods|functions|imports)"
    r"(?: (?:here|continues|unchanged|goes here|follows|above|below))?"
    rf"|{_KEEP}"
    rf"|{_NOUN} (?:omitted|elided|truncated|unchanged|snipped|not shown)(?: (?:here|for brevity))?"
    r"|(?:omitted|elided|truncated|snipped|not shown) for brevity"
    r"|unchanged|no changes?(?: here)?|same as (?:before|original|above)|snip(?:ped)?"
    rf")[\s\-]*[.:]?\s*[\])>]?\s*{_ENDINGS}?\s*$",
    re.IGNORECASE,
)
_PAGED = re.compile(
    rf"^\s*(?:{_LEADERS})?\s*\[(?:Showing lines \d+.*|(?:original|existing|previous) (?:\w+ )?{_NOUN}(?: here)?)\]",
    re.IGNORECASE,
)

# The same in other languages: what is left, or what it consists of or dots, and that it stays or is left out.
_PARTS = (
    r"(?:\.{3}|…|\b(?:code|codes|código|codice|codigo|datei|fichier|archivo|arquivo|file|kodu?n?|kod\w*|dosya\w*|plik\w*"
    r"|m[ée]tod\w+|m[ée]thod\w+|fun[cçkz]\w+|mã)\b|код\w*|файл\w*|функци\w+|метод\w*|част\w+"
    r"|代码|代碼|方法|函数|函數|部分|内容|逻辑|实现|导入|文件|コード|関数|メソッド|ファイル|処理|코드|함수|메서드|파일|부분)"
)
_LEFT = (
    r"(?:\b(?:resto|restante\w*|existente\w*|demás|rest|restliche\w*|übrige\w*|bestehende\w*|reste|existant\w*"
    r"|rimanente|esistente|geri kalan\w*|kalan|mevcut|reszta|pozostał\w+|còn lại|остальн\w+|существующ\w+|прежн\w+"
    r"|решта)\b|其余|其他|其它|剩余|剩下|原有|现有|原来|后续|以下|此处|这里|残り|以下|以降|既存|その他|나머지|기존|이하)"
)
_STILL = (
    r"(?:sin (?:cambios|modificar)|sem (?:altera|mudan)|igual|inalterad|se mantiene|permanece|mantido|omitid"
    r"|unverändert|gleich|wie (?:zuvor|bisher|vorher|oben)|(?:aus|weg)gelassen|inchangé|identique|sans (?:chang|modif)"
    r"|invariat|immutat|senza modifiche|ayn\u0131|değişme|bez zmian|niezmien|giữ nguyên|không (?:thay )?đổi"
    r"|без измен|без змін|не измен|прежним|как было|как раньше|так(?:им|ой|ая) же|опущен|пропущен"
    r"|不变|不變|原样|省略|略去|同上|相同|一样|変更なし|変更無し|変更はありません|同じ|そのまま|省略"
    r"|동일|그대로|유지|생략|변경 ?없)"
)
_ABROAD = re.compile(
    rf"^\s*(?:{_LEADERS}|{_DOTS}|[\[(\uff08\u3010])(?=.{{0,48}}$)(?=.*{_LEFT})(?=.*{_STILL})(?=.*{_PARTS})",
    re.IGNORECASE,
)
_ABROAD_DOTTED = re.compile(rf"^\s*{_LEADERS}?\s*{_DOTS}.{{0,6}}{_STILL}", re.IGNORECASE)


def is_elision(line: str) -> bool:
    """Whether a line stands for lines left out. A bare `...` is one here, though Python has a use for it."""
    return bool(_BARE.match(line)) or is_bare_ellipsis(line) or stands_for_code(line)


def stands_for_code(line: str) -> bool:
    """Whether a line can only be meant as "here the old code goes on"."""
    if not ("." in line or "…" in line or any(mark in line for mark in "#/*<;-%'([\uff08\u3010")):
        return False
    if is_bare_ellipsis(line):
        return False
    return (
        any(one.search(line) for one in (_DOTTED_COMMENT, _DOTTED_WORDS, _WORDS_DOTTED, _SAID, _PAGED))
        or (not line.isascii() and _ABROAD_DOTTED.search(line) is not None)
        or _ABROAD.search(line) is not None
        or line.strip() == "…"
    )


def is_bare_ellipsis(line: str) -> bool:
    """Whether a line is only an ellipsis, perhaps as an item of a list: that may be meant as it stands."""
    return line.strip() in ("...", "* ...")
