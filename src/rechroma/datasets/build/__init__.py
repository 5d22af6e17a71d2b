"""Construction of data sets: download, filter, deduplicate, pack and inspect images."""
