"""A simulated internet on loopback: DNS, receivers with moods, inboxes. The sandbox sends here and tests count here."""
