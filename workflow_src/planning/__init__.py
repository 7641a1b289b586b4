"""An estimate of what a run will take, before it runs."""
