"""The words that a patient agrees to; Consent keeps the wording and its version."""

from django.utils.translation import gettext as _

VERSION = "2026-11"


def points() -> list[str]:
    """The consent to a visit by video, in the viewer's language, one sentence group a point."""
    return [
        _("The doctor sees and hears you by video. Some things cannot be examined this way."),
        _(
            "Video visits are for follow-up of an illness that was diagnosed in person before. "
            "The doctor may end the visit and ask you to come in person; then you pay nothing."
        ),
        _("No narcotic or psychotropic medicines are prescribed by video."),
        _("The visit is written into your health record. It is not recorded as a film."),
        _("A child under six needs a guardian beside it."),
        _("In an emergency call 120. Do not wait here."),
    ]


def video_visit() -> tuple[str, str]:
    """The full text as shown, and its version."""
    return "\n".join(points()), VERSION
