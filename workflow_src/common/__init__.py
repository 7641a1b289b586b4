"""What every room stands on: typed settings, ids, file formats, seeds, digests, steps."""
