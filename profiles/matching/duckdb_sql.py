"""Statements on the people to compare as DuckDB has them, in memory and for one run.

They are DuckDB's own dialect and touch no table of the store.
"""

# Nothing of people is ever written to a disk: what does not fit into memory fails.
PREPARE = """
SET temp_directory = '';
CREATE TABLE stated (profile BIGINT, field VARCHAR, value VARCHAR);
CREATE MACRO similarity(a, b) AS CASE
    WHEN len(a) = 1 AND len(b) = 1 THEN jaro_winkler_similarity(a[1], b[1])
    ELSE list_max(flatten(list_transform(a,
        lambda x: list_transform(b, lambda y: jaro_winkler_similarity(x, y)))))
END;
CREATE MACRO edits(a, b) AS CASE
    WHEN len(a) = 1 AND len(b) = 1 THEN damerau_levenshtein(a[1], b[1])
    ELSE list_min(flatten(list_transform(a,
        lambda x: list_transform(b, lambda y: damerau_levenshtein(x, y)))))
END;
CREATE MACRO mail_names(a) AS list_transform(a, lambda x: split_part(x, '@', 1));
"""

STORE_VALUES = "INSERT INTO stated SELECT profile, field, value FROM batch"

# One row a person: a list of all values by field, and the first of each, by which the model is
# trained. Of more than twenty values of a field only twenty are compared. Values are told apart in
# the lists: a DISTINCT in each aggregate takes four times as long.
MAKE_PEOPLE = """
CREATE TABLE person AS
WITH listed AS (
    SELECT profile,
        list(value) FILTER (field = 'given_name') AS given_name,
        list(value) FILTER (field = 'surname') AS surname,
        list(value) FILTER (field = 'birth_date') AS birth_date,
        list(value) FILTER (field = 'email') AS email,
        list(value) FILTER (field = 'phone') AS phone,
        list(value) FILTER (field = 'street') AS street,
        list(value) FILTER (field = 'postcode') AS postcode,
        list(value) FILTER (field = 'city') AS city,
        list(value) FILTER (field = 'national_id') AS national_id
    FROM stated GROUP BY profile
)
SELECT profile AS unique_id,
    list_sort(list_distinct(given_name))[:20] AS given_name,
    list_sort(list_distinct(surname))[:20] AS surname,
    list_sort(list_distinct(birth_date))[:20] AS birth_date,
    list_sort(list_distinct(email))[:20] AS email,
    list_sort(list_distinct(phone))[:20] AS phone,
    list_sort(list_distinct(street))[:20] AS street,
    list_sort(list_distinct(postcode))[:20] AS postcode,
    list_sort(list_distinct(city))[:20] AS city,
    list_sort(list_distinct(national_id))[:20] AS national_id,
    (given_name IS NOT NULL)::INT + (surname IS NOT NULL)::INT + (birth_date IS NOT NULL)::INT
    + (email IS NOT NULL)::INT + (phone IS NOT NULL)::INT + (street IS NOT NULL)::INT
    + (postcode IS NOT NULL)::INT + (city IS NOT NULL)::INT + (national_id IS NOT NULL)::INT
    AS fields
FROM listed ORDER BY profile
"""

# The values by which candidates are found, also shortened ones, as typing errors leave them alike.
MAKE_BLOCK_VALUES = """
CREATE TABLE block_value AS
WITH kept AS (
    SELECT unique_id, unnest(given_name) AS value, 'given_name' AS field FROM person
    UNION ALL SELECT unique_id, unnest(surname), 'surname' FROM person
    UNION ALL SELECT unique_id, unnest(birth_date), 'birth_date' FROM person
    UNION ALL SELECT unique_id, unnest(email), 'email' FROM person
    UNION ALL SELECT unique_id, unnest(phone), 'phone' FROM person
    UNION ALL SELECT unique_id, unnest(street), 'street' FROM person
    UNION ALL SELECT unique_id, unnest(postcode), 'postcode' FROM person
    UNION ALL SELECT unique_id, unnest(city), 'city' FROM person
    UNION ALL SELECT unique_id, unnest(national_id), 'national_id' FROM person
)
SELECT unique_id, field, value FROM kept
UNION ALL SELECT unique_id, field || '_start', value[:3] FROM kept
    WHERE field IN ('given_name', 'surname', 'street')
UNION ALL SELECT unique_id, 'birth_year', value[:4] FROM kept WHERE field = 'birth_date'
UNION ALL SELECT unique_id, 'email_name', split_part(value, '@', 1) FROM kept WHERE field = 'email'
UNION ALL SELECT unique_id, 'any', '' FROM person
"""

