"""Room: evaluate. Scores and annotations -> metrics with intervals, and the points of the curves.
Reads:   data/infer/{variant}/seed{n}.npz, data/split/{dataset}/tables
Writes:  reports/metrics/{variant}/seed{n}
Params:  evaluate
Needs:   cpu
"""


rule evaluate:
    input:
        code=PLAN.code("evaluate"),
        section=PLAN.section("evaluate", "{variant}"),
        wake=PLAN.wake("evaluate", "{variant}"),
        scores=rules.infer.output.scores,
        record=rules.infer.output.record,
        train=lambda w: PLAN.table(w.variant, "train"),
        test=lambda w: PLAN.table(w.variant, "test"),
        tables=lambda w: f"{PLAN.tables(PLAN.params.variants[w.variant].dataset)}.prov.json",
    output:
        metrics=update("reports/metrics/{variant}/seed{seed}/metrics.json"),
        curves=update("reports/metrics/{variant}/seed{seed}/curves.csv"),
        record=update("reports/metrics/{variant}/seed{seed}.prov.json"),
    log:
        "logs/evaluate/{variant}_seed{seed}.log",
    benchmark:
        "logs/evaluate/{variant}_seed{seed}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        labels=lambda w: f"{PLAN.tables(PLAN.params.variants[w.variant].dataset)}/frame_labels",
        out=lambda w, output: artefact_of(output.record),
    message:
        "evaluate: {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "python -m stages.evaluate.run --section {input.section:q} --code {input.code:q} --scores {input.scores:q}"
        " --train {input.train:q} --test {input.test:q} --labels {params.labels:q} --out {params.out:q} > {log:q} 2>&1"
