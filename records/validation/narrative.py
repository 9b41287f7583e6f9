"""Narrative: a small part of XHTML, nothing that acts (FHIR R4, narrative.html, txt-1)."""

import re
from html.entities import name2codepoint
from xml.etree import ElementTree as Tree

XHTML = "{http://www.w3.org/1999/xhtml}"
TAGS = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "b",
        "big",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "center",
        "font",
    ]
)
ATTRIBUTES = frozenset(
    [
        "abbr",
        "accesskey",
        "align",
        "alt",
        "axis",
        "bgcolor",
        "border",
        "cellhalign",
        "cellpadding",
        "cellspacing",
        "cellvalign",
        "char",
        "charoff",
        "cite",
        "class",
        "color",
        "cols",
        "colspan",
        "compact",
        "coords",
        "dir",
        "face",
        "frame",
        "headers",
        "height",
        "href",
        "hspace",
        "id",
        "label",
        "lang",
        "longdesc",
        "name",
        "nowrap",
        "rel",
        "rev",
        "rowspan",
        "rows",
        "rules",
        "scope",
        "shape",
        "size",
        "span",
        "src",
        "start",
        "style",
        "summary",
        "tabindex",
        "title",
        "type",
        "valign",
        "value",
        "vspace",
        "width",
        "{http://www.w3.org/XML/1998/namespace}lang",
    ]
)
ADDRESSES = frozenset({"href", "src", "cite", "longdesc"})
ACTS = re.compile(r"^\s*(javascript|vbscript|data:text)", re.IGNORECASE)
ENTITY = re.compile(r"&(\w+);")
XML_OWN = frozenset({"amp", "lt", "gt", "quot", "apos"})


def narrative_fault(text: str) -> str:
    """What is wrong with the ``div`` of a narrative, empty when nothing is."""
    if "<!" in text.replace("<!--", "") or "<?" in text:
        return "holds a declaration"
    try:
        root = Tree.fromstring(ENTITY.sub(_character, text))  # noqa: S314  no declarations, no entities
    except Tree.ParseError:
        return "is not well-formed XHTML"
    if root.tag != XHTML + "div":
        return "must be a div of XHTML"
    if not any(part.strip() for part in root.itertext()) and not _shows(root):
        return "must say something (txt-2)"
    return next((fault for element in root.iter() if (fault := _fault(element))), "")


def _shows(root: "Tree.Element[str]") -> bool:
    """A picture says something without words; the white space of ``pre`` counts as content."""
    return any(root.find(f".//{XHTML}{tag}") is not None for tag in ("img", "pre"))


def _character(entity: re.Match[str]) -> str:
    name = entity[1]
    if name in XML_OWN or name not in name2codepoint:
        return entity[0]
    return chr(name2codepoint[name])


def _fault(element: "Tree.Element[str]") -> str:
    tag = element.tag.removeprefix(XHTML)
    if tag not in TAGS:
        return "holds an element that narrative may not hold (txt-1)"
    for name, value in element.attrib.items():
        if name not in ATTRIBUTES or (name in ADDRESSES and ACTS.match(value)):
            return "holds an attribute that narrative may not hold (txt-1)"
    return ""
