"""Set-based statements on products in events."""

# Returns the pairs of products that orders had together, with the orders of both, of each, and of
# all, the most telling first. SQL, because it unnests documents. A basket is one event: no event is
# joined with another, so that each machine of a cluster counts its own.
PAIRS = """
WITH basket AS MATERIALIZED (
    SELECT e.id, array_agg(DISTINCT p.number) AS numbers
    FROM profiles_event e
    CROSS JOIN LATERAL (
        SELECT coalesce(nullif(element ->> 'product_id', ''), element ->> 'sku') AS number
        FROM jsonb_array_elements(
            CASE jsonb_typeof(e.properties -> 'products') WHEN 'array'
            THEN e.properties -> 'products' ELSE '[]'::jsonb END
        ) AS element
        WHERE jsonb_typeof(element) = 'object'
        LIMIT %(most)s
    ) AS p
    WHERE e.name_id = %(name)s AND e."timestamp" >= %(since)s AND e."timestamp" <= %(now)s
        AND p.number <> ''
    GROUP BY e.profile_id, e."timestamp", e.id
), product AS MATERIALIZED (
    SELECT number, count(*) AS orders FROM basket, unnest(numbers) AS number GROUP BY number
), pair AS (
    SELECT one, other, count(*) AS orders
    FROM basket, unnest(numbers) AS one, unnest(numbers) AS other
    WHERE one COLLATE "C" < other COLLATE "C"
        AND (%(number)s::text IS NULL OR %(number)s IN (one, other))
    GROUP BY one, other HAVING count(*) >= %(least)s
)
SELECT pair.one, pair.other, pair.orders, a.orders, b.orders, (SELECT count(*) FROM basket)
FROM pair JOIN product a ON a.number = pair.one JOIN product b ON b.number = pair.other
ORDER BY pair.orders::numeric / (a.orders * b.orders) DESC, pair.orders DESC,
    pair.one COLLATE "C", pair.other COLLATE "C"
LIMIT %(limit)s
"""
