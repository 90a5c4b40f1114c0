"""Property tests: no deadline, since a busy machine is no failure, and as many examples as a short run allows."""

from hypothesis import settings

settings.register_profile("sglaunch", deadline=None, max_examples=60)
settings.load_profile("sglaunch")
