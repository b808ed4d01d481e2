-- SPDX-License-Identifier: BSD-2-Clause
-- What the plugin postgres needs of its own, version 1; mortise-postgres(5) tells of it.
-- The names in braces are options of the command `schema`, and all of it may be run again.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT pg_advisory_xact_lock(hashtext('mortise schema'));

DO $$
BEGIN
	IF current_setting('server_encoding') <> 'UTF8' THEN
		RAISE EXCEPTION 'the database is in %; create one in UTF8', current_setting('server_encoding')
		    USING ERRCODE = 'MT002';
	END IF;
END $$;
CREATE SCHEMA IF NOT EXISTS "{schema}";
CREATE TABLE IF NOT EXISTS "{schema}".version (
	number integer PRIMARY KEY,
	applied timestamptz NOT NULL DEFAULT now()
);
DO $$
DECLARE
	newest integer := (SELECT max(number) FROM "{schema}".version);
BEGIN
	IF newest > 1 THEN
		RAISE EXCEPTION 'the schema is of version %, and this Mortise knows 1; upgrade Mortise', newest
		    USING ERRCODE = 'MT002';
	END IF;
END $$;
INSERT INTO "{schema}".version (number) VALUES (1) ON CONFLICT DO NOTHING;

-- Roles that hold the rights; grant them to those who log in.
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['{writer}', '{eraser}', '{reader}', '{state}'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', name);
		END IF;
	END LOOP;
END $$;
GRANT USAGE ON SCHEMA "{schema}" TO "{writer}", "{eraser}", "{reader}", "{state}";
GRANT SELECT ON "{schema}".version TO "{writer}", "{eraser}", "{reader}", "{state}";

-- The audit trail. A table a month, so that old ones can be dropped.
CREATE TABLE IF NOT EXISTS "{schema}".audit (
	trail text COLLATE "C" NOT NULL,
	seq bigint NOT NULL,
	ts timestamptz NOT NULL,
	t text NOT NULL,
	h text NOT NULL,
	line text NOT NULL,
	op text,
	action text,
	agency_id text,
	resource_type text,
	resource_id text,
	code text,
	reason text,
	actor_uid bigint,
	user_email text,
	ip_address text,
	user_agent text,
	PRIMARY KEY (trail, seq, ts)
) PARTITION BY RANGE (ts);
CREATE INDEX IF NOT EXISTS audit_ts ON "{schema}".audit (ts);
CREATE INDEX IF NOT EXISTS audit_agency ON "{schema}".audit (agency_id, ts) WHERE agency_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_resource ON "{schema}".audit (resource_id, ts) WHERE resource_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_user ON "{schema}".audit (user_email, ts) WHERE user_email IS NOT NULL;
-- How far each trail is here.
CREATE TABLE IF NOT EXISTS "{schema}".trail (
	trail text COLLATE "C" PRIMARY KEY,
	seq bigint NOT NULL,
	h text NOT NULL
) WITH (fillfactor = 50);
GRANT SELECT ON "{schema}".audit, "{schema}".trail TO "{reader}";

-- Is there a table for this month? One that was detached is none, and stands in the way.
CREATE OR REPLACE FUNCTION "{schema}".has_month(a_month timestamp) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM pg_inherits WHERE inhparent = '"{schema}".audit'::regclass
	    AND inhrelid = to_regclass('"{schema}".audit_' || to_char(a_month, 'YYYY_MM')))
$$;
-- Makes it. Attaching does not wait for who reads, as CREATE ... PARTITION OF would.
CREATE OR REPLACE FUNCTION "{schema}".add_month(a_month timestamp) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	name text := 'audit_' || to_char(a_month, 'YYYY_MM');
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('mortise month'));
	IF NOT "{schema}".has_month(a_month) THEN
		EXECUTE format('CREATE TABLE "{schema}".%I (LIKE "{schema}".audit INCLUDING ALL)', name);
		EXECUTE format('ALTER TABLE "{schema}".audit ATTACH PARTITION "{schema}".%I FOR VALUES FROM (%L) TO (%L)',
		    name, a_month AT TIME ZONE 'UTC', (a_month + interval '1 month') AT TIME ZONE 'UTC');
	END IF;
END $$;
REVOKE ALL ON FUNCTION "{schema}".has_month, "{schema}".add_month FROM PUBLIC;

