"""Python: its tests are run and its patches read with what the interpreter itself brings."""
