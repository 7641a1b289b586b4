"""What the environment must know of a method of the catalogue."""

from workflow_src.methods.entries import load_entry
from workflow_src.training.environment import Traits


def find_traits(row):
    return Traits(
        sees=row.sees,
        reward=row.reward,
        gated=row.gated,
        normalises=load_entry(row.entry).normalises,
    )
