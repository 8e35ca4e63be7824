"""Room: report. Runs -> the report of each data set, tables of published systems, and an overview of all results.
Reads:   data/evaluate, data/train (curves, weights), data/infer (scores, maps), data/split (lists, annotations),
         data/features and one video of each data set (efficiency, t-SNE, pictures), test videos (heat maps),
         vad/claims/ledger.csv, vad/pages/assets
Writes:  reports/{dataset}, reports/tables, reports/published, reports/summary.json, reports/efficiency, reports/site,
         data/report/figures, data/report/plots, data/report/tsne
Params:  report, evaluate, seeds, features, variants without train and infer
Needs:   cpu
"""

# Measured costs lie in git with their records, so that a clone keeps the measurement, which names its machine, instead
# of making a new one each time.
for bundle in reports.bundles():

    rule:
        name:
            bundle.name
        input:
            code=bundle.code,
            section=bundle.slices,
            recheck=bundle.rechecks,
            parts=paths.list_of("report", bundle.name),
            sources=watched(bundle.watched),
        output:
            files=update(
                [
                    (
                        report(
                            name,
                            category=bundle.shown[name],
                            labels={"file": Path(name).name},
                        )
                        if name in bundle.shown
                        else name
                    )
                    for name in bundle.files
                ]
            ),
            records=update(bundle.records),
        log:
            f"logs/report/{bundle.name}.log",
        # As soon as they can start, so that no long one is left for the end of a run; measuring waits for idle cores.
        priority: 0 if bundle.name.startswith("costs.") else 15
        group:
            "costs" if bundle.name.startswith("costs.") else "report"
        conda:
            "../../envs/cpu.yaml"
        threads: bundle.threads
        resources:
            mem_mb=lambda w, attempt, mb=bundle.mem_mb: mb * attempt,
            gpu=bundle.gpu,
            runtime=lambda w, attempt: 60 * attempt,
        params:
            environment=bundle.environment,
        message:
            f"report: {bundle.message}"
        shell:
            "{params.environment} python -m stages.report.run --parts {input.parts:q} > {log:q} 2>&1"
