"""The graph of a run's jobs, as Snakemake draws it."""

import re
from collections import Counter, defaultdict

from tests.workflow.running import TARGETS


class JobGraph:
    """Jobs and which follow which; made of what ``snakemake --dag`` prints."""

    def __init__(self, drawn: str):
        labels = re.findall(r'^\s*(\d+)\[label = "(\w+)', drawn, re.M)
        self.rules = {int(job): rule for job, rule in labels}
        self._following: dict[int, set[int]] = defaultdict(set)
        for before, after in re.findall(r"^\s*(\d+) -> (\d+)$", drawn, re.M):
            self._following[int(before)].add(int(after))

    def count_from(self, rules: set[str]) -> dict[str, int]:
        """Count the jobs of some rules and all that follow, by rule; without targets."""
        waiting = [job for job, rule in self.rules.items() if rule in rules]
        found: set[int] = set()
        while waiting:
            job = waiting.pop()
            if job not in found:
                found.add(job)
                waiting += self._following[job]
        return dict(Counter(rule for job in found if (rule := self.rules[job]) not in TARGETS))
