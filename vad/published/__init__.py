"""The tables of five published systems, made again: our rows by data set, and what was printed, with its verdict.

`tables` says what each table shows; `rows` puts numbers and claims into rows; `page` writes CSV, Markdown and LaTeX.
`sizes` is a table of its own: what every variant of params.yaml has in parameters and multiply-adds.
"""
