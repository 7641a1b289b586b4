"""What tests of all folders share."""

import pytest
from hypothesis import settings

from tests.workflow.running import run_snakemake

# The same examples in every run, however slow the machine is.
settings.register_profile("workflow", deadline=None, derandomize=True)
settings.load_profile("workflow")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a finished run of the tiny configuration."""
    folder = tmp_path_factory.mktemp("finished run")
    run_snakemake(folder)
    return folder