# Two people are compared if they agree on both parts of one of these.
MAKE_BLOCK_RULES = """
CREATE TABLE block_rule AS SELECT * FROM (VALUES
    ('national_id', 'any'), ('phone', 'any'), ('email', 'any'), ('email_name', 'surname'),
    ('email_name', 'given_name'), ('email_name', 'birth_date'), ('email_name', 'city'),
    ('surname', 'given_name'), ('surname', 'birth_date'), ('surname', 'postcode'),
    ('surname', 'street'), ('surname', 'city'), ('given_name', 'birth_date'),
    ('given_name', 'postcode'), ('given_name', 'street'), ('given_name', 'city'),
    ('birth_date', 'postcode'), ('birth_date', 'city'), ('birth_date', 'street'),
    ('birth_date', 'surname_start'), ('birth_date', 'given_name_start'), ('street', 'postcode'),
    ('street', 'city'), ('surname', 'street_start'), ('given_name', 'street_start'),
    ('surname', 'birth_year'), ('given_name', 'birth_year')
) AS rule (one, other)
"""

# Gives everybody the keys of their blocks. What more than %s people share tells nobody apart, and
# comparing all of them with each other would never end.
MAKE_KEYED = """
CREATE TABLE keyed AS
WITH block_key AS (
    SELECT DISTINCT a.unique_id, hash(r.one, r.other, a.value, b.value) AS key
    FROM block_rule r
    JOIN block_value a ON a.field = r.one AND (a.value <> '' OR a.field = 'any')
    JOIN block_value b ON b.unique_id = a.unique_id AND b.field = r.other
), shared AS (
    SELECT key FROM block_key GROUP BY key HAVING count(*) BETWEEN 2 AND 200
)
SELECT unique_id, list(key) AS keys FROM block_key SEMI JOIN shared USING (key) GROUP BY unique_id
"""

MAKE_COMPARED = """
CREATE TABLE compared AS
SELECT p.*, k.keys,
    given_name[1] AS given_name_first, surname[1] AS surname_first,
    birth_date[1] AS birth_date_first, email[1] AS email_first, phone[1] AS phone_first,
    street[1] AS street_first, postcode[1] AS postcode_first, city[1] AS city_first,
    national_id[1] AS national_id_first
FROM person p LEFT JOIN keyed k USING (unique_id) WHERE p.fields >= 2
"""

# Returns how many people have a value of each field, and how many people there are.
FILLED = """
SELECT count(*), count(given_name), count(surname), count(birth_date), count(email),
    count(phone), count(street), count(postcode), count(city), count(national_id)
FROM compared
"""

# Returns the number of pairs that agree in what hardly two people share.
CERTAIN_PAIRS = """
SELECT count(*) FROM (
    SELECT l.unique_id, r.unique_id FROM compared l JOIN compared r
        ON l.given_name_first = r.given_name_first AND l.surname_first = r.surname_first
        AND l.birth_date_first = r.birth_date_first AND l.unique_id < r.unique_id
    UNION SELECT l.unique_id, r.unique_id FROM compared l JOIN compared r
        ON l.given_name_first = r.given_name_first AND l.surname_first = r.surname_first
        AND l.street_first = r.street_first AND l.unique_id < r.unique_id
    UNION SELECT l.unique_id, r.unique_id FROM compared l JOIN compared r
        ON l.national_id_first = r.national_id_first AND l.surname_first = r.surname_first
        AND l.unique_id < r.unique_id
)
"""

# The same as rules of Splink.
CERTAIN_RULES = (
    "l.given_name_first = r.given_name_first AND l.surname_first = r.surname_first "
    "AND l.birth_date_first = r.birth_date_first",
    "l.given_name_first = r.given_name_first AND l.surname_first = r.surname_first "
    "AND l.street_first = r.street_first",
    "l.national_id_first = r.national_id_first AND l.surname_first = r.surname_first",
)

# Part those who changed from those who did not.
MAKE_CHANGED = """
CREATE TABLE changed AS SELECT c.* FROM compared c SEMI JOIN changed_id i USING (unique_id)
"""
MAKE_UNCHANGED = """
CREATE TABLE unchanged AS SELECT c.* FROM compared c ANTI JOIN changed_id i USING (unique_id)
"""
