"""Tokens for partners' systems: SMART Backend Services (HL7 SMART App Launch 2.2, §7)."""
