"""The moving picture of the demo: what tools/moving_picture.py makes of a recording, and the one in docs/pictures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from tools.moving_picture import PICTURE, Line, drawn, pace, until_healed

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_line_is_drawn_as_it_was_printed_without_its_codes():
    svg = drawn([Line("\x1b[31m<b> & 'c'\x1b[0m", 0), Line("  ● \x1b[1mINC-1\x1b[0m", 0.2)], "a title")

    assert texts(svg)[:4] == ["a title", "<b> & 'c'", "  ● ", "INC-1"]


def test_a_long_wait_is_cut_short_and_a_burst_is_stretched():
    waits = pace([Line("a", 90.0), *[Line("b", 0.0)] * 5])

    assert waits[0] < 2
    assert all(later > earlier for earlier, later in pairwise(waits))


def test_it_ends_with_the_stations_below_the_heading():
    said = ["● INC-1 captured", "──── INC-1 healed ────", "● captured  ● deployed  ● healed", "the history"]

    assert [line.text for line in until_healed(Line(text, 0) for text in said)] == said[:3]


def test_the_picture_in_the_documents_plays_without_scripts_and_tells_the_whole_way():
    svg = PICTURE.read_text(encoding="utf-8")
    told = "\n".join(texts(svg))

    assert "<script" not in svg
    assert svg.count("http") == svg.count("http://www.w3.org/2000/svg") + svg.count("http://127.0.0.1:")
    assert "@keyframes" in svg
    assert all(word in told for word in ("captured", "diagnosed", "confirmed", "merged", "deployed", "healed", "E2"))
    assert str(Path.home()) not in told
