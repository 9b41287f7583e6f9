"""Video rooms: knows tickets, never patients."""
