"""What params.yaml asks for, read once: by the Snakefile, by DVC's stage `plan` and by `vad verify`."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from stages.plan import paths, slices, state
from stages.plan.installed import Installed
from stages.plan.jobs import Jobs
from stages.plan.report import Reports
from vad.ledger.code import load_parsed, save_parsed
from vad.ledger.staleness import Wanted, owner
from vad.params import load
from vad.schema.params import Params


class Asked:
    """Data sets, jobs and reports of a params.yaml.

    Args:
        params: the checked params.yaml.

    Attributes:
        installed: what can run here.
        jobs: of the rooms split to evaluate.
        reports: of room report.
    """

    def __init__(self, params: Params) -> None:
        self.installed = Installed(params)
        self.jobs = Jobs(self.installed)
        self.reports = Reports(self.installed, self.jobs)

    @classmethod
    def read(cls) -> "Asked":
        """As params.yaml of the current folder says it.

        Raises: ParamsError if it is wrong.
        """
        load_parsed(paths.PARSED)
        return cls(load(paths.PARAMS, cache=paths.RESOLVED))

    @cached_property
    def artefacts(self) -> dict[str, Wanted]:
        """Every artefact that is asked for, by path.

        Raises: VadError where lists or files of a data set are wrong.
        """
        return slices.wanted(self.installed, self.jobs, self.reports)

    def makes(self, file: str) -> bool:
        """Whether a file is an artefact, a part of one or a record, and not the user's own."""
        return owner(paths.artefact_of(file), self.artefacts) is not None

    def write(self) -> None:
        """Write everything below `.params` that a run reads."""
        slices.write(self.installed, self.jobs, self.reports)
        slices.keep_rechecks({artefact.recheck for artefact in self.artefacts.values()})
        self._write_targets()
        save_parsed(paths.PARSED)

    def targets(self) -> Iterator[tuple[str, list[str]]]:
        """(name, records): one target per room and entry of params.yaml, as the stages of dvc.yaml ask for them.

        A target is empty where nothing is installed.
        """
        for room, entries in [*self.jobs.targets(), *self.reports.targets()]:
            yield from ((f"{room}_{entry}", files) for entry, files in entries.items())

    def _write_targets(self) -> None:
        """Write which artefacts belong to which target; DVC's stage of room report asks for `all`."""
        targets = {name: [paths.artefact_of(record) for record in files] for name, files in self.targets()}
        state.write_targets(
            {artefact: wanted.slice.as_posix() for artefact, wanted in self.artefacts.items()},
            {artefact: wanted.arithmetic for artefact, wanted in self.artefacts.items()},
            {**targets, "all": list(self.artefacts)},
        )

    def sources(self) -> list[Path]:
        """The user's own files that jobs read: lists of data sets, videos, published features, weights."""
        own = [d for d in self.installed.datasets if not self.installed.generated(d)]
        lists = [Path(path) for d in own for path in self.installed.dataset(d).lists()]
        pairs = [(f, d) for f, d in self.installed.pairs if d in own or self.installed.imported(f)]
        made = [f for f, d in pairs for files in self.installed.sources(f, d).values() for f in files]
        weights = [file for name in self.installed.variants for file in self.installed.given_weights(name)]
        return list(dict.fromkeys([*lists, *map(Path, made), *weights]))
