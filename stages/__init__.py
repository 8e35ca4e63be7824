"""The rooms: one folder each, with rules.smk (what Snakemake sees) and run.py (what a job does)."""
