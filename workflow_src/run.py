"""Run one step: ``python -m workflow_src.run <room>.<step> --help`` says what it takes."""

import sys

from workflow_src.running.surroundings import enter_surroundings

if __name__ == "__main__":
    # First of all, since the process starts anew there: what was imported would be imported twice.
    enter_surroundings(sys.argv[1:])

    from workflow_src.running.launcher import main

    main()
