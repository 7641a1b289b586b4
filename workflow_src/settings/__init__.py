"""What a user can choose: blocks of settings, catalogues, the run table."""
