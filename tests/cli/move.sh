#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# copy, diff, migrate: between two stores.
. "$srcdir/tests/cli/lib.sh"
demo
cat >"$work/demo/mortise.d/other.yaml" <<END
backends:
  other: {plugin: local, path: "$work/demo/other.db", key: {file: "$work/demo/local.key"}}
  few: {plugin: local, path: "$work/demo/few.db", key: {file: "$work/demo/local.key"}, versions: 2}
secret:
  - {match: "other/*", use: other}
END
# put NAME TEXT [OPTION...]
put() {
	put_name=$1 put_text=$2
	shift 2
	printf '%s' "$put_text" | mortise put "$put_name" "$@" >"$work/log" 2>&1 || ok 1 "put $put_name"
}
put app/a one
put app/a two
put app/a three --label team=web --label tier=1
put app/b only
head -c 2000 /dev/urandom >"$work/bytes"
mortise put app/deep/c --file "$work/bytes" >"$work/log"
put away/x stays

# --- copy
run mortise copy app/a --from store --to other --dry-run
status_is 0 "a dry run"
out_is 'copied	app/a	3 versions' "a dry run: what it would do"
run mortise diff store other app/a
status_is 10 "and nothing was done"
out_is 'only store	app/a' "diff: only there"
run mortise copy app/a --from store --to other
status_is 0 "copy"
run mortise copy app/a --from store --to other
out_is 'same	app/a' "copy again: nothing to do"
# of OTHER: a configuration in which it serves app/*.
of() {
	printf 'secret:\n  - {match: "app/*", use: %s}\n' "$1" >"$work/demo/mortise.d/z.yaml"
}
of other
run mortise history app/a --long
[ "$(grep -c '^other:' "$work/out")" = 3 ] && grep -q 'team=web' "$work/out" && grep -q 'tier=1' "$work/out"
ok $? "all versions and the labels are there"
run mortise get app/a --version "$(sed -n '2s/[ 	].*//p' "$work/out")"
[ "$(cat "$work/out")" = two ]
ok $? "the older one is what it was"
run mortise get app/a
[ "$(cat "$work/out")" = three ]
ok $? "the newest one too"
run mortise copy app/none --from store --to other
status_is 3 "copy of what is not there"
run mortise copy app/a --from store --to store
status_is 2 "to itself"
run mortise copy app/a --from store --to nowhere
status_is 3 "to a backend that is none"
run mortise copy app/a --from store
status_is 2 "without a target"
rm "$work/demo/mortise.d/z.yaml"
run mortise copy app/a --from store --to few
status_is 0 "to one that keeps two versions"
run mortise copy app/a --from store --to few
out_is 'same	app/a' "it is complete there"

# --- what changed since, on either side
put app/a four
run mortise copy app/a --from store --to other
out_is 'copied	app/a' "only what is new goes along"
of other
put app/a local-change
rm "$work/demo/mortise.d/z.yaml"
run mortise copy app/a --from store --to other
status_is 10 "a value of its own at the target"
out_is 'differs	app/a' "it is left"
run mortise copy app/a --from store --to other --overwrite
status_is 0 "unless it may be overwritten"

# --- migrate
run mortise migrate --from store --to other app/ --dry-run
status_is 0 "migrate, dry"
out_like '^names 3, to be copied 2, versions to be written 2, the same already 1$' "migrate, dry: the report"
[ ! -e "$work/demo/migrate-store-other.journal" ]
ok $? "migrate, dry: no journal"
run mortise migrate --from store --to other app/
status_is 0 "migrate"
out_like '^names 3, copied 2, versions written 2, the same already 1$' "migrate: the report"
[ ! -e "$work/demo/migrate-store-other.journal" ]
ok $? "migrate: its journal is gone"
run mortise diff store other app/
status_is 0 "diff: none"
empty out "diff: nothing is told"
run mortise diff store other
status_is 10 "diff of all"
out_is 'only store	away/x' "diff of all: the one that was not moved"
run mortise --output json diff store other
out_is '{"name":"away/x","what":"only","backend":"store","versions":0,"labelsLeft":false}' "diff: json"
of other
run mortise get app/deep/c
cmp -s "$work/out" "$work/bytes"
ok $? "bytes are kept"
put app/b changed
rm "$work/demo/mortise.d/z.yaml"
run mortise migrate --from store --to other app/ --delete-source
status_is 10 "one differs: nothing is deleted"
out_like '^differs	app/b$' "which one"
run mortise list app/
[ "$(wc -l <"$work/out")" = 3 ]
ok $? "the source is whole"
run mortise migrate --from store --to other app/ --overwrite --delete-source
status_is 0 "migrate and delete"
out_like 'deleted at the source 3$' "migrate and delete: the report"
run mortise list
out_is away/x "only what was not moved is left"
run mortise --output json migrate --from other --to store
[ "$(tail -n 1 "$work/out" | grep -c '"total":3,"copied":3,"versions":')" = 1 ]
ok $? "and back, in json"
run mortise migrate --from store --to other --rate 0
status_is 2 "a rate of none"
run mortise migrate --from store --to other --jobs 65
status_is 2 "too many jobs"

# --- the journal
of other
put app/b own
rm "$work/demo/mortise.d/z.yaml"
run mortise migrate --from store --to other app/
status_is 10 "one differs: the journal stays"
printf 'app/torn-na' >>"$work/demo/migrate-store-other.journal"
run mortise migrate --from store --to other app/
out_like ', done by an earlier run 2,' "what it has is not done again"
[ -e "$work/demo/migrate-store-other.journal" ] && ! grep -q torn-na "$work/demo/migrate-store-other.journal"
ok $? "a line that was cut is no name"
run mortise migrate --from store --to other app/ --overwrite
status_is 0 "and is gone when all is done"
[ ! -e "$work/demo/migrate-store-other.journal" ]
ok $? "the journal too"
printf 'mortise migration 1 0000 from x to y\n' >"$work/journal"
run mortise migrate --from store --to other --journal "$work/journal"
status_is 8 "a journal of another migration"
err_like 'is of another migration \(mortise migration 1 0000 from x to y\)' "a journal of another migration: the message"
rm "$work/journal"
run mortise migrate --from store --to other --journal "$work/nowhere/journal"
status_is 1 "a journal that cannot be made"

# --- the trail has each, and tokens by their agency
run mortise audit search --action secret_copied --resource-id app/deep/c
out_like '	secret_copied	secret	app/deep/c' "the trail has the copies"
run mortise audit search --action secret_compared --resource-id away/x
out_like '	secret_compared	secret	away/x	.*	ok$' "and the comparisons"
printf '{"accessToken":"t","refreshToken":"r"}' | mortise token store meta c1 --agency ag_1 >"$work/log" 2>&1
run mortise migrate --from store --to other oauth/ --agency ag_2
status_is 4 "tokens of another agency than is claimed"
run mortise migrate --from store --to other oauth/ --agency ag_1
status_is 0 "tokens of the one that is claimed"
run mortise audit search --action secret_copied --agency ag_1
out_like '	secret_copied	platform_authorization	auth_.*	ag_1	' "the record has the agency"
run mortise audit verify
status_is 0 "the trail verifies"
finish
