"""The cast of the referrals' tests."""

import pytest

from referrals.exchange import identity
from tests.fakes.partner.running import RunningHospital
from tests.referrals import make


@pytest.fixture
def key(settings, tmp_path):
    """Our signing key, in a file of this test."""
    settings.EXCHANGE_KEY_FILE = str(tmp_path / "exchange_key.pem")
    return identity.key_file()


@pytest.fixture
def hospital(key):
    """A partner hospital that listens, knows our key and cannot reach us."""
    with RunningHospital("http://127.0.0.1:9", home_jwks=identity.public_jwks()) as running:
        yield running


@pytest.fixture
def world(db, hospital):
    """A health centre, a doctor, a patient with a record, and the hospital as a partner."""
    make.world(hospital.fhir_base)
    return hospital


@pytest.fixture
def centre(db):
    """The same without a hospital that listens."""
    make.world()
