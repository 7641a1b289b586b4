"""Methods compared on simulated populations."""
