"""Room: features. One feature file per video; a job takes several videos in turn.
Reads:   {dataset.root}/{video}, or published feature files
Writes:  data/features/{features}/{dataset}/{video}.npz, and {video}.copy{n}.npz for videos of the fit part
Params:  features.{features}
Needs:   gpu
"""

for batch in jobs.batches():

    rule:
        name:
            batch.name
        input:
            code=paths.code_of("features", batch.features),
            section=paths.slice_of("features", batch.section),
            recheck=paths.recheck("features", batch.key),
            batch=paths.list_of("features", batch.key),
            raw=installed.raw_records(batch.dataset),
        output:
            # The records alone, which say if the files beside them are right: Snakemake has half as much to look at.
            update([paths.record(path) for path in batch.files]),
        log:
            f"logs/features/{batch.name}.log",
        priority: 30
        group:
            "features"
        conda:
            "../../envs/cpu.yaml"
        threads: 1
        resources:
            mem_mb=lambda w, attempt, mb=jobs.features_mb(batch): mb * attempt,
            runtime=lambda w, attempt, n=jobs.features_minutes(batch): n * attempt,
            gpu=jobs.batch_gpus(batch),
        params:
            environment=shell_words(installed.arithmetic(batch.dataset)),
            out=lambda w, output: Path(output[0]).parent.as_posix(),
        message:
            f"features: {batch.features} of {len(batch.videos)} videos of {batch.dataset}{f', copy {batch.copy}' * bool(batch.copy)}"
        shell:
            "{params.environment} python -m stages.features.run --section {input.section:q} --code {input.code:q}"
            " --batch {input.batch:q} --out {params.out:q} > {log:q} 2>&1"
