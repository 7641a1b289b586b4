"""How any step runs: its command line, lock, threads, exit codes, progress and checkpoints."""
