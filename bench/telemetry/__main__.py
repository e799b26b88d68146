"""Prints the tables of ratios: `python -m bench.telemetry`."""

import argparse

from bench.telemetry.calls import call_table, kinds_table
from bench.telemetry.redaction import hostile_table, redaction_table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each contestant, in turn; the best counts")
    rounds = parser.parse_args().rounds
    for table in (call_table(rounds), kinds_table(rounds), redaction_table(rounds), hostile_table()):
        print(table, end="\n\n")


if __name__ == "__main__":
    main()
