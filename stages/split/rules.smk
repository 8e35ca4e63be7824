"""Room: split. Official lists -> one table of videos for training and one for testing; makes generated data sets.
Reads:   datasets.{dataset}.root (lists and, for `folder`, labels)
Writes:  data/split/{dataset}/tables, data/split/{dataset}/raw
Params:  datasets.{dataset}
Needs:   cpu
"""

for name in installed.datasets:
    if installed.generated(name):

        rule:
            name:
                f"split_raw.{name}"  # a dot is in no id
            input:
                code=paths.code_of("split", installed.kind(name)),
                section=paths.slice_of("split", name),
                recheck=paths.recheck("split", name),
            output:
                lists=update([str(path) for path in installed.dataset(name).lists()]),
                record=update(paths.record(paths.raw(name))),
            log:
                f"logs/split/{name}_raw.log",
            priority: 40
            group:
                "split"
            conda:
                "../../envs/cpu.yaml"
            threads: 2
            resources:
                mem_mb=lambda w, attempt: 1500 * attempt,
                runtime=lambda w, attempt: 30 * attempt,
            params:
                environment=shell_words(installed.arithmetic(name)),
                out=lambda w, output: paths.artefact_of(output.record),
            message:
                f"split: generate the videos of {name}"
            shell:
                "{params.environment} python -m stages.split.run raw --section {input.section:q} --code {input.code:q}"
                " --workers {threads} --out {params.out:q} > {log:q} 2>&1"

    rule:
        name:
            f"split_tables.{name}"
        input:
            code=paths.code_of("split", installed.kind(name)),
            section=paths.slice_of("split", name),
            recheck=paths.recheck("split", name),
            lists=watched(installed.dataset(name).lists()),
            available=[paths.list_of("split", name)] * installed.partial(name),
        output:
            train=update(f"{paths.tables(name)}/train.csv"),
            test=update(f"{paths.tables(name)}/test.csv"),
            facts=update(f"{paths.tables(name)}/facts.json"),
            record=update(paths.record(paths.tables(name))),
        log:
            f"logs/split/{name}_tables.log",
        priority: 40
        group:
            "split"
        conda:
            "../../envs/cpu.yaml"
        threads: 1
        resources:
            mem_mb=lambda w, attempt: 500 * attempt,
            runtime=lambda w, attempt: 10 * attempt,
        params:
            environment=shell_words("portable"),
            home=lambda w, output: Path(output.record).with_name("raw").as_posix(),
            out=lambda w, output: paths.artefact_of(output.record),
        message:
            f"split: tables of {name}"
        shell:
            "{params.environment} python -m stages.split.run tables --section {input.section:q} --code {input.code:q}"
            " --home {params.home:q} --lists {input.lists:q}"
            " --available {input.available:q} --out {params.out:q} > {log:q} 2>&1"
