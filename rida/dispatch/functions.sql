-- The ledger's functions, installed by a migration. `room.py` says the same in Python; a property test compares them.
-- Times are milliseconds of the database's clock; 9000000000000000 is never.
-- plpgsql, because PostgreSQL before 18 plans a function of SQL anew at each call; generic plans, because a custom one for
-- these arrays would be made anew too, and takes ten times as long as running it.

-- Overridable for tests and simulations: SET rida.now = '...'.
CREATE OR REPLACE FUNCTION rida_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(nullif(current_setting('rida.now', true), '')::bigint,
                    (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$$;

-- Room and due moments of every budget row of these networks (source_id null: the network's own row).
-- Call it in a statement of its own AFTER the rows are locked: the snapshot of the locking statement may be older than
-- the commit of the lock's previous holder (READ COMMITTED), and would miss its permits.
CREATE OR REPLACE FUNCTION rida_room(at bigint, networks bigint[])
RETURNS TABLE (network_id bigint, source_id bigint, urgent_room int, bulk_room int, urgent_due bigint, bulk_due bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
WITH budget AS (
    SELECT b.id, b.network_id, b.source_id, b.r, b.c, b.k, b.in_hand, b.bulk_in_hand, b.volleys_open,
           b.r - b.r / 10 AS bulk_r,
           CASE WHEN b.c > 1 THEN b.c - 1 ELSE b.c END AS bulk_c,
           CASE WHEN b.pace_per_second IS NULL THEN b.v
                ELSE greatest(1, least(b.v, floor(b.pace_per_second * 30)::int)) END AS claim_size,
           greatest(b.hold_until, b.paced_until) AS rests_until
    FROM shaping_budget b
    WHERE b.network_id = ANY (networks)
), permit AS (
    -- The default frame includes peers, so permits that run out at the same moment run out together.
    SELECT b.id, v.counts_until,
           sum(v.n) OVER run AS run_out,
           sum(v.n) FILTER (WHERE NOT v.urgent) OVER run AS bulk_run_out
    FROM budget b
    JOIN dispatch_volley v ON v.network_id = b.network_id AND v.counts_until > at
                          AND (b.source_id IS NULL OR v.source_id = b.source_id)
    WINDOW run AS (PARTITION BY b.id ORDER BY v.counts_until)
), used AS (
    SELECT id, max(run_out)::int AS total, coalesce(max(bulk_run_out), 0)::int AS bulk FROM permit GROUP BY id
), free AS (
    SELECT b.*, coalesce(u.total, 0) AS total, coalesce(u.bulk, 0) AS bulk,
           CASE WHEN coalesce(u.total, 0) < b.r THEN at ELSE coalesce(
               (SELECT min(p.counts_until) FROM permit p WHERE p.id = b.id AND u.total - p.run_out < b.r),
               9000000000000000) END AS whole_free_at,
           CASE WHEN coalesce(u.bulk, 0) < b.bulk_r THEN at ELSE coalesce(
               (SELECT min(p.counts_until) FROM permit p
                WHERE p.id = b.id AND u.bulk - coalesce(p.bulk_run_out, 0) < b.bulk_r),
               9000000000000000) END AS bulk_free_at
    FROM budget b LEFT JOIN used u ON u.id = b.id
)
SELECT f.network_id, f.source_id,
       CASE WHEN f.rests_until > at OR f.volleys_open >= f.k THEN 0
            ELSE greatest(0, least(f.claim_size, f.c - f.in_hand, f.r - f.total)) END,
       CASE WHEN f.rests_until > at OR f.volleys_open >= f.k THEN 0
            ELSE greatest(0, least(f.claim_size, f.c - f.in_hand, f.r - f.total,
                                   f.bulk_c - f.bulk_in_hand, f.bulk_r - f.bulk)) END,
       CASE WHEN f.in_hand >= f.c OR f.volleys_open >= f.k THEN 9000000000000000
            ELSE greatest(at, f.rests_until, f.whole_free_at) END,
       CASE WHEN f.in_hand >= f.c OR f.volleys_open >= f.k OR f.bulk_in_hand >= f.bulk_c THEN 9000000000000000
            ELSE greatest(at, f.rests_until, f.whole_free_at, f.bulk_free_at) END
FROM free f;
END
$$;

-- What sources with an allowance may still send, whatever the network, and how many volleys they may open.
-- In a statement of its own after the allowances are locked, as above.
CREATE OR REPLACE FUNCTION rida_allowance(at bigint)
RETURNS TABLE (source_id bigint, urgent_room int, bulk_room int, volleys int)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
WITH permit AS (
    SELECT a.source_id, v.n, v.urgent, v.counts_until > at AS of_hour
    FROM shaping_allowance a
    JOIN dispatch_volley v ON v.source_id = a.source_id
     AND v.counts_until > at - CASE WHEN a.day IS NULL THEN 0 ELSE a.day_more_ms END
    WHERE a.hour IS NOT NULL OR a.day IS NOT NULL
), used AS (
    SELECT source_id, coalesce(sum(n) FILTER (WHERE of_hour), 0)::int AS hour, sum(n)::int AS day,
           coalesce(sum(n) FILTER (WHERE of_hour AND NOT urgent), 0)::int AS bulk_hour,
           coalesce(sum(n) FILTER (WHERE NOT urgent), 0)::int AS bulk_day
    FROM permit GROUP BY source_id
), room AS (
    -- least() passes over what is null: a limit that is not set.
    SELECT a.source_id, a.hold_until > at AS held,
           coalesce(least(a.hour - coalesce(u.hour, 0), a.day - coalesce(u.day, 0)), 1000000) AS whole,
           coalesce(least(a.hour - a.hour / 10 - coalesce(u.bulk_hour, 0),
                          a.day - a.day / 10 - coalesce(u.bulk_day, 0)), 1000000) AS bulk,
           CASE WHEN a.connections IS NULL THEN 1000000 ELSE
               a.connections - (SELECT count(*)::int FROM dispatch_volley v
                                WHERE v.source_id = a.source_id AND NOT v.closed) END AS volleys
    FROM shaping_allowance a LEFT JOIN used u ON u.source_id = a.source_id
)
SELECT source_id, CASE WHEN held OR volleys <= 0 THEN 0 ELSE greatest(0, whole) END,
       CASE WHEN held OR volleys <= 0 THEN 0 ELSE greatest(0, least(whole, bulk)) END, greatest(0, volleys)
FROM room;
END
$$;

-- When a claim of each network could next succeed. Only running launches are work. Work whose source has no allowance
-- left has no moment: waits_for names the source, -source for urgent mail, and whoever frees it wakes the network.
DROP FUNCTION IF EXISTS rida_next_due(bigint, bigint[]);
CREATE FUNCTION rida_next_due(at bigint, networks bigint[])
RETURNS TABLE (network_id bigint, next_due bigint, waits_for bigint[])
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
WITH room AS MATERIALIZED (SELECT * FROM rida_room(at, networks)),
spent AS MATERIALIZED (
    SELECT a.source_id, u.urgent FROM rida_allowance(at) a, (VALUES (true), (false)) AS u (urgent)
    WHERE CASE WHEN u.urgent THEN a.urgent_room ELSE a.bulk_room END = 0
), kind AS (
    SELECT n.id AS network_id, s.id AS source_id, u.urgent
    FROM unnest(networks) AS n (id), shaping_source s, (VALUES (true), (false)) AS u (urgent)
), work AS (
    -- One index probe a kind: a network may have 100,000 retries waiting, and this runs at every claim and close.
    SELECT k.*, at AS due FROM kind k
    WHERE EXISTS (SELECT FROM outbox_tranche t JOIN outbox_launch l ON l.id = t.launch_id AND l.state = 'running'
                  WHERE t.network_id = k.network_id AND t.source_id = k.source_id AND t.urgent = k.urgent
                    AND t.next_n < t.end_n)
    UNION ALL
    SELECT k.*, first.due FROM kind k CROSS JOIN LATERAL (
        SELECT y.due FROM dispatch_retry y JOIN outbox_launch l ON l.id = y.launch_id AND l.state = 'running'
        WHERE y.network_id = k.network_id AND y.source_id = k.source_id AND y.urgent = k.urgent
        ORDER BY y.due LIMIT 1) first
), open_work AS (
    SELECT w.*, s.source_id IS NOT NULL AS waits
    FROM work w LEFT JOIN spent s ON s.source_id = w.source_id AND s.urgent = w.urgent
)
SELECT n.id,
       coalesce(min(greatest(at, w.due,
           CASE WHEN w.urgent THEN whole.urgent_due ELSE whole.bulk_due END,
           CASE WHEN own.network_id IS NULL THEN 0 WHEN w.urgent THEN own.urgent_due ELSE own.bulk_due END))
           FILTER (WHERE NOT w.waits), 9000000000000000),
       coalesce(array_agg(DISTINCT CASE WHEN w.urgent THEN -w.source_id ELSE w.source_id END) FILTER (WHERE w.waits), '{}')
FROM unnest(networks) AS n (id)
JOIN room whole ON whole.network_id = n.id AND whole.source_id IS NULL
LEFT JOIN open_work w ON w.network_id = n.id
LEFT JOIN room own ON own.network_id = n.id AND own.source_id = w.source_id
GROUP BY n.id;
END
$$;
