"""The coupons that marketing hands out. A coupon takes off a share of the total, or a fixed amount."""

COUPONS = {
    "SPRING10": {"percent": 10, "says": "10 % off in spring"},
    "STAFF": {"percent": 30, "says": "30 % off for staff"},
    "WELCOME5": {"amount": 500, "says": "5.00 off the first order"},
}


def find(code: str) -> dict | None:
    """The coupon with this code, or None. Codes are written in any case."""
    return COUPONS.get(code.strip().upper())
