"""Forwards the media of rooms."""

import argparse

from signaling import node_process


def run(options: argparse.Namespace) -> None:
    """Forward until a signal; rooms are drained first."""
    node_process.run()
