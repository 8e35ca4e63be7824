"""A SLURM cluster of one node on this machine, in a folder of its own: for tests, not for use."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "srun", "sinfo")
PLUGIN = "snakemake_executor_plugin_slurm"
SECONDS_TO_START = 30
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
ReturnToService=2
MinJobAge=3600
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """What this machine lacks for the test; empty if nothing."""
    found = [f"the program {name}" for name in PROGRAMS if not _program(name)]
    lacking = [f"{', '.join(found)} (Debian: apt-get install slurmctld slurmd slurm-client munge)"] if found else []
    try:
        __import__(PLUGIN)
    except ImportError:
        lacking.append(f"the module {PLUGIN} (pip install 'vad-ledger[cluster]')")
    if os.geteuid() != 0:
        lacking.append("root, who alone may start slurmd")
    return lacking


def _program(name: str) -> str | None:
    """Where a program is; daemons lie in sbin, which is not on every PATH."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


class Cluster:
    """The daemons of a cluster of one node, all on loopback.

    Args:
        folder: for its settings, keys, logs and state; a short path, as it holds a socket.
        cores: of its node.
        memory: of its node, in MB.
    """

    def __init__(self, folder: Path, cores: int, memory: int) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in ("state", "spool", "bin"):
            (folder / name).mkdir()
        host = socket.gethostname().split(".")[0]
        settings = {"host": host, "folder": folder, "ports": _free_ports(2), "cores": cores, "memory": memory}
        self.conf.write_text(CONF.format(**settings))
        # Snakemake's job steps drop SLURM_CONF from the environment, and srun would look in /etc.
        wrapper = folder / "bin" / "srun"
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {_program("srun")} "$@"\n')
        wrapper.chmod(0o755)
        self.environment = {"SLURM_CONF": str(self.conf), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}

    def start(self) -> None:
        """Start munged, slurmctld and slurmd, and wait until the node is idle.

        Raises: RuntimeError with the end of their logs if it does not come.
        """
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        flags = {name: self.folder / f"munge.{name.removesuffix('-file')}" for name in ("pid-file", "log-file")}
        flags |= {"key-file": key, "socket": self.folder / "munge.socket", "seed-file": self.folder / "munge.seed"}
        self._call("munged", "--force", *(f"--{name}={path}" for name, path in flags.items()))
        self._call("slurmctld", "-f", str(self.conf))
        self._call("slurmd", "-f", str(self.conf))
        deadline = time.monotonic() + SECONDS_TO_START
        while "idle" not in self._call("sinfo", "--noheader", "-o", "%T", check=False):
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
                raise RuntimeError(f"the node did not come up within {SECONDS_TO_START} s:\n{logs}")
            time.sleep(0.5)

    def stop(self) -> None:
        """Cancel all jobs, end the daemons and wait for their end: they write into their folder until then."""
        self._call("scancel", "--user=root", check=False)
        files = [self.folder / f"{name}.pid" for name in ("slurmd", "slurmctld", "munge")]
        daemons = [psutil.Process(int(path.read_text())) for path in files if path.is_file()]
        for daemon in daemons:
            daemon.terminate()
        for daemon in psutil.wait_procs(daemons, timeout=SECONDS_TO_START)[1]:
            daemon.kill()

    def jobs(self) -> dict[str, str]:
        """State by number, of every job since the start."""
        lines = self._call("squeue", "--noheader", "--states=all", "-o", "%i %T").splitlines()
        return {number: state for number, state in map(str.split, lines)}

    def asked(self, job: str) -> dict[str, str]:
        """What a job asked for, as `scontrol show job` writes it (TimeLimit, TRES, ...)."""
        words = self._call("scontrol", "show", "job", "--oneliner", job).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def cancel(self, job: str) -> None:
        """Cancel a job."""
        self._call("scancel", job)

    def _call(self, *command: str, check: bool = True) -> str:
        """Run a program of SLURM; what it printed."""
        program = _program(command[0])
        assert program, command[0]
        env = {**os.environ, **self.environment}
        done = subprocess.run([program, *command[1:]], env=env, capture_output=True, text=True, timeout=60)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
        return done.stdout


def _free_ports(number: int) -> list[int]:
    """Ports on loopback that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
