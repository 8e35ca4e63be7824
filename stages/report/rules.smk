"""Room: report. Metrics -> tables, figures, t-SNE, efficiency, plot data and the summary that DVC compares.
Reads:   reports/metrics, data/train (curves, weights), data/infer (scores), data/split (annotations),
         data/features and one video of each data set (efficiency, t-SNE, heat maps), vad/claims/ledger.csv
Writes:  reports/efficiency, data/report/tsne, data/report/heat_maps, reports/tables, reports/figures, reports/plots,
         reports/summary.json, reports/published
Params:  report, evaluate, seeds, features, variants without train and infer
Needs:   cpu
"""


# All parts in one job that takes every core: what runs beside it would be measured too. They lie in git with their
# records, so that a clone keeps the measurement, which names its machine, instead of making a new one each time.
rule efficiency:
    input:
        code=PLAN.parts("code"),
        section=PLAN.parts("section"),
        wake=[PLAN.wake_of(section) for section in PLAN.parts("section")],
        parts=PLAN.write_parts(),
        measured=PLAN.parts("watched"),
    output:
        costs=update(PLAN.parts("out")),
        records=update([f"{out}.prov.json" for out in PLAN.parts("out")]),
    log:
        "logs/report/efficiency.log",
    benchmark:
        "logs/report/efficiency.tsv"
    conda:
        "../../envs/cpu.yaml"
    # Scaled down to --cores. `workflow.cores` itself would make every command without --cores an error.
    threads: os.cpu_count()
    resources:
        mem_mb=4000,
        gpu=int(any(PLAN.needs_gpu(features) for features, _ in PLAN.extracted)),
    message:
        "report: measure what every variant costs, alone on all cores"
    shell:
        "python -m stages.report.efficiency --parts {input.parts:q} > {log:q} 2>&1"


rule tsne:
    input:
        code=lambda w: PLAN.model_code("report", w.variant, job="tsne"),
        section=PLAN.section("report", "tsne.{variant}"),
        wake=PLAN.wake("report", "tsne.{variant}"),
        run=lambda w: PLAN.runs("train", w.variant, ".prov.json")[0],
        scores=lambda w: PLAN.runs("infer", w.variant, ".npz")[0],
        test=lambda w: PLAN.table(w.variant, "test"),
        tables=lambda w: f"{PLAN.tables(PLAN.params.variants[w.variant].dataset)}.prov.json",
        features=lambda w: PLAN.feature_files(w.variant, "test"),
    output:
        points=update("data/report/tsne/{variant}/points.csv"),
        about=update("data/report/tsne/{variant}/about.json"),
        record=update("data/report/tsne/{variant}.prov.json"),
    log:
        "logs/report/tsne_{variant}.log",
    benchmark:
        "logs/report/tsne_{variant}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2500,
    params:
        run=lambda w, input: artefact_of(input.run),
        features=lambda w: PLAN.variant_features(w.variant),
        labels=lambda w: f"{PLAN.tables(PLAN.params.variants[w.variant].dataset)}/frame_labels",
        out=lambda w, output: artefact_of(output.record),
    message:
        "report: t-SNE of {wildcards.variant}"
    shell:
        "python -m stages.report.tsne --section {input.section:q} --code {input.code:q} --run {params.run:q}"
        " --scores {input.scores:q} --test {input.test:q} --labels {params.labels:q}"
        " --features {params.features:q} --out {params.out:q} > {log:q} 2>&1"


