"""Who is who, in the database: loads what the identity engine needs, folds it over new facts, writes what came of it.

Invariant: the caller holds the people lock, and whatever is written equals what a replay of the facts from nothing gives.
"""

from profiles.services.identity.judging import judge
from profiles.services.identity.presuming import presume
from profiles.services.identity.rules import load_rules
from profiles.services.identity.sightings import Judgement, Landing, Sighting

__all__ = ["Judgement", "Landing", "Sighting", "judge", "load_rules", "presume"]
