"""What operators see: plain forms for the whole first hour."""
