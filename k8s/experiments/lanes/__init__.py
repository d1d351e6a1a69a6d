"""Runs of one experiment, each in a namespace of its own, under the same arrivals at the same time."""
