"""What is measured in signals and volumes: pure functions on arrays."""
