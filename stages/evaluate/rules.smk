"""Room: evaluate. Scores and annotations -> metrics with intervals, and the points of the curves.
Reads:   data/infer/{variant}/seed{n}.npz, data/split/{dataset}/tables
Writes:  reports/metrics/{variant}/seed{n}
Params:  evaluate
Needs:   cpu
"""


# All seeds of a variant in one job, as in room infer.
rule evaluate:
    input:
        code=PLAN.code("evaluate"),
        section=PLAN.section("evaluate", "{variant}"),
        wake=PLAN.wake("evaluate", "{variant}"),
        scores=rules.infer.output.scores,
        records=rules.infer.output.records,
        train=lambda w: PLAN.table(w.variant, "train"),
        test=lambda w: PLAN.table(w.variant, "test"),
        tables=lambda w: f"{PLAN.tables(PLAN.params.variants[w.variant].dataset)}.prov.json",
    output:
        files=update(
            expand(
                "reports/metrics/{{variant}}/seed{seed}/{file}",
                seed=PLAN.params.seeds,
                file=["metrics.json", "curves.csv"],
            )
        ),
        records=update(
            expand(
                "reports/metrics/{{variant}}/seed{seed}.prov.json",
                seed=PLAN.params.seeds,
            )
        ),
    log:
        "logs/evaluate/{variant}.log",
    benchmark:
        "logs/evaluate/{variant}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        labels=lambda w: f"{PLAN.tables(PLAN.params.variants[w.variant].dataset)}/frame_labels",
        out=lambda w, output: Path(output.records[0]).parent.as_posix(),
    message:
        "evaluate: {wildcards.variant}, every seed"
    shell:
        "python -m stages.evaluate.run --section {input.section:q} --code {input.code:q} --scores {input.scores:q}"
        " --train {input.train:q} --test {input.test:q} --labels {params.labels:q} --out {params.out:q} > {log:q} 2>&1"
