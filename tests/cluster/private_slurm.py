"""A Slurm of one node that lives in one folder: its own keys, sockets, ports and records."""

import contextlib
import getpass
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

NODE = "node1"
PARTITION = "main"
# Told, not found: jobs must fit that ask for more than the machine of the test has.
CPUS, MEMORY_MB, GPUS = 16, 64000, 1

SLURM_CONF = """
ClusterName=test
SlurmctldHost=localhost
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=15
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=3600
KillWait=5
NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName={partition} Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


class PrivateSlurm:
    """A running Slurm; its commands find it by the variables of `environment`."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }
        self.daemons = []

    def start(self):
        """Write the configuration, start all daemons, and wait until the node works."""
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        # Within a job the plugin takes all SLURM_... variables out, and srun would look in /etc.
        srun = self.folder / "bin/srun"
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n'
        )
        srun.chmod(0o755)
        (self.folder / "slurm.conf").write_text(
            SLURM_CONF.format(
                folder=self.folder,
                user=getpass.getuser(),
                controller_port=free_port(),
                node_port=free_port(),
                node=NODE,
                partition=PARTITION,
                cpus=CPUS,
                memory=MEMORY_MB,
                gpus=GPUS,
            )
        )
        # Any device file does: without control groups nobody looks what it is.
        (self.folder / "gres.conf").write_text(f"NodeName={NODE} Name=gpu File=/dev/null\n")
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        munge = {
            "--key-file": key,
            "--socket": self.folder / "munge.socket",
            "--pid-file": self.folder / "munge.pid",
            "--log-file": self.folder / "munge.log",
            "--seed-file": self.folder / "munge.seed",
        }
        self._start("munged", "--foreground", "--force", *(f"{k}={v}" for k, v in munge.items()))
        wait_for(lambda: (self.folder / "munge.socket").exists(), self.logs)
        self._start("slurmctld", "-D")
        self._start("slurmd", "-D", "-N", NODE)
        wait_for(lambda: "idle" in self.says("sinfo", "--noheader", "--format=%T"), self.logs)

    def _start(self, *command):
        log = (self.folder / f"{command[0]}.out").open("w")
        # A killed test takes its daemons along.
        command = ("setpriv", "--pdeathsig", "TERM", *command)
        self.daemons.append(
            subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        )

    def says(self, *command):
        """Run a command of Slurm; return what it prints, whether or not it succeeds."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout

    def tell(self, *command):
        """Run a command of Slurm that must succeed."""
        subprocess.run(command, env=self.environment, check=True, timeout=60)

    def queue(self):
        """Return jobs in the queue: id -> (state, comment)."""
        lines = self.says("squeue", "--noheader", "--format=%i|%T|%k").splitlines()
        return {job: (state, comment) for job, state, comment in (x.split("|") for x in lines)}

    def jobs(self):
        """Return all jobs, ended ones too: a dict of the fields that Slurm shows of a job."""
        lines = self.says("scontrol", "--oneliner", "show", "jobs").splitlines()
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines if "JobId=" in line]

    def logs(self):
        """Return the ends of all logs, for the message of a failure."""
        files = [*self.folder.glob("*.log"), *self.folder.glob("*.out")]
        return "\n".join(f"{file.name}:\n{file.read_text()[-2000:]}" for file in files)

    def stop(self):
        """Cancel all jobs and end all daemons, whatever state they are in."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self.says("scancel", "--full", "--signal=KILL", f"--partition={PARTITION}")
            self.says("scancel", f"--partition={PARTITION}")
            end = time.monotonic() + 15
            while self.queue() and time.monotonic() < end:
                time.sleep(0.2)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait()


@contextlib.contextmanager
def private_slurm():
    """Run a Slurm as long as the block runs."""
    # Not pytest's folder: the path of a socket has 108 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    slurm = PrivateSlurm(folder)
    # So that what stops the tests comes by here.
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(folder)
        signal.signal(signal.SIGTERM, former)


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, explain, seconds=600):
    """Wait until a condition holds; fail with an explanation if it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, explain()
        time.sleep(0.2)
