import unittest

from shop import coupons


class Coupons(unittest.TestCase):
    def test_a_coupon_is_found_by_its_code(self):
        self.assertEqual(coupons.find("spring10")["percent"], 10)

    def test_an_unknown_code_finds_nothing(self):
        self.assertIsNone(coupons.find("NOPE"))


if __name__ == "__main__":
    unittest.main()
