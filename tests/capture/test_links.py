"""An address that a report names leads where it says, or is none."""

import pytest

from kintsugi.capture.links import Link, link_to, page_of


@pytest.mark.parametrize(
    "given",
    [
        "javascript:alert(1)",
        "https://github.com\\.evil.example/x",
        "https://github.com%2eevil.example/x",
        "https://github.com evil.example/",
        "https://github.com@evil.example/",
        "https://" + "é" * 70 + ".example/",
        "https://a..é.example/",
        "https:///nowhere",
    ],
)
def test_an_address_whose_host_can_be_read_in_two_ways_is_none(given: str):
    assert link_to(given) is None


def test_a_host_in_letters_that_look_alike_is_shown_as_a_browser_goes_to_it():
    assert link_to("https://g\u0456thub.com/a?b=1") == Link("https://xn--gthub-n2e.com/a", "xn--gthub-n2e.com", "/a")
    assert page_of("https://[::1]:8000/issues/7") == "https://[::1]:8000/issues/7"
