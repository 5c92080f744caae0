"""Which network a mailbox belongs to, and what that network accepts."""
