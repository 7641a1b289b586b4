"""Controls: all runs under other trials, and under attack."""
