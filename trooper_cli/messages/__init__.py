"""The Messages API, all of it and nowhere else."""
