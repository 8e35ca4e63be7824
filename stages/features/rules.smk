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
            sources=watched(jobs.inputs(batch)),
        output:
            files=update(batch.files),
            records=update([paths.record(path) for path in batch.files]),
        log:
            f"logs/features/{batch.name}.log",
        benchmark:
            f"logs/features/{batch.name}.tsv"
        conda:
            "../../envs/cpu.yaml"
        threads: 1
        resources:
            mem_mb=memory.features_mb(
                jobs.shape_of_features(batch.features, batch.dataset)
            ),
            gpu=int(installed.needs_gpu(batch.features)),
        params:
            out=lambda w, output: Path(output.files[0]).parent.as_posix(),
        message:
            f"features: {batch.features} of {len(batch.videos)} videos of {batch.dataset}{f', copy {batch.copy}' * bool(batch.copy)}"
        shell:
            "python -m stages.features.run --section {input.section:q} --code {input.code:q}"
            " --batch {input.batch:q} --out {params.out:q} > {log:q} 2>&1"
