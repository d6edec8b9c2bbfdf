"""Names, places, interests and records from which people are invented.

Invariant: nothing here is about a real person.
"""

from typing import NamedTuple


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE_NAMES = _names("""
    Adèle Agathe Alice Amélie Anaïs Aurore
    Brigitte
    Camille Céline Chloé Claire
    Élise Emma
    Fatou
    Hélène
    Inès
    Jeanne Juliette
    Léa Louise
    Manon Margaux Marion Mathilde
    Nadia Nathalie
    Océane
    Pauline
    Rania
    Sarah Solène Sophie Sylvie
    Thaïs
    Valérie
    Yasmine
""")
MALE_NAMES = _names("""
    Adrien Alexandre Antoine Arthur
    Bastien Benoît Bruno
    Cédric Clément
    Damien Didier
    Étienne
    Fabien François
    Gabriel
    Hugo
    Idriss
    Jules
    Karim
    Laurent Léo Louis Lucas
    Mathieu Mehdi
    Nicolas
    Olivier
    Pascal Paul
    Quentin
    Raphaël Rémi
    Samuel
    Théo Thierry
    Vincent
""")
LAST_NAMES = _names("""
    Aubert
    Barbier Benali Bernard Bertin Blanchard Bonnet Boucher Brunet
    Carpentier Chevalier Colin
    Delmas Deschamps Diallo Dubois Dufour Dumont
    Fabre Faure Fontaine Fournier
    Gaillard Garnier Gauthier Girard Guérin
    Haddad Hamel
    Jacquet Joly
    Lacroix Lambert Leclerc Lefèvre Legrand Lemaire
    Marchand Masson Mercier Meunier Morel
    Nguyen Noël
    Olivier
    Perrin Picard Poirier
    Renard Renaud Rivière Rousseau Roy
    Schmitt
    Tessier Traoré
    Vasseur Vidal
    Weber
""")

# The weights are about thousands of inhabitants.
CITIES = {
    "Paris": 2100,
    "Marseille": 870,
    "Lyon": 520,
    "Toulouse": 500,
    "Nice": 350,
    "Nantes": 320,
    "Montpellier": 300,
    "Strasbourg": 290,
    "Bordeaux": 260,
    "Lille": 235,
    "Rennes": 220,
    "Reims": 180,
    "Saint-Étienne": 175,
    "Toulon": 180,
    "Grenoble": 157,
    "Villeurbanne": 160,
    "Dijon": 160,
    "Angers": 155,
    "Le Havre": 165,
    "Clermont-Ferrand": 147,
    "Brest": 140,
    "Vénissieux": 66,
    "Caluire-et-Cuire": 43,
    "Bron": 43,
    "Annecy": 130,
    "Besançon": 118,
}
# The weights of interests and locales are only relative to each other.
INTERESTS = {
    "cinema": 30,
    "cooking": 26,
    "reading": 26,
    "hiking": 22,
    "jazz": 18,
    "tennis": 17,
    "football": 16,
    "photography": 14,
    "yoga": 13,
    "cycling": 12,
    "gardening": 12,
    "opera": 8,
}
LOCALES = {"fr-FR": 88, "en-GB": 6, "de-DE": 3, "es-ES": 3}

# Prefixes that the French regulator (ARCEP) reserves for films and books, so that no invented
# number is anybody's.
FICTIONAL_NUMBERS = ("+3363998", "+3319900", "+3326191", "+3335301", "+3346571", "+3353649")
# The number of the shop's counter, which some customers give as their own.
COUNTER_NUMBER = "+33199000001"
# Reserved by RFC 2606, so that no invented address is anybody's.
MAIL_DOMAINS = ("example.org", "example.net")


class Device(NamedTuple):
    """A kind of device, as a browser describes it, and how often it occurs."""

    type: str
    platform: str
    browser: str
    weight: int


DEVICES = (
    Device("mobile", "Android", "Chrome", 30),
    Device("mobile", "iOS", "Safari", 24),
    Device("desktop", "Windows", "Chrome", 20),
    Device("desktop", "Windows", "Edge", 9),
    Device("desktop", "macOS", "Safari", 8),
    Device("tablet", "iPadOS", "Safari", 5),
    Device("desktop", "Linux", "Firefox", 4),
)
CATEGORIES = ("Chanson", "Classical", "Electronic", "Jazz", "Pop", "Rock", "Soul", "World")
# The title of a record is an adjective and a noun: "Blue Gardens".
RECORD_ADJECTIVES = ("Blue", "Golden", "Hidden", "Late", "Northern", "Paper", "Quiet", "Silver")
RECORD_NOUNS = ("Gardens", "Harbour", "Letters", "Mornings", "Rivers", "Rooms", "Trains")
# The tiers of the loyalty card, by the number of purchases that reach them.
TIERS = {3: "silver", 6: "gold", 12: "platinum"}
