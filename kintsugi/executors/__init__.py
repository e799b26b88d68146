"""Delivering what is due. The ledger is the truth; an executor only says that effect N can be performed now."""
