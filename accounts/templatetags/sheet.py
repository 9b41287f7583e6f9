"""Form fields as the parts of the look: class, and the ties between a field and its error."""

from typing import Any

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def control(field: BoundField, **attributes: Any) -> SafeString:
    """The input of ``field``, with class ``input`` and its error named for screen readers."""
    attributes = {name.replace("_", "-"): value for name, value in attributes.items()}
    attributes.setdefault("class", "input")
    if field.errors:
        attributes |= {"aria-invalid": "true", "aria-describedby": f"{field.id_for_label}-error"}
    return field.as_widget(attrs={"placeholder": "", **attributes})
