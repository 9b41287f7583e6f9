"""Carries audio and video between the participants of a room without decoding it.

No Django in here: a node can run, and be benched, alone. ``node.Node`` is the door.
"""
