"""FHIRPath (HL7 FHIRPath 2.0.0, with FHIR R4's additions) over JSON: compiled once, run often.

``compile`` gives an ``Expression``; ``nodes`` gives the places that an expression names, so that a
patch can change them. Text becomes tokens (``lexer``), a tree (``parser``) and Python closures
(``compiler``) over ``Node`` (a JSON value with its FHIR type and place). What an expression may
cost is bounded: its length and depth, the nodes that it makes, its regular expressions (``regex``).
Not here: ``memberOf``, ``conformsTo``, ``aggregate``, arithmetic with dates.
"""

from records.fhirpath.expression import Expression, compile, nodes  # noqa: A004
from records.fhirpath.node import Node

__all__ = ["Expression", "Node", "compile", "nodes"]
