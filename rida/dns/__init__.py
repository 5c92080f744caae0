"""Where a domain's mail goes: MX, addresses and TXT, asked over the network and kept as long as their owners say."""
