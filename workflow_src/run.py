"""Run one step: ``python -m workflow_src.run <room>.<step> --help`` says what it takes."""

from workflow_src.running.launcher import main

if __name__ == "__main__":
    main()
