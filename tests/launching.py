"""Running a step in a test, as ``python -m workflow_src.run`` does, without its exit."""

from workflow_src.running.launcher import call


def launch(step, *words):
    """Run ``<room>.<step>`` with the words of a command line; values need not be text."""
    call(step, [str(word) for word in words])
