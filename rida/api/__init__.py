"""REST v1: the same services, for programs."""
