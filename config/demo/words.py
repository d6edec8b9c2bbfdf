"""Names, places, tastes and records: small lists, from which people are invented. None of them is about a real person."""

from typing import NamedTuple

FEMALE_NAMES = (
    *("Adèle", "Agathe", "Alice", "Amélie", "Anaïs", "Aurore", "Brigitte", "Camille", "Céline"),
    *("Chloé", "Claire", "Élise", "Emma", "Fatou", "Hélène", "Inès", "Jeanne", "Juliette"),
    *("Léa", "Louise", "Manon", "Margaux", "Marion", "Mathilde", "Nadia", "Nathalie", "Océane"),
    *("Pauline", "Rania", "Sarah", "Solène", "Sophie", "Sylvie", "Thaïs", "Valérie", "Yasmine"),
)
MALE_NAMES = (
    *("Adrien", "Alexandre", "Antoine", "Arthur", "Bastien", "Benoît", "Bruno", "Cédric"),
    *("Clément", "Damien", "Didier", "Étienne", "Fabien", "François", "Gabriel", "Hugo"),
    *("Idriss", "Jules", "Karim", "Laurent", "Léo", "Louis", "Lucas", "Mathieu", "Mehdi"),
    *("Nicolas", "Olivier", "Pascal", "Paul", "Quentin", "Raphaël", "Rémi", "Samuel", "Théo"),
    *("Thierry", "Vincent"),
)
LAST_NAMES = (
    *("Aubert", "Barbier", "Benali", "Bernard", "Bertin", "Blanchard", "Bonnet", "Boucher"),
    *("Brunet", "Carpentier", "Chevalier", "Colin", "Delmas", "Deschamps", "Diallo", "Dubois"),
    *("Dufour", "Dumont", "Fabre", "Faure", "Fontaine", "Fournier", "Gaillard", "Garnier"),
    *("Gauthier", "Girard", "Guérin", "Haddad", "Hamel", "Jacquet", "Joly", "Lacroix"),
    *("Lambert", "Leclerc", "Lefèvre", "Legrand", "Lemaire", "Marchand", "Masson", "Mercier"),
    *("Meunier", "Morel", "Nguyen", "Noël", "Olivier", "Perrin", "Picard", "Poirier"),
    *("Renard", "Renaud", "Rivière", "Rousseau", "Roy", "Schmitt", "Tessier", "Traoré"),
    *("Vasseur", "Vidal", "Weber"),
)


def _weighted(text: str) -> dict[str, int]:
    """`Paris 2100, Lyon 520` → how often each is drawn, in proportion."""
    pairs = (entry.rsplit(maxsplit=1) for entry in text.split(","))
    return {name.strip(): int(weight) for name, weight in pairs}


# About thousands of inhabitants.
CITIES = _weighted(
    "Paris 2100, Marseille 870, Lyon 520, Toulouse 500, Nice 350, Nantes 320, Montpellier 300, Strasbourg 290,"
    "Bordeaux 260, Lille 235, Rennes 220, Reims 180, Saint-Étienne 175, Toulon 180, Grenoble 157,"
    "Villeurbanne 160, Dijon 160, Angers 155, Le Havre 165, Clermont-Ferrand 147, Brest 140, Vénissieux 66,"
    "Caluire-et-Cuire 43, Bron 43, Annecy 130, Besançon 118"
)
INTERESTS = _weighted(
    "cinema 30, cooking 26, reading 26, hiking 22, jazz 18, tennis 17, football 16, photography 14, yoga 13,"
    "cycling 12, gardening 12, opera 8"
)
LOCALES = _weighted("fr-FR 88, en-GB 6, de-DE 3, es-ES 3")
# Numbers that the regulator keeps free for films and books in France (ARCEP).
FICTIONAL_NUMBERS = ("+3363998", "+3319900", "+3326191", "+3335301", "+3346571", "+3353649")
COUNTER_NUMBER = "+33199000001"
MAIL_DOMAINS = ("example.org", "example.net")


class Device(NamedTuple):
    """A kind of device, as a browser describes it."""

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
RECORD_MOODS = ("Blue", "Golden", "Hidden", "Late", "Northern", "Paper", "Quiet", "Silver")
RECORD_THINGS = ("Gardens", "Harbour", "Letters", "Mornings", "Rivers", "Rooms", "Trains")
TIERS = {3: "silver", 6: "gold", 12: "platinum"}
