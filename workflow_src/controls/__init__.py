"""Controls: the runs under other trials, which tell where their error rates come from."""
