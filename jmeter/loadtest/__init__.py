"""What `jmeter/run`, `jmeter/join` and `jmeter/test` are made of. Python's standard library only."""
