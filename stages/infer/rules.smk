"""Room: infer. Weights and features -> frame scores of the validation and the test videos.
Reads:   data/train/{variant}/seed{n}, data/features/{features}/{dataset}/{video}.npz, data/split/{dataset}/tables
Writes:  data/infer/{variant}/seed{n}.npz
Params:  variants.{variant}.infer
Needs:   gpu
"""


# All seeds of a variant in one job: they share the seconds that Python and torch take to start.
rule infer:
    input:
        code=lambda w: PLAN.model_code("infer", w.variant),
        section=PLAN.section("infer", "{variant}"),
        wake=PLAN.wake("infer", "{variant}"),
        weights=lambda w: PLAN.weights(w.variant),
        records=lambda w: PLAN.runs("train", w.variant, ".prov.json"),
        train=lambda w: PLAN.table(w.variant, "train"),
        test=lambda w: PLAN.table(w.variant, "test"),
        features=lambda w: PLAN.feature_files(w.variant, "train")
        + PLAN.feature_files(w.variant, "test"),
    output:
        scores=update(
            expand("data/infer/{{variant}}/seed{seed}.npz", seed=PLAN.params.seeds)
        ),
        records=update(
            expand(
                "data/infer/{{variant}}/seed{seed}.npz.prov.json",
                seed=PLAN.params.seeds,
            )
        ),
    log:
        "logs/infer/{variant}.log",
    benchmark:
        "logs/infer/{variant}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        gpu=lambda w: PLAN.trains_on_gpu(w.variant),
    params:
        runs=lambda w, input: [artefact_of(record) for record in input.records],
        out=lambda w, output: Path(output.scores[0]).parent.as_posix(),
        features=lambda w: PLAN.variant_features(w.variant),
    message:
        "infer: {wildcards.variant}, every seed"
    shell:
        "python -m stages.infer.run --section {input.section:q} --code {input.code:q} --runs {params.runs:q}"
        " --train {input.train:q} --test {input.test:q} --features {params.features:q}"
        " --threads {threads} --out {params.out:q} > {log:q} 2>&1"
