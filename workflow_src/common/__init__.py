"""Files, tables, seeds and errors: what every room stands on."""
