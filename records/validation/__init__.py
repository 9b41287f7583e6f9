"""Is a resource what FHIR R4 says it is? One walk over tables of the standard, every fault placed.

``shapes`` are the tables made ready, ``primitives`` check single values, ``references`` what points
elsewhere, ``invariants`` the rules between elements, ``narrative`` the XHTML; ``walk`` goes through
a resource once and says ``issues``. Enter by ``records.validate``.
"""
