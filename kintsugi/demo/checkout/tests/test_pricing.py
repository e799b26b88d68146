import unittest

from shop.catalogue import UnknownArticle
from shop.pricing import checkout, subtotal


class Pricing(unittest.TestCase):
    def test_a_cart_costs_the_sum_of_its_articles(self):
        self.assertEqual(subtotal(["teapot", "cup", "cup"]), 4000)

    def test_an_empty_cart_costs_nothing(self):
        self.assertEqual(checkout([])["total"], 0)

    def test_a_percent_coupon_takes_off_its_share(self):
        bill = checkout(["teapot", "cup", "cup"], "SPRING10")

        self.assertEqual(bill["discount"], 400)
        self.assertEqual(bill["total"], 3600)

    def test_codes_are_written_in_any_case(self):
        self.assertEqual(checkout(["teapot"], "staff")["discount"], 720)

    def test_an_unknown_code_takes_off_nothing(self):
        self.assertEqual(checkout(["cup"], "NOPE")["total"], 800)

    def test_an_unknown_article_is_refused(self):
        with self.assertRaises(UnknownArticle):
            checkout(["samovar"])


if __name__ == "__main__":
    unittest.main()
