"""Where results come from: the record of a run, and what two records say of a difference."""
