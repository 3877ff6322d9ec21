"""What every test may ask for: `r`, a client of a fresh server in this process."""

import pytest

from tests.session import R


@pytest.fixture
def r():
    return R()
