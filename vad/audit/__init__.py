"""Audit of other people's scores: which protocol a score file seems to follow, and what it is worth under each.

`official` the test list that scores are held against; `files` what a score file holds; `lengths` what its lengths
say; `orders` what its order says; `findings` everything else; `report` all of it together, as tables.
"""
