"""How a step runs, from its command line to its exit status."""
