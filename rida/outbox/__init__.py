"""From a campaign to deliveries: render, freeze, write out."""
