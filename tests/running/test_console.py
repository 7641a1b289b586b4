"""What a run shows on the console, from the messages that Snakemake's loggers get."""

import logging
import queue

from snakemake_interface_logger_plugins.common import LogEvent

from workflow_src.running.console import SHOWN_LINES, Console


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self):
        return self.now


class Run:
    """A console, and the lines that it wrote."""

    def __init__(self, jobs, seconds=None):
        self.clock = Clock()
        self.console = Console(self.clock).replace(logging.Formatter(), lambda: True)
        self.console._seconds = seconds or {}
        self.say(LogEvent.RUN_INFO, stats={**jobs, "total": sum(jobs.values())})

    def say(self, event=None, text="", level=logging.INFO, **fields):
        record = logging.makeLogRecord({"msg": text, "levelno": level, **fields})
        record.event = event
        return self.console.format(record)

    def start(self, job, rule, message="Doing it"):
        return self.say(LogEvent.JOB_INFO, jobid=job, rule_name=rule, rule_msg=message)

    def finish(self, job):
        return self.say(LogEvent.JOB_FINISHED, job_id=job)


def test_a_line_tells_the_share_of_the_work_and_the_time_left():
    run = Run({"short": 5, "long": 1}, {"short": 1.0, "long": 5.0})
    assert run.start(1, "long", "Training") == "[  0% 0:00] Training"
    run.clock.now = 60
    assert run.finish(1) == ""
    # Half of the work took a minute.
    assert run.start(2, "short", "Scoring") == "[ 50% 1:00, about 1:00 left] Scoring"


def test_jobs_count_alike_until_the_planner_answers():
    run = Run({"a": 1, "b": 3})
    run.start(1, "a")
    run.clock.now = 3600
    run.finish(1)
    assert run.start(2, "b") == "[ 25% 1:00:00, about 3:00:00 left] Doing it"


def test_a_rule_that_the_planner_does_not_know_counts_like_the_mean_of_the_others():
    run = Run({"known": 1, "unknown": 1}, {"known": 4.0})
    run.start(1, "unknown")
    run.clock.now = 10
    run.finish(1)
    assert run.start(2, "known").startswith("[ 50% 0:10, about 0:10 left]")


def test_the_planner_is_asked_when_jobs_begin():
    asked = queue.Queue()
    console = Console(Clock()).replace(logging.Formatter(), lambda: True)
    console.learn_seconds(lambda rules: asked.put(rules) or {})
    record = logging.makeLogRecord({"msg": "", "stats": {"a": 1, "total": 1}})
    record.event = LogEvent.RUN_INFO
    assert console.format(record) == "1 jobs are to be done"
    assert asked.get(timeout=60) == ["a"]


def test_jobs_of_a_rule_that_begin_together_have_one_line():
    run = Run({"a": 3, "b": 1})
    assert run.start(1, "a", "Extracting, shard 0")
    assert run.start(2, "a", "Extracting, shard 1") == ""
    assert run.start(3, "b", "Scoring")
    run.clock.now = 2
    assert run.start(4, "a", "Extracting, shard 2")


def test_a_failure_comes_with_the_end_of_its_log_and_comes_last_as_one_line(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {i}\n" for i in range(50)) + "error: x.wav: it is empty\n\n")
    run = Run({"a": 1})
    run.start(1, "a", "Extracting, shard 0")
    fields = {"rule_name": "a", "log": [str(log)]}
    said = run.say(LogEvent.JOB_ERROR, level=logging.ERROR, jobid=1, **fields).splitlines()
    assert said[0] == f"failed: Extracting, shard 0; the end of {log}:"
    assert "error: x.wav: it is empty" in said[-2]
    assert len(said) == 1 + SHOWN_LINES
    last = run.say(text="WorkflowError:\nAt least one job did not complete successfully.")
    assert last == f"failed: Extracting, shard 0: error: x.wav: it is empty ({log})"


def test_a_failure_without_a_log_is_told():
    run = Run({"a": 1})
    run.start(1, "a", "Extracting")
    run.say(LogEvent.JOB_ERROR, jobid=1, rule_name="a", log=["no.log"])
    last = run.say(text="At least one job did not complete successfully.")
    assert last == "failed: Extracting: it left no log (no.log)"


def test_what_is_not_of_a_job_is_written_as_before():
    run = Run({"a": 1})
    assert run.say(text="no space is left", level=logging.ERROR) == "no space is left"
    assert run.say(LogEvent.PROGRESS, "1 of 2 steps") == ""
    assert run.say(text="Building DAG of jobs...") == ""


def test_a_dry_run_is_written_as_before():
    console = Console().replace(logging.Formatter(), lambda: False)
    record = logging.makeLogRecord({"msg": "Building DAG of jobs..."})
    record.event = LogEvent.PROGRESS
    assert console.format(record) == "Building DAG of jobs..."