-- Takes a batch of one trail in order, all or nothing, and gives the number of the trail's last
-- record here; of an empty batch just that. A record that was here already is taken; MT001: another
-- one with its number was, and the detail is its place in the batch.
CREATE OR REPLACE FUNCTION "{schema}".append(a_trail text, a_line text[], a_seq text[], a_ts text[],
    a_t text[], a_h text[], a_op text[], a_action text[], a_agency_id text[], a_resource_type text[],
    a_resource_id text[], a_code text[], a_reason text[], a_actor_uid text[], a_user_email text[],
    a_ip_address text[], a_user_agent text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	count integer := cardinality(a_seq);
	newest bigint := a_seq[count];
	known bigint;
	differs bigint;
	month timestamp;
BEGIN
	IF count = 0 THEN
		RETURN coalesce((SELECT seq FROM "{schema}".trail WHERE trail = a_trail), 0);
	END IF;
	IF EXISTS (SELECT FROM unnest(a_seq[:count - 1], a_seq[2:]) AS u (one, next)
	    WHERE one::bigint >= next::bigint) THEN
		RAISE EXCEPTION 'the numbers of a batch must rise' USING ERRCODE = 'MT003';
	END IF;
	INSERT INTO "{schema}".trail (trail, seq, h) VALUES (a_trail, 0, '') ON CONFLICT DO NOTHING;
	SELECT seq INTO known FROM "{schema}".trail WHERE trail = a_trail FOR UPDATE;
	IF a_seq[1]::bigint <= known THEN
		SELECT min(u.place) INTO differs
		FROM unnest(a_seq, a_h) WITH ORDINALITY AS u (seq, h, place)
		WHERE u.seq::bigint <= known AND EXISTS (SELECT FROM "{schema}".audit a
			WHERE a.trail = a_trail AND a.seq = u.seq::bigint AND a.h <> u.h);
		IF differs IS NOT NULL THEN
			RAISE EXCEPTION 'another record has this number'
			    USING ERRCODE = 'MT001', DETAIL = (differs - 1)::text;
		END IF;
	END IF;
	FOR month IN SELECT (u.begins || '-01')::timestamp
	    FROM (SELECT DISTINCT left(ts, 7) FROM unnest(a_ts) AS ts) AS u (begins) LOOP
		IF NOT "{schema}".has_month(month) THEN
			PERFORM "{schema}".add_month(month);
		END IF;
	END LOOP;
	INSERT INTO "{schema}".audit (trail, line, seq, ts, t, h, op, action, agency_id, resource_type,
	    resource_id, code, reason, actor_uid, user_email, ip_address, user_agent)
	SELECT a_trail, u.line, u.seq::bigint, u.ts::timestamptz, u.t, u.h, u.op, u.action, u.agency_id,
	    u.resource_type, u.resource_id, u.code, u.reason, u.actor_uid::bigint, u.user_email,
	    u.ip_address, u.user_agent
	FROM unnest(a_line, a_seq, a_ts, a_t, a_h, a_op, a_action, a_agency_id, a_resource_type,
	    a_resource_id, a_code, a_reason, a_actor_uid, a_user_email, a_ip_address, a_user_agent)
	    AS u (line, seq, ts, t, h, op, action, agency_id, resource_type, resource_id, code, reason,
	    actor_uid, user_email, ip_address, user_agent)
	ON CONFLICT DO NOTHING;
	IF newest > known THEN
		UPDATE "{schema}".trail SET seq = newest, h = a_h[count] WHERE trail = a_trail;
	END IF;
	RETURN greatest(known, newest);
END $$;
REVOKE ALL ON FUNCTION "{schema}".append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "{schema}".append TO "{writer}";

-- The line with its personal part blanked, as the trail's file has it: null, and spaces for the rest
-- of its bytes. What stands before it ends in the commitment, what stands behind it has 72 bytes.
CREATE OR REPLACE FUNCTION "{schema}".blanked(a_line text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT head || 'null' || repeat(' ', octet_length(a_line) - octet_length(head) - 76) || right(a_line, 72)
	FROM substring(a_line FROM '^.*?,"pc":(?:null|"[0-9a-f]{64}")},"p":') AS head
$$;
CREATE OR REPLACE FUNCTION "{schema}".erase(a_trail text, a_seq text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	erased bigint;
BEGIN
	UPDATE "{schema}".audit SET line = "{schema}".blanked(line), user_email = NULL, ip_address = NULL,
	    user_agent = NULL
	WHERE trail = a_trail AND seq = ANY (a_seq::bigint[]);
	GET DIAGNOSTICS erased = ROW_COUNT;
	RETURN erased;
END $$;
REVOKE ALL ON FUNCTION "{schema}".blanked, "{schema}".erase FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "{schema}".erase TO "{eraser}";

-- State records. Versions and fences are drawn from one sequence, so that a fence rises also over
-- the deletion of its record.
CREATE SEQUENCE IF NOT EXISTS "{schema}".numbers;
CREATE TABLE IF NOT EXISTS "{schema}".state (
	key text COLLATE "C" PRIMARY KEY,
	value bytea NOT NULL,
	version bigint NOT NULL,
	expires timestamptz,
	index_name text COLLATE "C",
	due_ms bigint NOT NULL,
	owner text,
	leased_until timestamptz,
	fence bigint NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS state_expires ON "{schema}".state (expires) WHERE expires IS NOT NULL;
CREATE INDEX IF NOT EXISTS state_due ON "{schema}".state (index_name, due_ms, key) WHERE index_name IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON "{schema}".state TO "{state}";
GRANT USAGE ON SEQUENCE "{schema}".numbers TO "{state}";

-- Authorizations as columns, for applications to join; kept by the statements that write the record.
CREATE TABLE IF NOT EXISTS "{schema}"."authorization" (
	secret_name text COLLATE "C" PRIMARY KEY,
	authorization_id text NOT NULL,
	agency_id text,
	connection_id text,
	platform text,
	secret_id text,
	status text NOT NULL,
	refresh text,
	expires_at timestamptz,
	refresh_at timestamptz,
	created_at timestamptz,
	updated_at timestamptz
);
CREATE INDEX IF NOT EXISTS authorization_id ON "{schema}"."authorization" (authorization_id);
CREATE INDEX IF NOT EXISTS authorization_agency ON "{schema}"."authorization" (agency_id);
GRANT SELECT ON "{schema}"."authorization" TO "{state}";

-- A record of another form is none of this table's, and is stored all the same.
CREATE OR REPLACE FUNCTION "{schema}".keep_authorization() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	known json;
BEGIN
	IF TG_OP = 'DELETE' THEN
		DELETE FROM "{schema}"."authorization" WHERE secret_name = substr(OLD.key, 15);
		RETURN NULL;
	END IF;
	known := convert_from(NEW.value, 'UTF8')::json;
	INSERT INTO "{schema}"."authorization" AS a VALUES (substr(NEW.key, 15), known->>'authorizationId',
	    known->>'agencyId', known->>'connectionId', known->>'platform', known->>'secretId',
	    known->>'status', known->>'refresh', (known->>'expiresAt')::timestamptz,
	    (known->>'refreshAt')::timestamptz, (known->>'createdAt')::timestamptz,
	    (known->>'updatedAt')::timestamptz)
	ON CONFLICT (secret_name) DO UPDATE SET authorization_id = excluded.authorization_id,
	    agency_id = excluded.agency_id, connection_id = excluded.connection_id,
	    platform = excluded.platform, secret_id = excluded.secret_id, status = excluded.status,
	    refresh = excluded.refresh, expires_at = excluded.expires_at, refresh_at = excluded.refresh_at,
	    created_at = excluded.created_at, updated_at = excluded.updated_at;
	RETURN NULL;
EXCEPTION WHEN data_exception OR not_null_violation THEN
	DELETE FROM "{schema}"."authorization" WHERE secret_name = substr(NEW.key, 15);
	RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION "{schema}".keep_authorization FROM PUBLIC;
CREATE OR REPLACE TRIGGER keep_authorization AFTER INSERT OR UPDATE OF value ON "{schema}".state
    FOR EACH ROW WHEN (starts_with(NEW.key, 'authorization:'))
    EXECUTE FUNCTION "{schema}".keep_authorization();
CREATE OR REPLACE TRIGGER drop_authorization AFTER DELETE ON "{schema}".state
    FOR EACH ROW WHEN (starts_with(OLD.key, 'authorization:'))
    EXECUTE FUNCTION "{schema}".keep_authorization();
COMMIT;
