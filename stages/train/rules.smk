"""Room: train. Features of the train list -> weights, chosen on the validation part; test labels are never seen.
Released weights, where `train.weights` names them, are renamed and checked instead.
Reads:   data/split/{dataset}/tables/train.csv, data/features/{features}/{dataset}/{video}.npz and its copies
Writes:  data/train/{variant}/seed{n}
Params:  variants.{variant}.train, .model, .model_args, .dataset, .features, seeds
Needs:   gpu
"""


# All seeds of a variant in one job: they share the seconds that Python and torch take to start, and the features.
rule train:
    input:
        code=lambda w: jobs.code("train", w.variant),
        section=paths.slice_of("train", "{variant}"),
        recheck=paths.recheck("train", "{variant}"),
        videos=lambda w: f"{jobs.tables(w.variant)}/train.csv",
        features=lambda w: jobs.feature_records(w.variant, "train"),
        starts=lambda w: jobs.records("train", *jobs.starts(w.variant)),
    output:
        weights=update(
            expand(
                "data/train/{{variant}}/seed{seed}/weights.safetensors",
                seed=jobs.seeds,
            )
        ),
        config=update(
            expand("data/train/{{variant}}/seed{seed}/config.json", seed=jobs.seeds)
        ),
        history=update(
            expand("data/train/{{variant}}/seed{seed}/history.csv", seed=jobs.seeds)
        ),
        records=update(
            expand("data/train/{{variant}}/seed{seed}.prov.json", seed=jobs.seeds)
        ),
    log:
        "logs/train/{variant}.log",
    # Long jobs, and those that others wait for, start first: no core is idle at the end of a run.
    priority: 20
    group:
        "variant"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: jobs.train_mb(w.variant) * attempt,
        runtime=lambda w, attempt: attempt
        * len(jobs.seeds)
        * (30 + len(jobs.feature_files(w.variant, "train")) // 10),
        gpu=lambda w: jobs.gpus(w.variant),
    params:
        environment=lambda w: jobs.environment(w.variant),
        features=lambda w: jobs.feature_folder(w.variant),
        starts=lambda w: [f"data/train/{name}" for name in jobs.starts(w.variant)],
        out=lambda w, output: Path(output.records[0]).parent.as_posix(),
        seeds=jobs.seeds,
    message:
        "train: {wildcards.variant}, every seed"
    shell:
        "{params.environment} python -m stages.train.run --section {input.section:q} --code {input.code:q} --videos {input.videos:q}"
        " --features {params.features:q} --starts {params.starts} --seeds {params.seeds} --threads {threads} --out {params.out:q} > {log:q} 2>&1"
