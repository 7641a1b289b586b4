"""The manifest to trials with their enrolments, one table per scenario."""
