"""Starting, supervising and checking the service; stands beside the house, not in it."""
