"""Room: evaluate. Scores and annotations -> metrics with intervals, and the points of the curves.
Reads:   data/infer/{variant}/seed{n}.npz, data/infer/{variant}/seed{n}.maps, data/split/{dataset}/tables
Writes:  data/evaluate/{variant}/seed{n}
Params:  evaluate
Needs:   cpu
"""


# All seeds of a variant in one job, as in room infer.
rule evaluate:
    input:
        code=paths.code_of("evaluate", "evaluate"),
        section=paths.slice_of("evaluate", "{variant}"),
        recheck=paths.recheck("evaluate", "{variant}"),
        scores=rules.infer.output.scores,
        records=rules.infer.output.records,
        train=lambda w: f"{jobs.tables(w.variant)}/train.csv",
        test=lambda w: f"{jobs.tables(w.variant)}/test.csv",
        tables=lambda w: paths.record(jobs.tables(w.variant)),
    output:
        files=update(
            expand(
                "data/evaluate/{{variant}}/seed{seed}/{file}",
                seed=jobs.seeds,
                file=["metrics.json", "curves.csv"],
            )
        ),
        records=update(
            expand(
                "data/evaluate/{{variant}}/seed{seed}.prov.json",
                seed=jobs.seeds,
            )
        ),
    log:
        "logs/evaluate/{variant}.log",
    # Before other scoring: reports, which wait for all variants of a data set, do not wait for those of others.
    priority: 15
    group:
        "variant"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        environment=shell_words("portable"),
        labels=lambda w: f"{jobs.tables(w.variant)}/frame_labels",
        truth=lambda w: f"{jobs.tables(w.variant)}/truth",
        out=lambda w, output: Path(output.records[0]).parent.as_posix(),
    message:
        "evaluate: {wildcards.variant}, every seed"
    shell:
        "{params.environment} python -m stages.evaluate.run --section {input.section:q} --code {input.code:q} --scores {input.scores:q}"
        " --train {input.train:q} --test {input.test:q} --labels {params.labels:q} --truth {params.truth:q} --out {params.out:q} > {log:q} 2>&1"
