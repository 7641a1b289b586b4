"""What a run shows on the console: what begins, how much of the work is done, what failed.

Snakemake's own file of a run, below ``.snakemake/log``, has all of its messages. Events and their
fields are those of its interface for logger plugins.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

# Lines of a failed job's log, from its end.
SHOWN_LINES = 20
# Jobs of a rule that begin within this time have one line.
SECONDS_BETWEEN = 1.0
NOTHING = {
    LogEvent.WORKFLOW_STARTED,
    LogEvent.JOB_STARTED,
    LogEvent.SHELLCMD,
    LogEvent.PROGRESS,
    LogEvent.RESOURCES_INFO,
    LogEvent.GROUP_INFO,
}
# Messages that have no event.
NOISE = (
    "Building DAG of jobs",
    "Select jobs to execute",
    "Using workflow specific profile",
    "Using shell",
    "Group jobs: inactive",
    "Conda environments: ignored",
    "Shutting down",
    "Storing output in storage",
)
ENDED = "At least one job did not complete successfully"


class Console(logging.Formatter):
    """Write a line for what begins, and the end of the log of what failed.

    Parameters
    ----------
    clock
        Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock, self._began = clock, clock()
        self._others = logging.Formatter()
        self._runs: Callable[[], bool] = bool
        self._left: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._seconds: Mapping[str, float] = {}
        self._estimate: Callable[[Collection[str]], Mapping[str, float]] | None = None
        self._running: dict[int, tuple[str, str]] = {}
        self._last: tuple[str, float] = ("", 0.0)
        self._failed: list[str] = []

    def replace(self, others: logging.Formatter, runs: Callable[[], bool]) -> Console:
        """Take the place of a formatter where jobs run, as `runs` tells.

        The other still writes warnings, errors without a job, and all of a dry run.
        """
        self._others, self._runs = others, runs
        return self

    def learn_seconds(self, estimate: Callable[[Collection[str]], Mapping[str, float]]) -> None:
        """Ask, as soon as jobs begin, for the seconds of one job of each rule.

        The planner takes seconds to answer, so it works beside the jobs. Until then, and for rules
        that it does not know, all jobs count alike.
        """
        self._estimate = estimate

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a message; nothing where the console does not show it."""
        if not self._runs():
            return self._others.format(record)
        event, told = getattr(record, "event", None), record.__dict__
        if event == LogEvent.RUN_INFO:
            return self._begin(told["stats"])
        if event == LogEvent.JOB_INFO:
            return self._start(told["jobid"], told["rule_name"], told["rule_msg"])
        if event == LogEvent.JOB_FINISHED:
            return self._finish(told["job_id"])
        if event == LogEvent.JOB_ERROR:
            return self._fail(told["jobid"], told["rule_name"], told["log"])
        said = str(record.msg)
        if event in NOTHING or said.startswith(NOISE):
            return ""
        if ENDED in said and self._failed:
            return "\n".join(self._failed)
        return self._others.format(record)

    def _begin(self, stats: Mapping[str, int]) -> str:
        self._left = Counter({rule: jobs for rule, jobs in stats.items() if rule != "total"})
        if self._estimate:
            asked = self._estimate, list(self._left)
            threading.Thread(target=self._ask, args=asked, daemon=True).start()
        return f"{self._left.total()} jobs are to be done"

    def _ask(
        self, estimate: Callable[[Collection[str]], Mapping[str, float]], rules: list[str]
    ) -> None:
        # Input that the planner cannot read is told by the step that reads it.
        with contextlib.suppress(Exception):
            self._seconds = estimate(rules)

    def _start(self, job: int, rule: str, message: str | None) -> str:
        said = message or rule
        self._running[job] = rule, said
        now = self._clock()
        if message is None or (self._last[0] == rule and now - self._last[1] < SECONDS_BETWEEN):
            return ""
        self._last = rule, now
        return f"[{self._describe_work(now - self._began)}] {said}"

    def _finish(self, job: int) -> str:
        rule, _ = self._running.pop(job, ("", ""))
        if rule:
            self._left[rule] -= 1
            self._done[rule] += 1
        return ""

    def _fail(self, job: int, rule: str, logs: list[str]) -> str:
        _, said = self._running.pop(job, (rule, rule))
        tail = [line for path in logs for line in _read_tail(path)]
        reason = next((line for line in reversed(tail) if line.strip()), "it left no log")
        where = ", ".join(logs)
        self._failed.append(f"failed: {said}: {reason.strip()} ({where})")
        return "\n".join([f"failed: {said}; the end of {where}:", *(f"    {x}" for x in tail)])

    def _describe_work(self, elapsed: float) -> str:
        """Return the share of the work that is done, the time that passed, and what is left."""
        known = self._seconds
        usual = sum(known.values()) / len(known) if known else 1.0
        done, left = (
            sum(jobs * known.get(rule, usual) for rule, jobs in of.items())
            for of in (self._done, self._left)
        )
        share = done / ((done + left) or 1)
        said = f"{share:4.0%} {_write_time(elapsed)}"
        # Early guesses would be far off.
        return said + (
            f", about {_write_time(elapsed * (1 - share) / share)} left" if share > 0.05 else ""
        )


def _read_tail(path: str) -> list[str]:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as lines:
            return [line.rstrip() for line in deque(lines, SHOWN_LINES)]
    except OSError:
        return []


def _write_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
