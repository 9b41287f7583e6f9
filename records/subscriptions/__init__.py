"""Subscriptions: R5 Backport in R4 (HL7 STU 1.1), and R4's own criteria; rest-hook only.

``topics`` what may be asked for, ``terms`` what one Subscription asks for, ``life`` what follows
from writing it, ``interest`` how writes become events, ``events`` which of them count,
``notification`` what is sent, ``delivery`` how it gets there.
"""
