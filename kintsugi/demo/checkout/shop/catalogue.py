"""What is sold, and for how much. Prices are in cents."""

PRICES = {"teapot": 2400, "cup": 800, "saucer": 350, "tray": 1900}


class UnknownArticle(Exception):
    """Somebody asked for something that is not sold here."""


def price_of(article: str) -> int:
    try:
        return PRICES[article]
    except KeyError:
        raise UnknownArticle(f"no such article: {article}") from None
