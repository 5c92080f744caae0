"""What every stage may use: addresses, signed tokens, time, errors, replies, the ticket port. No I/O."""
