"""Room: train. Features of the train list -> weights, chosen on the validation part; test labels are never seen.
Reads:   data/split/{dataset}/tables/train.csv, data/features/{features}/{dataset}/{video}.npz
Writes:  data/train/{variant}/seed{n}
Params:  variants.{variant}.train, .model, .model_args, .dataset, .features, seeds
Needs:   gpu
"""


rule train:
    input:
        code=lambda w: jobs.code("train", w.variant),
        section=paths.slice_of("train", "{variant}"),
        recheck=paths.recheck("train", "{variant}"),
        videos=lambda w: f"{jobs.tables(w.variant)}/train.csv",
        features=lambda w: jobs.feature_files(w.variant, "train"),
    output:
        weights=update("data/train/{variant}/seed{seed}/weights.safetensors"),
        config=update("data/train/{variant}/seed{seed}/config.json"),
        history=update("data/train/{variant}/seed{seed}/history.csv"),
        record=update("data/train/{variant}/seed{seed}.prov.json"),
    log:
        "logs/train/{variant}_seed{seed}.log",
    benchmark:
        "logs/train/{variant}_seed{seed}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2500,
        gpu=lambda w: jobs.gpus(w.variant),
    params:
        features=lambda w: jobs.feature_folder(w.variant),
        out=lambda w, output: paths.artefact_of(output.record),
    message:
        "train: {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "python -m stages.train.run --section {input.section:q} --code {input.code:q} --videos {input.videos:q}"
        " --features {params.features:q} --seed {wildcards.seed} --threads {threads} --out {params.out:q} > {log:q} 2>&1"
