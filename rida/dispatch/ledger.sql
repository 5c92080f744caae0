-- The delivery ledger: the statements that keep the promise. Read docs/ledger.md beside it.
-- No table of permission is named here: `ledger.py` asks that stage between `pick` and `open` and in every record.
-- Each statement runs on its own (READ COMMITTED); several make one transaction in `ledger.py`, in the order given there.
-- Lock order: permission's own, network budgets, source budgets, volleys, allowances; several of a kind always by id.

-- name: now
SELECT rida_now()

-- name: lock_due
-- Due networks of one shard. SKIP LOCKED: another node at work on a network is not waited for.
SELECT network_id FROM shaping_budget
WHERE shard = %(shard)s AND source_id IS NULL AND next_due <= rida_now()
ORDER BY next_due, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: lock_networks
SELECT id FROM shaping_budget WHERE network_id = ANY (%(networks)s) AND source_id IS NULL ORDER BY id FOR UPDATE

-- name: lock_sources
SELECT id FROM shaping_budget WHERE network_id = ANY (%(networks)s) AND source_id IS NOT NULL ORDER BY id FOR UPDATE

-- name: held_by_source
-- What the row of a source must start with when it is made while volleys of that source are open.
SELECT coalesce(sum(cardinality(ns)), 0)::int, coalesce(sum(cardinality(ns)) FILTER (WHERE NOT urgent), 0)::int,
       count(*)::int
FROM dispatch_volley WHERE network_id = %(network)s AND source_id = %(source)s AND NOT closed

-- name: lock_allowances
-- Of the sources that have mail for these networks; `only_source` where the connection names it. One that limits nothing
-- need not be locked, and claims of many networks go on side by side.
SELECT a.id FROM shaping_allowance a
WHERE (a.hour IS NOT NULL OR a.day IS NOT NULL OR a.connections IS NOT NULL) AND CASE WHEN %(only_source)s::bigint IS NOT NULL THEN a.source_id = %(only_source)s ELSE
    EXISTS (SELECT FROM outbox_tranche c WHERE c.network_id = ANY (%(networks)s) AND c.source_id = a.source_id
            AND c.next_n < c.end_n)
    OR EXISTS (SELECT FROM dispatch_retry y WHERE y.network_id = ANY (%(networks)s) AND y.source_id = a.source_id) END
ORDER BY a.id FOR UPDATE

-- name: lock_next
-- Another network that may have mail for a connection to a relay. SKIP LOCKED: we hold the lock of the network before,
-- and must wait for nobody.
SELECT b.network_id FROM shaping_budget b
WHERE b.source_id IS NULL AND b.network_id <> %(network)s
  AND b.shard = (SELECT shard FROM shaping_budget WHERE network_id = %(network)s AND source_id IS NULL)
  AND (b.next_due <= rida_now() OR (b.waits_since < 9000000000000000
                                    AND b.waits_for && ARRAY[%(source)s::bigint, -%(source)s::bigint]))
  AND (EXISTS (SELECT FROM outbox_tranche c WHERE c.network_id = b.network_id AND c.source_id = %(source)s
               AND c.next_n < c.end_n)
       OR EXISTS (SELECT FROM dispatch_retry y WHERE y.network_id = b.network_id AND y.source_id = %(source)s
                  AND y.due <= rida_now()))
ORDER BY least(b.next_due, b.waits_since), b.id LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: wake_waiting
-- Networks that slept because a source had nothing left: as many as it could now serve, the longest waiting first.
UPDATE shaping_budget SET next_due = least(next_due, rida_now()), waits_for = '{}', waits_since = 9000000000000000
WHERE id IN (
    SELECT w.id FROM rida_allowance(rida_now()) a
    CROSS JOIN LATERAL (VALUES (-a.source_id, a.urgent_room), (a.source_id, a.bulk_room)) AS kind (mark, room)
    CROSS JOIN LATERAL (
        SELECT b.id FROM shaping_budget b
        WHERE b.waits_since < 9000000000000000 AND b.waits_for @> ARRAY[kind.mark]
        ORDER BY b.waits_since LIMIT least(kind.room, a.volleys) FOR UPDATE SKIP LOCKED) w
    WHERE kind.room > 0 AND (%(source)s::bigint IS NULL OR a.source_id = %(source)s))

