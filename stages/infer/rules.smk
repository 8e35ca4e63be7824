"""Room: infer. Weights and features -> frame scores of the validation and the test videos.
Reads:   data/train/{variant}/seed{n}, data/features/{features}/{dataset}/{video}.npz, data/split/{dataset}/tables
Writes:  data/infer/{variant}/seed{n}.npz, data/infer/{variant}/seed{n}.maps (where maps are asked for)
Params:  variants.{variant}.infer
Needs:   gpu
"""


# All seeds of a variant in one job: they share the seconds that Python and torch take to start.
rule infer:
    input:
        code=lambda w: jobs.code("infer", w.variant),
        section=paths.slice_of("infer", "{variant}"),
        recheck=paths.recheck("infer", "{variant}"),
        weights=lambda w: jobs.weights(w.variant),
        records=lambda w: jobs.records("train", w.variant),
        train=lambda w: f"{jobs.tables(w.variant)}/train.csv",
        test=lambda w: f"{jobs.tables(w.variant)}/test.csv",
        # Those of the train list were there before the weights.
        features=lambda w: jobs.feature_records(w.variant, "test"),
    output:
        scores=update(expand("data/infer/{{variant}}/seed{seed}.npz", seed=jobs.seeds)),
        records=update(
            expand(
                "data/infer/{{variant}}/seed{seed}.npz.prov.json",
                seed=jobs.seeds,
            )
        ),
    log:
        "logs/infer/{variant}.log",
    priority: 10
    group:
        "variant"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: jobs.infer_mb(w.variant) * attempt,
        runtime=lambda w, attempt: attempt
        * len(jobs.seeds)
        * (10 + len(jobs.feature_files(w.variant, "train", "test")) // 20),
        gpu=lambda w: jobs.gpus(w.variant),
    params:
        environment=lambda w: jobs.environment(w.variant),
        runs=lambda w, input: [paths.artefact_of(record) for record in input.records],
        out=lambda w, output: Path(output.scores[0]).parent.as_posix(),
        features=lambda w: jobs.feature_folder(w.variant),
    message:
        "infer: {wildcards.variant}, every seed"
    shell:
        "{params.environment} python -m stages.infer.run --section {input.section:q} --code {input.code:q} --runs {params.runs:q}"
        " --train {input.train:q} --test {input.test:q} --features {params.features:q}"
        " --threads {threads} --out {params.out:q} > {log:q} 2>&1"
