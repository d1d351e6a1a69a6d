"""What the stage is set to. It imports nothing, so that the ranges can be read where there is no stage."""
# Small enough for a test, large enough for a machine that is busy.
INTERVAL_S, THRESHOLD_S, MAX_REPLICAS, QUOTA = 3, 0.5, 4, 0.06
# What the stage's kubelet says of the pods' limits; nothing holds them to it. Those of k8s/settings.
CPU_LIMIT, MEMORY_LIMIT = 0.5, 768 << 20
