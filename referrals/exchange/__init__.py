"""The way to partner hospitals and back."""
