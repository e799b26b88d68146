"""What a cart costs. All amounts are in cents."""

from shop import coupons
from shop.catalogue import price_of


def subtotal(cart: list[str]) -> int:
    return sum(price_of(article) for article in cart)


def discount(total: int, coupon: dict) -> int:
    return total * coupon["percent"] // 100


def checkout(cart: list[str], code: str = "") -> dict:
    """The bill for a cart, with a coupon where a known code was given."""
    before = subtotal(cart)
    coupon = coupons.find(code) if code else None
    off = discount(before, coupon) if coupon else 0
    return {"subtotal": before, "discount": off, "total": before - off, "coupon": coupon["says"] if coupon else None}
