"""Audit of other people's scores: which protocol a score file seems to follow, and what it is worth under each.

`official` the test list that scores are held against; `files` what a score file holds; `problems` how many of
them are shown; `lengths` what its lengths say; `missing_frames` at which end frames are missing; `orders` what its
order says; `given_labels` what labels that came along are; `findings` everything else; `roc` a published curve;
`report` all of it together, as tables.
"""
