"""What holds for all tests: none writes to the folders of the user who runs them."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def state_of_tests(tmp_path_factory):
    """What is remembered of runs (`experiments.recipes`) goes to a folder of this session, in its processes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SADAR_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_posterior():
    """One set of numbers for behavior, whatever is shipped: as fast as can be, and digits that a new calibration does not move."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SADAR_POSTERIOR", "none")
        yield


@pytest.fixture(scope="session", autouse=True)
def in_english():
    """Tests read English, whatever language the user who runs them has chosen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SADAR_LANG", raising=False)
        yield