rule heat_maps:
    input:
        code=lambda w: PLAN.model_code("report", w.variant, job="heat_maps"),
        section=PLAN.section("report", "heat_maps.{variant}"),
        wake=PLAN.wake("report", "heat_maps.{variant}"),
        run=lambda w: PLAN.runs("train", w.variant, ".prov.json")[0],
        scores=lambda w: PLAN.runs("infer", w.variant, ".npz")[0],
        test=lambda w: PLAN.table(w.variant, "test"),
        tables=lambda w: f"{PLAN.tables(PLAN.params.variants[w.variant].dataset)}.prov.json",
        features=lambda w: PLAN.feature_files(w.variant, "test"),
    output:
        data=update(
            expand(
                "data/report/heat_maps/{{variant}}/{name}",
                name=["frames.csv", "images.npy", "maps.npy", "about.json"],
            )
        ),
        record=update("data/report/heat_maps/{variant}.prov.json"),
    log:
        "logs/report/heat_maps_{variant}.log",
    benchmark:
        "logs/report/heat_maps_{variant}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2500,
    params:
        run=lambda w, input: artefact_of(input.run),
        features=lambda w: PLAN.variant_features(w.variant),
        labels=lambda w: f"{PLAN.tables(PLAN.params.variants[w.variant].dataset)}/frame_labels",
        out=lambda w, output: artefact_of(output.record),
    message:
        "report: patch maps of {wildcards.variant}"
    shell:
        "python -m stages.report.heat_maps --section {input.section:q} --code {input.code:q} --run {params.run:q}"
        " --scores {input.scores:q} --test {input.test:q} --labels {params.labels:q}"
        " --features {params.features:q} --out {params.out:q} > {log:q} 2>&1"


rule report:
    input:
        code=PLAN.code(
            "report", "models/lstm_memory_ae", "models/mstsm", "models/stead"
        ),
        section=PLAN.section("report", "report"),
        wake=PLAN.wake("report", "report"),
        metrics=PLAN.all_runs("evaluate", ".prov.json"),
        training=PLAN.all_runs("train", ".prov.json"),
        scores=PLAN.all_runs("infer", ".npz.prov.json"),
        claims="vad/claims/ledger.csv",
        tables=[f"{PLAN.tables(name)}.prov.json" for name in PLAN.datasets],
        costs=rules.efficiency.output.records,
        maps=[f"{path}.prov.json" for path in [*PLAN.tsne(), *PLAN.heat_maps()]],
    output:
        tables=update([f"reports/tables/{name}" for name in PLAN.report_tables()]),
        figures=update([f"reports/figures/{name}" for name in PLAN.report_figures()]),
        plots=update([f"reports/plots/{name}" for name in PLAN.report_plots()]),
        summary=update("reports/summary.json"),
        record=update("reports/tables.prov.json"),
    log:
        "logs/report/report.log",
    benchmark:
        "logs/report/report.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    message:
        "report: tables and figures"
    shell:
        "python -m stages.report.run --section {input.section:q} --code {input.code:q}"
        " --claims {input.claims:q} --split data/split --train data/train --infer data/infer --metrics reports/metrics"
        " --costs reports/efficiency --own data/report"
        " --out reports/tables --figures reports/figures --plots reports/plots --summary {output.summary:q}"
        " > {log:q} 2>&1"


# The tables of published systems: one rule each, which needs no other variant than those of its rows.
for name in PLAN.published:

    rule:
        name:
            f"table_{name}"
        input:
            code=PLAN.code(
                "report",
                "models/lstm_memory_ae",
                "models/mstsm",
                "models/stead",
                job="published",
            ),
            section=PLAN.section("report", f"table.{name}"),
            wake=PLAN.wake("report", f"table.{name}"),
            records=PLAN.published_inputs(name),
            claims="vad/claims/ledger.csv",
        output:
            tables=update(
                [f"{PLAN.published_table(name)}.{end}" for end in ("csv", "md", "tex")]
            ),
            record=update(f"{PLAN.published_table(name)}.prov.json"),
        log:
            f"logs/report/table_{name}.log",
        benchmark:
            f"logs/report/table_{name}.tsv"
        conda:
            "../../envs/cpu.yaml"
        threads: 1
        resources:
            mem_mb=2000,
        params:
            out=lambda w, output: artefact_of(output.record),
        message:
            f"report: table {name}"
        shell:
            "python -m stages.report.published --section {input.section:q} --code {input.code:q}"
            " --claims {input.claims:q} --split data/split --infer data/infer --metrics reports/metrics"
            " --costs reports/efficiency --out {params.out:q} > {log:q} 2>&1"
