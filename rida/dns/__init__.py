"""What DNS says: MX, addresses, TXT and PTR, asked over the network and kept as long as their owners say; and how SPF
and DMARC read it."""
