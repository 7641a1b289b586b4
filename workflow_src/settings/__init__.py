"""What a user may choose: blocks of settings, the rows of the catalogue, the table of runs."""
