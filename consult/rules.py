"""What a visit costs and how it is timed: proposals until institutions set their own."""

from datetime import timedelta

VISIT_FEE = 25_00
"""Fen, for a follow-up visit by video."""

VISIT_LASTS = timedelta(minutes=15)
"""Length of a slot."""

CHECK_IN_OPENS = timedelta(hours=1)
"""How long before its start a visit can be checked in."""

CHECK_IN_CLOSES = timedelta(hours=6)
"""How long after its end a patient who is late may still check in; the doctor decides."""

RINGS_FOR = timedelta(seconds=60)
"""How long a called patient may take to answer."""

DOCTOR_ABSENT_AFTER = timedelta(hours=2)
"""How long a patient waits over start and arrival until the service gives the visit up."""

PATIENT_ABSENT_AFTER = timedelta(hours=6)
"""How long after its end a visit that nobody checked in is given up."""

LINK_LASTS = timedelta(days=30)
"""How long the patient's link stays good after the visit."""

ENOUGH_SAMPLES = 5
"""Visits of a doctor below which a wait is not estimated."""

SAMPLES = 40
"""Most recent visits of a doctor from which a wait is estimated."""
