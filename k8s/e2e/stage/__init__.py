"""What end-to-end stands on: a cluster, a load, the results volume, the table."""
