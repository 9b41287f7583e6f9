"""R4 out of the package: it carries a few elements, types and a narrower type that R4 has not."""

from typing import Any

Json = dict[str, Any]
STUDY = """associatedParty classifier comparisonGroup descriptionSummary label name outcomeMeasure
progressStatus recruitment region result studyDesign whyStopped"""
NOT_R4 = frozenset(
    ["Meta.account", "Meta.accounts", "Meta.author", "Meta.compartment", "Meta.deleted"]
    + ["Meta.onBehalfOf", "Meta.project", "Binary.url", "HealthcareService.offeredIn"]
    + ["DeviceDefinition.bodySite", "DeviceDefinition.classification"]
    + ["ObservationDefinition.publisher"]
    + [f"ResearchStudy.{name}" for name in STUDY.split()]
)
NO_TYPES = frozenset({"SubscriptionStatus", "SubscriptionTopic"})
TYPES = {"Bundle.entry.response.outcome": [{"code": "Resource"}]}


def elements(definition: Json) -> list[Json]:
    """The elements that R4 has of a StructureDefinition, none for a type that it has not."""
    if definition["type"] in NO_TYPES:
        return []
    return [
        element | {"type": TYPES[path]} if (path := element["path"]) in TYPES else element
        for element in definition["snapshot"]["element"]
        if not _foreign(element["path"])
    ]


def _foreign(path: str) -> bool:
    """True for what R4 has not, and everything within it."""
    return ".".join(path.split(".")[:2]) in NOT_R4
