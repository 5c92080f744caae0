"""What recipients see, without logging in: leaving, and a message in the browser."""
