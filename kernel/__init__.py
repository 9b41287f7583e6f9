"""Ground of the house: how states change, who acts, what can go wrong."""
