"""What a run will take, before it runs: the corpus surveyed, jobs, disk and time."""
