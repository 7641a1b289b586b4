"""The settings, typed: a module a stage, the whole in `schema`; and the table of runs."""
