"""Room: report. Metrics -> tables, figures, plot data and the summary that DVC compares.
Reads:   reports/metrics, data/train (curves), data/infer, data/split (annotations), vad/claims/ledger.csv
Writes:  reports/tables, reports/figures, reports/plots, reports/summary.json
Params:  report, evaluate, seeds, variants
Needs:   cpu
"""


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
    shell:
        "python -m stages.report.run --section {input.section:q} --code {input.code:q}"
        " --claims {input.claims:q} --split data/split --train data/train --infer data/infer --metrics reports/metrics"
        " --out reports/tables --figures reports/figures --plots reports/plots --summary {output.summary:q}"
        " > {log:q} 2>&1"
