"""What is to be said, by whom: sender identities, campaigns and their content."""
