"""Audit of other people's scores: which protocol a score file seems to follow, and its metrics under each convention.

`official` reads the test list that scores are compared with, `files` the scores themselves (`data_files` what other
programs store); `lengths` finds their form, `missing_frames` the end at which frames are missing, `orders` the order of
a vector; `given_labels` examines labels that came with the scores, `findings` all else that the scores show; `run`
combines these, `report` prints the result; `roc` reads a published curve, `problems` writes long lists of problems,
`command` is the verb `vad audit`.
"""
