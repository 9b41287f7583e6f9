"""The people of the demo on the sign-in page."""

from django import template

from accounts import demo

register = template.Library()


@register.simple_tag
def demo_people() -> demo.People:
    """Staff and patients whom the demo lets in by one click; nobody outside the demo."""
    return demo.people()
