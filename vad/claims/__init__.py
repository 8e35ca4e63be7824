"""The claims of five systems and the rows they are compared with, each with a verdict and our own number beside it.

`ledger` reads `ledger.csv`; `arithmetic` and `sizes` compute what can be computed, `speeds` and `where` judge by what
was measured; `table` puts all of it together.
"""
