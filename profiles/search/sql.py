"""People by parts of what names or reaches them."""

# The text that is searched is the expression of the index `profile_search` (migration 0015): names,
# e-mail address and telephone number, in lower case. Return profiles in which every pattern occurs,
# of which the index looks for the longest; and those with a word that is nearly the same. Not ORM:
# the expression must be that of the index.
WITH_PARTS = """
SELECT p.id FROM profiles_profile p
WHERE NOT p.is_restricted AND lower(
    coalesce(p.traits ->> 'first_name', p.traits ->> 'firstName', '') || ' ' ||
    coalesce(p.traits ->> 'last_name', p.traits ->> 'lastName', '') || ' ' ||
    coalesce(p.traits ->> 'name', '') || ' ' || coalesce(p.traits ->> 'email', '') || ' ' ||
    coalesce(p.traits ->> 'phone', '')) LIKE %(longest)s
    AND lower(
        coalesce(p.traits ->> 'first_name', p.traits ->> 'firstName', '') || ' ' ||
        coalesce(p.traits ->> 'last_name', p.traits ->> 'lastName', '') || ' ' ||
        coalesce(p.traits ->> 'name', '') || ' ' || coalesce(p.traits ->> 'email', '') || ' ' ||
        coalesce(p.traits ->> 'phone', '')) LIKE ALL (%(others)s::text[])
LIMIT %(most)s
"""
WITH_WORDS_LIKE = """
SELECT p.id FROM profiles_profile p
WHERE NOT p.is_restricted AND lower(
    coalesce(p.traits ->> 'first_name', p.traits ->> 'firstName', '') || ' ' ||
    coalesce(p.traits ->> 'last_name', p.traits ->> 'lastName', '') || ' ' ||
    coalesce(p.traits ->> 'name', '') || ' ' || coalesce(p.traits ->> 'email', '') || ' ' ||
    coalesce(p.traits ->> 'phone', '')) OPERATOR(%%>) %(text)s
ORDER BY word_similarity(%(text)s, lower(
    coalesce(p.traits ->> 'first_name', p.traits ->> 'firstName', '') || ' ' ||
    coalesce(p.traits ->> 'last_name', p.traits ->> 'lastName', '') || ' ' ||
    coalesce(p.traits ->> 'name', ''))) DESC, p.id
LIMIT %(most)s
"""

# How like a word must be that is misspelt; 0.6 by default, at which one wrong letter of six is too
# much.
ALLOW_TYPOS = "SET LOCAL pg_trgm.word_similarity_threshold = 0.45"