-- name: pick
-- For each locked network: what goes first (urgent before bulk, retries before new mail), then up to its room of the
-- same workspace, site and source. `only_site` and `only_source` narrow an exchange to the connection that is open.
WITH t AS MATERIALIZED (SELECT rida_now() AS now),
room AS MATERIALIZED (SELECT r.* FROM t, rida_room(t.now, %(networks)s) r),
allowance AS MATERIALIZED (SELECT a.* FROM t, rida_allowance(t.now) a),
open_way AS MATERIALIZED (
    -- least() passes over what is null: a source without limits of its own.
    SELECT whole.network_id, s.id AS source_id,
           least(whole.urgent_room, own.urgent_room, a.urgent_room) AS urgent_room,
           least(whole.bulk_room, own.bulk_room, a.bulk_room) AS bulk_room
    FROM room whole
    CROSS JOIN shaping_source s
    LEFT JOIN room own ON own.network_id = whole.network_id AND own.source_id = s.id
    LEFT JOIN allowance a ON a.source_id = s.id
    WHERE whole.source_id IS NULL
), wish AS MATERIALIZED (
    SELECT DISTINCT ON (w.network_id) w.network_id, w.source_id, u.urgent, first.workspace_id, first.site_id,
           CASE WHEN u.urgent THEN w.urgent_room ELSE w.bulk_room END AS room
    FROM open_way w
    CROSS JOIN (VALUES (true), (false)) AS u (urgent)
    CROSS JOIN t
    CROSS JOIN LATERAL (
        (SELECT 1 AS turn, y.due AS waiting_since, 0 AS priority, y.workspace_id, y.site_id
         FROM dispatch_retry y JOIN outbox_launch l ON l.id = y.launch_id AND l.state = 'running'
         WHERE y.network_id = w.network_id AND y.source_id = w.source_id AND y.urgent = u.urgent AND y.due <= t.now
           AND (%(only_site)s::bigint IS NULL OR y.site_id = %(only_site)s)
         ORDER BY y.due LIMIT 1)
        UNION ALL
        (SELECT 2, c.served_at, c.priority, c.workspace_id, c.site_id
         FROM outbox_tranche c JOIN outbox_launch l ON l.id = c.launch_id AND l.state = 'running'
         WHERE c.network_id = w.network_id AND c.source_id = w.source_id AND c.urgent = u.urgent AND c.next_n < c.end_n
           AND (%(only_site)s::bigint IS NULL OR c.site_id = %(only_site)s)
         ORDER BY c.priority, c.served_at, c.id LIMIT 1)
    ) first
    WHERE CASE WHEN u.urgent THEN w.urgent_room ELSE w.bulk_room END > 0
      AND (%(only_source)s::bigint IS NULL OR w.source_id = %(only_source)s)
    ORDER BY w.network_id, u.urgent DESC, first.turn, first.priority, first.waiting_since
), lead AS MATERIALIZED (
    -- Networks of one claim share a source's allowance: each takes what those before it leave.
    SELECT w.network_id, w.source_id, w.urgent, w.workspace_id, w.site_id,
           least(w.room, a.urgent_room - w.taken, CASE WHEN NOT w.urgent THEN a.bulk_room - w.bulk_taken END)::int AS room
    FROM (SELECT wish.*, count(*) OVER before AS volleys, coalesce(sum(room) OVER before, 0) AS taken,
                 coalesce(sum(room) FILTER (WHERE NOT urgent) OVER before, 0) AS bulk_taken
          FROM wish
          WINDOW before AS (PARTITION BY source_id ORDER BY urgent DESC, network_id
                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) w
    LEFT JOIN allowance a ON a.source_id = w.source_id
    WHERE a.source_id IS NULL
       OR (w.volleys < a.volleys AND w.taken < a.urgent_room AND (w.urgent OR w.bulk_taken < a.bulk_room))
), again AS (
    DELETE FROM dispatch_retry y USING (
        SELECT p.tranche_id, p.n
        FROM lead CROSS JOIN t CROSS JOIN LATERAL (
            SELECT y.tranche_id, y.n
            FROM dispatch_retry y JOIN outbox_launch l ON l.id = y.launch_id AND l.state = 'running'
            WHERE y.network_id = lead.network_id AND y.source_id = lead.source_id AND y.urgent = lead.urgent
              AND y.due <= t.now AND y.site_id = lead.site_id AND y.workspace_id = lead.workspace_id
            ORDER BY y.due LIMIT lead.room) p
    ) taken
    WHERE y.tranche_id = taken.tranche_id AND y.n = taken.n
    RETURNING y.network_id, y.tranche_id, y.n, y.attempt
), fresh AS MATERIALIZED (
    SELECT lead.network_id, c.id, c.next_n AS from_n, least(c.end_n - c.next_n, lead.room - coalesce(a.count, 0)) AS take
    FROM lead
    LEFT JOIN (SELECT network_id, count(*)::int AS count FROM again GROUP BY 1) a USING (network_id)
    CROSS JOIN LATERAL (
        SELECT c.id, c.next_n, c.end_n
        FROM outbox_tranche c JOIN outbox_launch l ON l.id = c.launch_id AND l.state = 'running'
        WHERE c.network_id = lead.network_id AND c.source_id = lead.source_id AND c.urgent = lead.urgent
          AND c.site_id = lead.site_id AND c.workspace_id = lead.workspace_id AND c.next_n < c.end_n
        ORDER BY c.priority, c.served_at, c.id LIMIT 1) c
    WHERE lead.room > coalesce(a.count, 0)
), advanced AS (
    UPDATE outbox_tranche c SET next_n = c.next_n + fresh.take, served_at = t.now
    FROM fresh, t WHERE c.id = fresh.id
), item AS (
    SELECT network_id, tranche_id, n, attempt FROM again
    UNION ALL
    SELECT network_id, id, from_n + g, 1 FROM fresh, generate_series(0, take - 1) AS g
)
SELECT item.network_id, net.key, lead.site_id, site.key, lead.source_id, lead.urgent, lead.workspace_id,
       item.tranche_id, item.n, item.attempt, c.launch_id, d.address, d.address_hash, d.merge
FROM item
JOIN lead USING (network_id)
JOIN shaping_network net ON net.id = item.network_id
JOIN shaping_site site ON site.id = lead.site_id
JOIN outbox_tranche c ON c.id = item.tranche_id
JOIN outbox_delivery d ON d.tranche_id = item.tranche_id AND d.n = item.n
ORDER BY item.network_id, item.attempt DESC, item.tranche_id, item.n

-- name: ahead
-- Who comes next where all who were picked are refused. Under the budget locks, as the cursor is; a delivery that moved
-- here belongs to a tranche of another network, which is not ours to advance.
SELECT c.id, d.n, c.workspace_id, d.address_hash, c.launch_id
FROM outbox_tranche c
JOIN outbox_delivery d ON d.tranche_id = c.id AND d.n >= c.next_n AND d.n < least(c.end_n, c.next_n + %(limit)s)
WHERE c.id = ANY (%(tranches)s) AND c.network_id = ANY (%(networks)s)
ORDER BY c.id, d.n

-- name: pass_over
UPDATE outbox_tranche SET next_n = next_n + %(count)s WHERE id = %(tranche)s

-- name: open
-- The permit and the lease: inserted in the transaction that picked, so a crash before commit gives everything back.
WITH t AS MATERIALIZED (SELECT rida_now() AS now),
opened AS (
    INSERT INTO dispatch_volley (workspace_id, network_id, site_id, source_id, node, urgent, n, opened_at, lease_until,
                                 counts_until, started, closed, tranche_ids, ns, attempts)
    SELECT v.workspace_id, v.network_id, v.site_id, v.source_id, %(node)s, v.urgent, cardinality(v.ns), t.now,
           t.now + %(lease)s, t.now + %(lease)s + %(window)s, false, false, v.tranche_ids, v.ns, v.attempts
    FROM t, jsonb_to_recordset(%(volleys)s) AS v (workspace_id bigint, network_id bigint, site_id bigint,
        source_id bigint, urgent boolean, tranche_ids bigint[], ns int[], attempts smallint[])
    RETURNING id, network_id, source_id, urgent, n
), taken AS (
    UPDATE shaping_budget b
    SET in_hand = b.in_hand + o.n,
        bulk_in_hand = b.bulk_in_hand + CASE WHEN o.urgent THEN 0 ELSE o.n END,
        volleys_open = b.volleys_open + 1,
        paced_until = CASE WHEN b.pace_per_second > 0 THEN t.now + (o.n * 1000 / b.pace_per_second)::bigint
                           ELSE b.paced_until END
    FROM opened o, t
    WHERE b.network_id = o.network_id AND (b.source_id IS NULL OR b.source_id = o.source_id)
)
SELECT network_id, id FROM opened

-- name: refresh_due
-- A statement of its own, after the changes of this transaction, under the lock.
UPDATE shaping_budget b
SET next_due = d.next_due, waits_for = d.waits_for,
    waits_since = CASE WHEN d.waits_for = '{}' THEN 9000000000000000
                       WHEN b.waits_for = '{}' THEN rida_now() ELSE b.waits_since END
FROM rida_next_due(rida_now(), %(networks)s) d
WHERE b.network_id = d.network_id AND b.source_id IS NULL
  AND (b.next_due, b.waits_for) IS DISTINCT FROM (d.next_due, d.waits_for)

-- name: withhold
-- Permission refused at the last look: an outcome at once, no permit used.
INSERT INTO dispatch_outcome (tranche_id, n, attempt, doubt, workspace_id, volley_id, kind, step, code, enhanced, reply, at)
SELECT x.tranche_id, x.n, x.attempt, false, c.workspace_id, x.volley_id, 4, '', 0, '', x.reason, rida_now()
FROM unnest(%(tranche_ids)s::bigint[], %(ns)s::int[], %(attempts)s::smallint[], %(reasons)s::text[],
            %(volley_ids)s::bigint[]) AS x (tranche_id, n, attempt, reason, volley_id)
JOIN outbox_tranche c ON c.id = x.tranche_id
ON CONFLICT DO NOTHING

-- name: hold_volleys
-- Before anything is recorded of them, in a statement of its own. Whoever takes a volley away (the reaper) locks the row
-- FOR UPDATE before it looks at outcomes, so it comes before this commit or after it: never between its snapshot and
-- ours. KEY SHARE, because renewals and closes need not wait for us.
SELECT id, closed OR lease_until <= rida_now() FROM dispatch_volley WHERE id = ANY (%(volleys)s) ORDER BY id FOR KEY SHARE

-- name: start
-- `started` is durable before the first final dot; a volley whose lease is gone does not come back and is fenced.
-- By id, as renew: both take many, and the rows lie in no order.
WITH held AS MATERIALIZED (
    SELECT id FROM dispatch_volley
    WHERE id = ANY (%(volleys)s) AND node = %(node)s AND NOT closed AND lease_until > rida_now()
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE dispatch_volley v SET started = true FROM held WHERE v.id = held.id RETURNING v.id

-- name: record
-- Outcomes, and the retries that follow from the rows that were really inserted: a replayed commit adds none.
-- A late outcome of a fenced node is the truth: it overrides a doubtful row and takes back a pending retry. But what the
-- reaper gave back belongs to the next volley, under the same number: a late deferral of it would hide how that one ends.
WITH t AS MATERIALIZED (SELECT rida_now() AS now),
x AS MATERIALIZED (
    -- The site's network, not the volley's: one closed long ago is not taken along when its site is regrouped.
    SELECT x.*, c.workspace_id, c.launch_id, c.urgent, l.resend_doubtful, s.network_id, s.id AS site_id, v.source_id,
           v.closed
    FROM unnest(%(volley_ids)s::bigint[], %(tranche_ids)s::bigint[], %(ns)s::int[], %(attempts)s::smallint[],
                %(kinds)s::smallint[], %(steps)s::text[], %(codes)s::smallint[], %(enhanced)s::text[],
                %(replies)s::text[], %(dues)s::bigint[], %(to_sites)s::bigint[])
        AS x (volley_id, tranche_id, n, attempt, kind, step, code, enhanced, reply, due, to_site)
    JOIN outbox_tranche c ON c.id = x.tranche_id
    JOIN outbox_launch l ON l.id = c.launch_id
    JOIN dispatch_volley v ON v.id = x.volley_id
    JOIN shaping_site s ON s.id = coalesce(x.to_site, v.site_id)
    WHERE NOT v.closed OR x.kind = 1
       OR EXISTS (SELECT FROM dispatch_outcome o
                  WHERE o.tranche_id = x.tranche_id AND o.n = x.n AND o.attempt = x.attempt AND o.doubt)
), inserted AS (
    INSERT INTO dispatch_outcome
        (tranche_id, n, attempt, doubt, workspace_id, volley_id, kind, step, code, enhanced, reply, at)
    SELECT tranche_id, n, attempt, kind = 7, workspace_id, volley_id, kind, step, code, enhanced, reply, t.now
    FROM x, t
    ON CONFLICT DO NOTHING
    RETURNING tranche_id, n, attempt, kind
), late AS (
    SELECT i.*, x.launch_id, x.workspace_id, x.urgent, x.due, x.volley_id, x.resend_doubtful, x.network_id, x.site_id,
           x.source_id, x.closed, x.to_site,
           -- The reaper had a message in doubt sent again, and that try is under way or over.
           x.closed AND (EXISTS (SELECT FROM dispatch_outcome o
                                 WHERE o.tranche_id = x.tranche_id AND o.n = x.n AND o.attempt > x.attempt)
                         OR EXISTS (SELECT FROM dispatch_volley v, unnest(v.tranche_ids, v.ns) AS held (tranche_id, n)
                                    WHERE NOT v.closed AND held.tranche_id = x.tranche_id AND held.n = x.n)) AS resent
    FROM inserted i JOIN x USING (tranche_id, n, attempt, kind)
), again AS (
    INSERT INTO dispatch_retry
        (tranche_id, n, workspace_id, launch_id, network_id, site_id, source_id, urgent, attempt, due)
    SELECT tranche_id, n, workspace_id, launch_id, network_id, site_id, source_id, urgent, attempt + 1,
           CASE WHEN kind = 7 THEN t.now ELSE due END
    FROM late, t
    WHERE ((kind = 2 AND due IS NOT NULL) OR (kind = 7 AND resend_doubtful)) AND NOT resent
    ON CONFLICT DO NOTHING
    RETURNING launch_id
), reopened AS (
    -- The reaper's doubt was the launch's last outcome, and now there is a try to come.
    UPDATE outbox_launch l SET finished_at = NULL, state = CASE WHEN l.state = 'finished' THEN 'running' ELSE l.state END
    WHERE l.finished_at IS NOT NULL AND l.id IN (SELECT launch_id FROM again)
), expired AS (
    INSERT INTO dispatch_outcome
        (tranche_id, n, attempt, doubt, workspace_id, volley_id, kind, step, code, enhanced, reply, at)
    SELECT tranche_id, n, attempt + 1, false, workspace_id, volley_id, 5, '', 0, '', 'gave_up', t.now
    FROM late, t WHERE kind = 2 AND due IS NULL AND NOT resent
    ON CONFLICT DO NOTHING
), settled AS (
    DELETE FROM dispatch_retry y USING late
    WHERE late.kind IN (1, 3, 4) AND y.tranche_id = late.tranche_id AND y.n = late.n
)
-- To be woken after this commit, because budgets are locked before volleys. Only what waits elsewhere or was of a volley
-- that is closed already (reaped) needs it: an open one recomputes next_due at its close.
SELECT late.network_id, min(coalesce(late.due, t.now)) FROM late, t
WHERE late.closed OR late.to_site IS NOT NULL GROUP BY 1

-- name: keep_dialogues
INSERT INTO dispatch_dialogue (tranche_id, n, attempt, workspace_id, lines, at)
SELECT x.tranche_id, x.n, x.attempt, c.workspace_id, x.lines::jsonb, rida_now()
FROM unnest(%(tranche_ids)s::bigint[], %(ns)s::int[], %(attempts)s::smallint[], %(dialogues)s::text[])
    AS x (tranche_id, n, attempt, lines)
JOIN outbox_tranche c ON c.id = x.tranche_id
ON CONFLICT DO NOTHING

-- name: tested
-- Departures are locked last of all. A test that began before the way was last changed says nothing about it.
UPDATE shaping_departure d SET tested_at = clock_timestamp()
FROM outbox_launch l
WHERE l.id = ANY (%(launches)s) AND d.workspace_id = l.workspace_id AND d.source_id = l.source_id
  AND d.changed_at <= l.launched_at

-- name: hold_sources
-- A relay refused our login. Its mail waits a quarter of an hour, then one volley tries again.
UPDATE shaping_allowance SET hold_until = rida_now() + 900000, hold_reason = %(reason)s
WHERE id IN (SELECT a.id FROM shaping_allowance a
             WHERE a.source_id IN (SELECT v.source_id FROM dispatch_volley v WHERE v.id = ANY (%(volleys)s))
             ORDER BY a.id FOR UPDATE)

-- name: move
-- The MX names another network now: nothing was sent, the same attempt waits there. Only as long as it is this volley's:
-- a node that was frozen while it asked DNS, or says it twice, must not add a copy to the one in somebody else's hands.
INSERT INTO dispatch_retry
    (tranche_id, n, workspace_id, launch_id, network_id, site_id, source_id, urgent, attempt, due)
SELECT x.tranche_id, x.n, c.workspace_id, c.launch_id, s.network_id, s.id, c.source_id, c.urgent, x.attempt, rida_now()
FROM unnest(%(volley_ids)s::bigint[], %(tranche_ids)s::bigint[], %(ns)s::int[], %(attempts)s::smallint[],
            %(sites)s::bigint[]) AS x (volley_id, tranche_id, n, attempt, site_id)
JOIN shaping_site s ON s.id = x.site_id
JOIN outbox_tranche c ON c.id = x.tranche_id
JOIN dispatch_volley v ON v.id = x.volley_id AND NOT v.closed
WHERE NOT EXISTS (SELECT FROM dispatch_outcome o WHERE o.tranche_id = x.tranche_id AND o.n = x.n
                  AND o.attempt >= x.attempt AND NOT o.doubt)
  AND NOT EXISTS (SELECT FROM dispatch_volley o, unnest(o.tranche_ids, o.ns) AS held (tranche_id, n)
                  WHERE NOT o.closed AND o.id <> v.id AND held.tranche_id = x.tranche_id AND held.n = x.n)
ON CONFLICT DO NOTHING
RETURNING network_id

-- name: wake_at
UPDATE shaping_budget b SET next_due = least(b.next_due, w.due)
FROM (SELECT b.id, x.due FROM unnest(%(networks)s::bigint[], %(dues)s::bigint[]) AS x (network_id, due)
      JOIN shaping_budget b USING (network_id) WHERE b.source_id IS NULL ORDER BY b.id FOR UPDATE OF b) w
WHERE b.id = w.id

-- name: wake
-- Under the budget locks.
UPDATE shaping_budget SET next_due = least(next_due, rida_now())
WHERE source_id IS NULL AND network_id = ANY (%(networks)s)

-- name: halted
SELECT id FROM outbox_launch WHERE id = ANY (%(launches)s) AND state <> 'running'

-- name: renew
WITH held AS MATERIALIZED (
    SELECT id FROM dispatch_volley
    WHERE id = ANY (%(volleys)s) AND node = %(node)s AND NOT closed AND lease_until > rida_now()
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE dispatch_volley v
SET lease_until = rida_now() + %(lease)s, counts_until = rida_now() + %(lease)s + %(window)s
FROM held WHERE v.id = held.id AND v.lease_until > rida_now()
RETURNING v.id

-- name: close
-- Under the budget locks. What reached the wire counts for a window from now; the rest gives its permit back.
-- Tells the network, which is another than at the claim if the site was regrouped meanwhile.
WITH t AS MATERIALIZED (SELECT rida_now() AS now),
closed AS (
    UPDATE dispatch_volley v
    SET closed = true, n = least(%(attempted)s, cardinality(v.ns)), counts_until = t.now + %(window)s
    FROM t WHERE v.id = %(volley)s AND NOT v.closed
    RETURNING v.id, v.network_id, v.site_id, v.source_id, v.urgent, cardinality(v.ns) AS held
), freed AS (
    UPDATE shaping_budget b
    SET in_hand = b.in_hand - c.held,
        bulk_in_hand = b.bulk_in_hand - CASE WHEN c.urgent THEN 0 ELSE c.held END,
        volleys_open = b.volleys_open - 1
    FROM closed c
    WHERE b.network_id = c.network_id AND (b.source_id IS NULL OR b.source_id = c.source_id)
), back AS (
    INSERT INTO dispatch_retry
        (tranche_id, n, workspace_id, launch_id, network_id, site_id, source_id, urgent, attempt, due)
    SELECT x.tranche_id, x.n, c.workspace_id, c.launch_id, closed.network_id, closed.site_id, closed.source_id, c.urgent,
           x.attempt, t.now
    FROM closed, t,
         unnest(%(tranche_ids)s::bigint[], %(ns)s::int[], %(attempts)s::smallint[]) AS x (tranche_id, n, attempt)
    JOIN outbox_tranche c ON c.id = x.tranche_id
    WHERE NOT EXISTS (SELECT FROM dispatch_outcome o WHERE o.tranche_id = x.tranche_id AND o.n = x.n
                      AND o.attempt = x.attempt)
    ON CONFLICT DO NOTHING
)
SELECT network_id FROM closed

-- name: overdue
-- After a restart of the database the nodes get one lease to hand in what they hold before anyone is declared dead.
SELECT id, network_id FROM dispatch_volley
WHERE NOT closed AND lease_until < rida_now() - %(grace)s
  AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %(lease)s / 1000.0)
ORDER BY lease_until LIMIT 50

-- name: lock_dead
-- Under the budget locks, and the condition once more: the node may have renewed or closed while we waited for them.
SELECT id FROM dispatch_volley WHERE id = %(volley)s AND NOT closed AND lease_until < rida_now() - %(grace)s FOR UPDATE

-- name: reap
-- In a statement of its own after the row is locked: else an outcome that became durable between the snapshot and the
-- lock would not be seen, and its message be doubted, or given back and sent twice.
-- Unstarted: everything returns. Started: the first delivery without an outcome may have reached the wire and becomes
-- doubtful; the ones after it did not, and return.
WITH t AS MATERIALIZED (SELECT rida_now() AS now),
dead AS MATERIALIZED (
    SELECT * FROM dispatch_volley WHERE id = %(volley)s AND NOT closed
), item AS MATERIALIZED (
    SELECT dead.id AS volley_id, x.tranche_id, x.n, x.attempt, x.place, c.workspace_id, c.launch_id, c.urgent,
           l.resend_doubtful,
           EXISTS (SELECT FROM dispatch_outcome o
                   WHERE o.tranche_id = x.tranche_id AND o.n = x.n AND o.attempt = x.attempt) AS recorded,
           EXISTS (SELECT FROM dispatch_outcome o WHERE o.tranche_id = x.tranche_id AND o.n = x.n
                   AND o.attempt = x.attempt AND o.doubt) AS doubted,
           -- Moved to another network, where it waits or is in hand.
           EXISTS (SELECT FROM dispatch_retry y WHERE y.tranche_id = x.tranche_id AND y.n = x.n)
           OR EXISTS (SELECT FROM dispatch_volley o, unnest(o.tranche_ids, o.ns) AS held (tranche_id, n)
                      WHERE NOT o.closed AND o.id <> dead.id AND held.tranche_id = x.tranche_id AND held.n = x.n) AS moved
    FROM dead
    CROSS JOIN LATERAL unnest(dead.tranche_ids, dead.ns, dead.attempts) WITH ORDINALITY
        AS x (tranche_id, n, attempt, place)
    JOIN outbox_tranche c ON c.id = x.tranche_id
    JOIN outbox_launch l ON l.id = c.launch_id
), first AS (
    -- Its node's own doubt is the volley's one: the connection ended with it, and nothing later was sent.
    SELECT min(i.place) AS place FROM item i, dead
    WHERE dead.started AND NOT i.recorded AND NOT i.moved AND NOT EXISTS (SELECT FROM item WHERE doubted)
), doubtful AS (
    INSERT INTO dispatch_outcome
        (tranche_id, n, attempt, doubt, workspace_id, volley_id, kind, step, code, enhanced, reply, at)
    SELECT i.tranche_id, i.n, i.attempt, true, i.workspace_id, i.volley_id, 7, '', 0, '', 'node_lost', t.now
    FROM item i JOIN first USING (place), t
    ON CONFLICT DO NOTHING
    RETURNING tranche_id, n
), back AS (
    INSERT INTO dispatch_retry
        (tranche_id, n, workspace_id, launch_id, network_id, site_id, source_id, urgent, attempt, due)
    SELECT i.tranche_id, i.n, i.workspace_id, i.launch_id, dead.network_id, dead.site_id, dead.source_id, i.urgent,
           CASE WHEN i.place = first.place THEN i.attempt + 1 ELSE i.attempt END, t.now
    FROM item i CROSS JOIN dead CROSS JOIN t CROSS JOIN first
    WHERE NOT i.recorded AND NOT i.moved AND (i.place IS DISTINCT FROM first.place OR i.resend_doubtful)
    ON CONFLICT DO NOTHING
), closed AS (
    UPDATE dispatch_volley v
    SET closed = true,
        n = CASE WHEN dead.started THEN (SELECT count(*) FROM item WHERE recorded)
                                        + (SELECT count(place) FROM first) ELSE 0 END,
        counts_until = CASE WHEN dead.started THEN dead.lease_until + %(window)s ELSE t.now END
    FROM dead, t WHERE v.id = dead.id
    RETURNING v.network_id, v.source_id, v.urgent, cardinality(v.ns) AS held
), freed AS (
    UPDATE shaping_budget b
    SET in_hand = b.in_hand - c.held,
        bulk_in_hand = b.bulk_in_hand - CASE WHEN c.urgent THEN 0 ELSE c.held END,
        volleys_open = b.volleys_open - 1
    FROM closed c
    WHERE b.network_id = c.network_id AND (b.source_id IS NULL OR b.source_id = c.source_id)
)
SELECT network_id FROM closed

-- name: due_shards
SELECT DISTINCT shard FROM shaping_budget WHERE source_id IS NULL AND next_due <= rida_now() + %(ahead)s

-- name: forgotten
-- Healing, not routine: a retry whose network sleeps past it (a late record that raced the reaper's close).
UPDATE shaping_budget b SET next_due = rida_now()
WHERE b.source_id IS NULL AND b.id IN (
    SELECT b.id FROM shaping_budget b
    WHERE b.source_id IS NULL AND b.volleys_open = 0 AND b.next_due = 9000000000000000 AND b.hold_until < 9000000000000000
      AND EXISTS (SELECT FROM dispatch_retry y JOIN outbox_launch l ON l.id = y.launch_id AND l.state = 'running'
                  WHERE y.network_id = b.network_id AND y.due <= rida_now())
    ORDER BY b.id FOR UPDATE SKIP LOCKED)

-- name: settle_tranche
-- What a cancelled or expired launch has not yet claimed gets its outcome, a slice at a time, under the budget lock.
WITH slice AS MATERIALIZED (
    SELECT c.id, c.workspace_id, c.next_n, least(c.end_n, c.next_n + %(limit)s) AS to_n
    FROM outbox_tranche c WHERE c.id = %(tranche)s AND c.next_n < c.end_n FOR UPDATE
), advanced AS (
    UPDATE outbox_tranche c SET next_n = slice.to_n FROM slice WHERE c.id = slice.id
), ended AS (
    INSERT INTO dispatch_outcome
        (tranche_id, n, attempt, doubt, workspace_id, volley_id, kind, step, code, enhanced, reply, at)
    SELECT slice.id, g, 1, false, slice.workspace_id, NULL, %(kind)s, '', 0, '', %(reason)s, rida_now()
    FROM slice, generate_series(slice.next_n, slice.to_n - 1) AS g
    ON CONFLICT DO NOTHING
)
SELECT to_n - next_n FROM slice

-- name: settle_retries
WITH taken AS (
    DELETE FROM dispatch_retry WHERE (tranche_id, n) IN (
        SELECT tranche_id, n FROM dispatch_retry WHERE launch_id = %(launch)s AND network_id = %(network)s
        LIMIT %(limit)s)
    RETURNING tranche_id, n, workspace_id, attempt
), ended AS (
    INSERT INTO dispatch_outcome
        (tranche_id, n, attempt, doubt, workspace_id, volley_id, kind, step, code, enhanced, reply, at)
    SELECT tranche_id, n, attempt, false, workspace_id, NULL, %(kind)s, '', 0, '', %(reason)s, rida_now() FROM taken
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM taken

-- name: unsettled
-- Launches whose waiting deliveries must end now, and launches that may be finished.
SELECT l.id, l.state = 'cancelled' AS cancelled, l.give_up_at < rida_now() AS expired
FROM outbox_launch l
WHERE l.finished_at IS NULL AND l.chunks_done = l.chunks

-- name: live_tranches
SELECT id, network_id FROM outbox_tranche WHERE launch_id = %(launch)s AND next_n < end_n ORDER BY id

-- name: retry_networks
SELECT DISTINCT network_id FROM dispatch_retry WHERE launch_id = %(launch)s ORDER BY 1

-- name: remains
SELECT EXISTS (SELECT FROM outbox_tranche WHERE launch_id = %(launch)s AND next_n < end_n)
    OR EXISTS (SELECT FROM dispatch_retry WHERE launch_id = %(launch)s)
    OR EXISTS (SELECT FROM dispatch_volley v JOIN outbox_tranche c ON c.id = ANY (v.tranche_ids)
               WHERE NOT v.closed AND c.launch_id = %(launch)s)

-- name: finish
UPDATE outbox_launch SET finished_at = clock_timestamp(),
    state = CASE WHEN state = 'cancelled' THEN state ELSE 'finished' END
WHERE id = %(launch)s AND finished_at IS NULL

-- name: lock_site_volleys
-- So that a record of one of them is durable before the regrouping, or reads the network after it. A day: whoever
-- records for an older one has been away that long.
SELECT id FROM dispatch_volley
WHERE site_id = %(site)s AND network_id = %(from_network)s AND (NOT closed OR counts_until > rida_now() - 86400000)
ORDER BY id FOR UPDATE

-- name: regroup
-- A site belongs to another network now: its tranches, retries, open and last-window volleys go with it, so that what it
-- has used counts there. Under the locks of both networks and of its volleys.
WITH t AS MATERIALIZED (SELECT rida_now() AS now),
volleys AS (
    UPDATE dispatch_volley v SET network_id = %(to_network)s FROM t
    WHERE v.site_id = %(site)s AND v.network_id = %(from_network)s AND (NOT v.closed OR v.counts_until > t.now)
    RETURNING v.closed, v.urgent, cardinality(v.ns) AS held, v.source_id
), tranches AS (
    UPDATE outbox_tranche SET network_id = %(to_network)s WHERE site_id = %(site)s AND network_id = %(from_network)s
), retries AS (
    UPDATE dispatch_retry SET network_id = %(to_network)s WHERE site_id = %(site)s AND network_id = %(from_network)s
), sites AS (
    UPDATE shaping_site SET network_id = %(to_network)s WHERE id = %(site)s
), carried AS (
    -- For the network's own row (source null) and for each source that has one there.
    SELECT source_id, coalesce(sum(held), 0)::int AS held,
           coalesce(sum(held) FILTER (WHERE NOT urgent), 0)::int AS bulk, count(*)::int AS volleys
    FROM volleys WHERE NOT closed GROUP BY GROUPING SETS ((), (source_id))
)
UPDATE shaping_budget b
SET in_hand = b.in_hand + sign.of * carried.held,
    bulk_in_hand = b.bulk_in_hand + sign.of * carried.bulk,
    volleys_open = b.volleys_open + sign.of * carried.volleys
FROM carried, (VALUES (%(from_network)s::bigint, -1), (%(to_network)s::bigint, 1)) AS sign (network_id, of)
WHERE b.network_id = sign.network_id AND b.source_id IS NOT DISTINCT FROM carried.source_id
