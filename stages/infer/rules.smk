"""Room: infer. Weights and features -> frame scores of the validation and the test videos.
Reads:   data/train/{variant}/seed{n}, data/features/{features}/{dataset}/{video}.npz, data/split/{dataset}/tables
Writes:  data/infer/{variant}/seed{n}.npz
Params:  variants.{variant}.infer
Needs:   gpu
"""


rule infer:
    input:
        code=lambda w: PLAN.model_code("infer", w.variant),
        section=PLAN.section("infer", "{variant}"),
        wake=PLAN.wake("infer", "{variant}"),
        run=rules.train.output,
        train=lambda w: PLAN.table(w.variant, "train"),
        test=lambda w: PLAN.table(w.variant, "test"),
        features=lambda w: PLAN.feature_files(w.variant, "train")
        + PLAN.feature_files(w.variant, "test"),
    output:
        scores=update("data/infer/{variant}/seed{seed}.npz"),
        record=update("data/infer/{variant}/seed{seed}.npz.prov.json"),
    log:
        "logs/infer/{variant}_seed{seed}.log",
    benchmark:
        "logs/infer/{variant}_seed{seed}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        gpu=lambda w: PLAN.trains_on_gpu(w.variant),
    params:
        run=lambda w, input: Path(input.run[0]).parent.as_posix(),
        features=lambda w: PLAN.variant_features(w.variant),
    message:
        "infer: {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "python -m stages.infer.run --section {input.section:q} --code {input.code:q} --run {params.run:q}"
        " --train {input.train:q} --test {input.test:q} --features {params.features:q}"
        " --threads {threads} --out {output.scores:q} > {log:q} 2>&1"
