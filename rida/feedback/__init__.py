"""What comes back, and what it changes: a dead mailbox is suppressed, an unsubscribe is honoured."""
