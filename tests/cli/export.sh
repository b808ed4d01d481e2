#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# audit export: an agency's records, which it can verify without the others'.
. "$srcdir/tests/cli/lib.sh"
python=${PYTHON:-python3}
command -v "$python" >/dev/null || skip_all "no python"
demo
trail=$work/demo/trail
second() {
	"$python" "$srcdir/doc/audit/verify.py" "$@" >"$work/second" 2>&1
}

for i in 1 2; do
	printf '{"access_token":"canary"}' | mortise token store meta_ads act_$i --agency ag_$i \
	    --user-email ann$i@agency.example >"$work/out"
done
mortise token get oauth/meta_ads/act_1 --agency ag_1 --user-email bob1@agency.example >"$work/out"
mortise token get oauth/meta_ads/act_2 --agency ag_2 --user-email bob2@agency.example >"$work/out"
mortise token get oauth/meta_ads/act_1 --agency ag_2 --user-email liar2@agency.example >"$work/out" 2>&1
mortise audit search --output json >"$work/all"
run mortise audit export --agency ag_1 --out "$work/one"
status_is 0 "export"
empty out "export: --out leaves nothing for stdout"
err_like '^mortise: [0-9]+ records, [0-9]+ of them whole; who verifies them: --expect [0-9]+:[0-9a-f]{64}$' "export: what it is, and its anchor"
anchor=$(sed -n 's/.*--expect //p' "$work/err")
[ "$(stat -c %a "$work/one")" = 600 ] && [ "$(head -n 1 "$work/one")" = '{"mortiseExport":1}' ]
ok $? "export: the file"
run mortise audit verify "$work/one"
status_is 0 "it verifies alone"
out_like '^[0-9]+ records, [0-9]+ of them as digests only, to [0-9]+ [0-9a-f]{64}$' "it verifies alone: the verdict"
second "$work/one" && cmp -s "$work/second" "$work/out"
ok $? "the other verifier says the same"
run mortise audit verify --expect "$anchor" "$work/one"
status_is 0 "with its anchor"
sed '$d' "$work/one" >"$work/cut"
run mortise audit verify --expect "$anchor" "$work/cut"
status_is 11 "with its anchor, cut"
second --expect "$anchor" "$work/cut"
[ $? = 11 ]
ok $? "with its anchor, cut: the other verifier"
grep '"agencyId":"ag_1"' "$work/all" >"$work/mine"
[ "$(grep -cxF -f "$work/mine" "$work/one")" = "$(wc -l <"$work/mine")" ] && [ -s "$work/mine" ]
ok $? "the agency's records are whole"
! grep -q '"agencyId":"ag_2"\|act_2\|ann2@\|bob2@' "$work/one"
ok $? "nothing of another agency"
grep -q '"claimed":"ag_2".*liar2@agency.example' "$work/one"
ok $? "a false claim is of whom it was claimed from"
run mortise audit export --agency ag_2
status_is 0 "the other's export, to stdout"
! grep -q 'liar2@\|"agencyId":"ag_1"' "$work/out" && grep -q 'bob2@agency.example' "$work/out"
ok $? "a false claim is not of who made it"
cp "$work/out" "$work/two"
run mortise audit verify "$work/two"
status_is 0 "that verifies too"
mortise audit search --action audit_exported --output json >"$work/exports"
[ "$(grep -c '"agencyId":"ag_[12]".*"code":"ok"' "$work/exports")" = 2 ]
ok $? "exports are in the trail"
! grep -q audit_exported "$work/one"
ok $? "an export does not have its own record"
MORTISE_AUDIT_AGENCY_ID=ag_2
export MORTISE_AUDIT_AGENCY_ID
run mortise audit export --agency ag_1 --out "$work/stolen"
status_is 4 "who claims another agency"
[ ! -e "$work/stolen" ] && [ ! -e "$work/stolen.partial" ]
ok $? "who claims another agency: no file"
unset MORTISE_AUDIT_AGENCY_ID
run mortise audit export --agency ag_1 --out "$work/one"
status_is 8 "an export replaces none"
run mortise audit export --agency nobody
status_is 0 "an agency without records"
[ "$(grep -c '^{"c":' "$work/out")" = 1 ] && [ "$(grep -c '^{"d":' "$work/out")" -gt 10 ]
ok $? "an agency without records: its open record, and digests"
run mortise audit export --agency ''
status_is 2 "no agency"

# --- erased parts, several segments, operations that did not end
mortise audit erase --user bob1@agency.example --yes >"$work/out" 2>&1
run mortise audit export --agency ag_1 --out "$work/erased"
! grep -q bob1@ "$work/erased" && grep -q '"t":"erase"' "$work/erased"
ok $? "erased: the text is gone, the erase record is there"
run mortise audit verify "$work/erased"
status_is 0 "erased: it verifies"
second "$work/erased"
ok $? "erased: the other verifier"
printf 'audit: {trail: {path: "%s", retention: 36500d}}\n' "$trail" >"$work/demo/mortise.d/keep.yaml"
for span in edges 'many 60'; do
	rm -rf "$trail"
	mkdir -m 700 "$trail"
	# Words are split on purpose.
	"$python" "$srcdir/tests/cli/made_trail.py" "$trail" $span
	run mortise audit export --agency ag_1
	cp "$work/out" "$work/made"
	run mortise audit verify "$work/made"
	status_is 0 "made of $span"
	second "$work/made"
	ok $? "made of $span: the other verifier"
	[ "$(grep -c '"t":"open"' "$work/made")" = "$(ls "$trail"/*.jsonl | wc -l)" ]
	ok $? "made of $span: the segments' first records"
	[ "$span" = edges ] || continue
	for who in begun-before false-claim no-outcome writer-gone withheld no-claim; do
		grep -q "$who@x" "$work/made"
		ok $? "whole: $who"
	done
	grep -q '"code":"unknown"' "$work/made" && grep -q '"t":"refused"' "$work/made"
	ok $? "whole: what ends an operation without naming it"
	! grep -q 'stranger@y\|liar@y\|auth_9' "$work/made"
	ok $? "not whole: another agency's, also where ours was claimed"
done
finish
