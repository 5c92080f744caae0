"""Read-only totals per launch, network and day."""
