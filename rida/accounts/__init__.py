"""Who uses Rida: people, workspaces and what a role may do."""
