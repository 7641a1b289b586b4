"""The graph of a run's jobs, as Snakemake draws it."""

import re
from collections import Counter, defaultdict

from tests.workflow.running import TARGETS


class JobGraph:
    """Jobs and which follow which; made of what ``snakemake --dag`` prints."""

    def __init__(self, drawn: str):
        labels = re.findall(r'^\s*(\d+)\[label = "(\w+)((?:\\n[^"]+)?)"', drawn, re.M)
        self.rules = {int(job): rule for job, rule, _ in labels}
        # Of each job the run or policy that is its own, where no job before it has the same.
        self._names = {
            int(job): set(re.findall(r"(?:run|policy): (.+)", text.replace("\\n", "\n")))
            for job, _, text in labels
        }
        self._following: dict[int, set[int]] = defaultdict(set)
        for before, after in re.findall(r"^\s*(\d+) -> (\d+)$", drawn, re.M):
            self._following[int(before)].add(int(after))

    def count_from(self, rules: set[str], names: set[str] = frozenset()) -> dict[str, int]:
        """Count jobs and all that follow, by rule; without targets.

        The first are those of some rules, and those of some runs or policies.
        """
        waiting = [
            job for job, rule in self.rules.items() if rule in rules or self._names[job] & names
        ]
        found: set[int] = set()
        while waiting:
            job = waiting.pop()
            if job not in found:
                found.add(job)
                waiting += self._following[job]
        return dict(Counter(rule for job in found if (rule := self.rules[job]) not in TARGETS))
