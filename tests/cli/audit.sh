#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# audit: what is recorded, how it is found, and what verify finds.
. "$srcdir/tests/cli/lib.sh"
demo
trail=$work/demo/trail

printf value | mortise put app/key --user-email ann@agency.example >"$work/out"
MORTISE_AUDIT_USER_EMAIL=bob@agency.example MORTISE_AUDIT_IP_ADDRESS=192.0.2.7 \
    MORTISE_AUDIT_USER_AGENT='curl/8' MORTISE_AUDIT_METADATA='{"ticket": 12}' \
    mortise get app/key >"$work/out"
mortise get app/nothing >"$work/out" 2>&1
printf '{"access_token":"canary"}' |
    mortise token store meta_ads act_1 --agency ag_1 --action AGENCY_CONNECTED >"$work/out"
mortise token get oauth/meta_ads/act_1 --agency ag_2 >"$work/out" 2>&1

# --- tail
run mortise audit tail -n 1
status_is 0 "audit tail"
out_like '^[0-9]+	20[0-9T:.-]+Z	outcome	token_viewed	platform_authorization	auth_[a-z2-7]+	ag_1	-	denied$' "audit tail: the newest record, a line with tabs"
for i in 1 2 3 4; do
	mortise list app >"$work/out"
done
run mortise audit tail
[ "$(wc -l <"$work/out")" = 10 ]
ok $? "audit tail: ten of them"
run mortise audit tail -n 3 --output json
[ "$(wc -l <"$work/out")" = 3 ]
ok $? "audit tail -n 3"
out_like '^\{"c":\{"v":1,.*"p":.*"h":"[0-9a-f]{64}"\}$' "audit tail as JSON: records as they stand in the trail"
tail -n 1 "$work/out" >"$work/line"
grep -qxF -f "$work/line" "$trail"/*.jsonl
ok $? "audit tail as JSON: byte for byte"
mortise audit tail -f -n 1 >"$work/followed" 2>"$work/err" &
follower=$!
# Not a measure of time: as long as it takes, at most a minute.
tries=0
while [ ! -s "$work/followed" ] && [ "$tries" -lt 600 ]; do sleep 0.1; tries=$((tries + 1)); done
mortise get app/key --user-email follow@agency.example >"$work/out"
tries=0
while ! grep -q follow@agency.example "$work/followed" && [ "$tries" -lt 600 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
grep -q follow@agency.example "$work/followed"
ok $? "audit tail -f shows what comes"
kill "$follower"
wait "$follower" 2>"$work/err"
[ "$(grep -c follow@agency.example "$work/followed")" = 1 ]
ok $? "audit tail -f shows it once"

# --- search
run mortise audit search --user-email bob@agency.example --output json
status_is 0 "audit search"
out_like '"action":"secret_viewed"' "audit search: the action"
out_like '"resourceId":"app/key"' "audit search: the resource"
out_like '"ipAddress":"192.0.2.7"' "the variables: the address"
out_like '"userAgent":"curl/8"' "the variables: the user agent"
out_like '"metadata":\{"ticket":12\}' "the variables: metadata"
out_like "\"uid\":$(id -u)" "and the process's own uid"
[ "$(wc -l <"$work/out")" = 1 ]
ok $? "audit search finds nothing else"
run mortise audit search --user-email bob@agency.example
[ "$(wc -l <"$work/out")" = 1 ]
ok $? "what audit search looks for is no claim of who asks"
run mortise audit search --action secret_viewed --resource-id app/nothing
out_like '	outcome	secret_viewed	secret	app/nothing	-	-	not_found$' "a get of what is not there is recorded"
run mortise audit search --agency ag_1 --action token_viewed --output json
out_like '"claimed":"ag_2"' "a false claim is recorded with the token's own agency"
run mortise audit search --action AGENCY_CONNECTED --resource-type platform_authorization
[ "$(wc -l <"$work/out")" = 2 ]
ok $? "a store is an intent and an outcome"
run mortise audit search --action secret_viewed -n 1
[ "$(wc -l <"$work/out")" = 1 ]
ok $? "audit search -n"
run mortise audit search --action audit_read -n 2
[ "$(wc -l <"$work/out")" = 2 ]
ok $? "audit search -n of searches"
run mortise audit search --since 2001-01-01T00:00:00Z --until 2002-01-01T00:00:00+02:00
status_is 0 "audit search of an empty span"
empty out "audit search of an empty span finds nothing"
run mortise audit search --since 2001-01-01T00:00:00Z --action secret_written
[ "$(wc -l <"$work/out")" = 2 ]
ok $? "audit search --since"
run mortise audit search --action audit_read
[ -s "$work/out" ]
ok $? "reading the trail is recorded"
run mortise audit search --action 'secret_*' --user bob@agency.example
[ "$(wc -l <"$work/out")" = 1 ]
ok $? "audit search by a glob, and --user is --user-email"

# --- for people
run mortise audit search --resource-id app/key --output plain
out_like '^TIME \(UTC\) +WHO +ACTION  +RESOURCE  AGENCY  CODE$' "a table: its head"
out_like '^20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}  ann@agency.example +secret_written  app/key +\(intent\)$' "a table: an intent"
out_like '^20[0-9: -]+  bob@agency.example +secret_viewed +app/key +ok$' "a table: an outcome"
run mortise audit tail -n 1 --output plain
[ "$(wc -l <"$work/out")" = 2 ]
ok $? "audit tail as a table"
if command -v "${PYTHON:-python3}" >/dev/null; then
	mortise get app/key --user-email "a-very-long-name-of-somebody-\303\274@agency.example" >"$work/out"
	"${PYTHON:-python3}" - "$builddir" >"$work/out" 2>"$work/err" <<'END'
import fcntl, os, pty, struct, subprocess, sys, termios
program = sys.argv[1] + "/.libs/mortise"
program = program if os.path.exists(program) else sys.argv[1] + "/mortise"
env = {**os.environ, "LD_LIBRARY_PATH": sys.argv[1] + "/core/.libs"}
for columns in (70, 500):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen([program, "audit", "search"], env=env, stdout=slave)
    os.close(slave)
    text = b""
    try:
        while piece := os.read(master, 65536):
            text += piece
    except OSError:
        pass
    lines = text.decode().replace("\r\n", "\n").splitlines()
    print(columns, child.wait(), lines[0].split()[0], max(map(len, lines)) <= columns,
          any("\u2026" in line for line in lines), any("agency.example" in line for line in lines))
END
	out_like '^70 0 TIME True True ' "on a terminal: a table as wide as that"
	out_like '^500 0 TIME True False True$' "on a wide terminal: nothing is cut"
fi
run mortise list app
run mortise history app/key
run mortise delete app/key
for action in secret_listed secret_described secret_deleted; do
	run mortise audit search --action $action
	out_like "	$action	" "$action is recorded"
done
printf 'x\033]0;title\007' >"$work/escape"
run mortise get app/none --user-email "$(cat "$work/escape")"
run mortise audit tail -n 1
! grep -q "$(printf '\033')" "$work/out"
ok $? "a claim cannot steer the terminal"

# --- head and verify
run mortise audit verify
status_is 0 "audit verify"
out_like '^[0-9]+ records, to [0-9]+ [0-9a-f]{64}(, signed to [0-9]+ in epoch 1)?$' "audit verify: one line"
run mortise audit verify --output json
out_like '^\{"result":"ok","verdict":"[^"]+"\}$' "audit verify as JSON"
run mortise audit head
status_is 0 "audit head"
out_like '^[0-9]+:[0-9a-f]{64}$' "audit head: SEQ:HASH"
anchor=$(cat "$work/out")
run mortise audit head --output json
hex=[0-9a-f]
out_like "^\{\"trail\":\"$hex{32}\",\"seq\":[0-9]+,\"hash\":\"$hex{64}\",\"of\":[0-9]+,\"h\":\"$hex{64}\",\"epoch\":1,\"key\":\"$hex{64}\",\"next\":\"\",\"ts\":\"[0-9T:.-]+Z\",\"sig\":\"$hex{128}\"\}$" "audit head as JSON"
cp "$work/out" "$work/checkpoint"
[ "$(sed 's/.*"seq":\([0-9]*\),"hash":"\([0-9a-f]*\)".*/\1:\2/' "$work/checkpoint")" = "$anchor" ]
ok $? "audit head twice: the trail was signed already"
run mortise audit verify --expect "$anchor"
status_is 0 "audit verify --expect of what is there"
run mortise audit verify
out_like ", signed to $((${anchor%%:*} - 1)) in epoch 1$" "audit verify says how far it is signed"
[ "$(stat -c %a "$trail/epoch-1.key")" = 600 ]
ok $? "the private key is the owner's alone"
key=$(sed 's/.*"key":"\([0-9a-f]*\)".*/\1/' "$work/checkpoint")
cp -R "$trail" "$work/good"
run mortise audit verify --key "1:$key" --checkpoint "$work/checkpoint"
status_is 0 "audit verify with a key and a checkpoint that were kept"
run mortise audit verify --key "2:$key"
status_is 11 "audit verify with a key of an epoch to come"
run mortise audit verify --key "1:$(printf '%064d' 0)"
status_is 10 "audit verify with another key"
out_like '^record after [0-9]+: another key than the known one$' "audit verify with another key: the record"
run mortise audit verify --key "$key"
status_is 2 "audit verify with a key of no epoch"
err_like -- '--key takes EPOCH:KEY' "audit verify with a key of no epoch: the message"
sed 's/"of":[0-9]*/"of":3/' "$work/checkpoint" >"$work/forged"
run mortise audit verify --checkpoint "$work/forged"
status_is 12 "audit verify with a forged checkpoint"
out_like 'forged: its signature is wrong$' "audit verify with a forged checkpoint: the message"
run mortise audit verify --checkpoint "$work/good/head"
status_is 12 "audit verify with a checkpoint that is none"
mortise list app >"$work/out"
run mortise audit head --read-only
[ "$status" = 0 ] && [ "${anchor%%:*}" -lt "$(sed 's/:.*//' "$work/out")" ]
ok $? "audit head --read-only: the newest record"
run mortise audit head --read-only --output json
out_like "\"of\":$((${anchor%%:*} - 1)),.*\"key\":\"$key\"" "audit head --read-only: the checkpoint that there is"
if command -v openssl >/dev/null && [ -n "$PYTHON" ]; then
	run "$PYTHON" "$srcdir/doc/audit/verify.py" "$work"/good/*.jsonl --key "1:$key" --checkpoint "$work/checkpoint"
	status_is 0 "verify.py says so, too"
	out_like 'signed to [0-9]+ in epoch 1$' "verify.py says how far it is signed"
	# without_openssl WORD...: of verify.py.
	without_openssl() {
		run "$PYTHON" -c 'import os, runpy, sys
os.environ["PATH"] = "/nowhere"
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$srcdir/doc/audit/verify.py" "$@"
	}
	without_openssl "$work"/good/*.jsonl
	status_is 12 "verify.py without openssl"
	out_like 'signatures need the command openssl.*--no-signatures' "verify.py without openssl: the message"
	without_openssl "$work"/good/*.jsonl --no-signatures
	status_is 0 "verify.py --no-signatures"
else
	skip "verify.py" "no Python, or no openssl"
fi
run mortise audit verify --head "$work/good/head" "$work"/good/*.jsonl
status_is 0 "audit verify of files"
run mortise audit verify --expect "999999:${anchor#*:}"
status_is 11 "audit verify --expect of what is to come"
run mortise audit verify --expect "${anchor%%:*}:$(printf '%064d' 0)"
status_is 10 "audit verify --expect of another hash"
run mortise audit verify "$work/no-such-file"
status_is 12 "audit verify of no file"
: >"$work/empty.jsonl"
run mortise audit verify "$work/empty.jsonl"
status_is 12 "audit verify of an empty file"
sed 's/secret_written/secret_viewed_/' "$work"/good/*.jsonl >"$work/changed.jsonl"
run mortise audit verify "$work/changed.jsonl"
status_is 10 "audit verify of a changed record"
out_like 'record (after )?[0-9]+' "audit verify names the record"
run mortise audit verify --output json "$work/changed.jsonl"
out_like '^\{"result":"difference","verdict":' "audit verify of a changed record as JSON"
sed 3d "$work"/good/*.jsonl >"$work/cut.jsonl"
run mortise audit verify "$work/cut.jsonl"
status_is 10 "audit verify of a removed record"
{ sed -n 1,2p "$work"/good/*.jsonl; sed -n 4p "$work"/good/*.jsonl; sed -n 3p "$work"/good/*.jsonl; } >"$work/swapped.jsonl"
run mortise audit verify "$work/swapped.jsonl"
status_is 10 "audit verify of swapped records"
sed '$d' "$work"/good/*.jsonl >"$work/short.jsonl"
run mortise audit verify "$work/short.jsonl"
status_is 0 "audit verify of a cut end shows nothing by itself"
run mortise audit verify --head "$work/good/head" "$work/short.jsonl"
status_is 11 "audit verify of a cut end with the head"
run mortise audit verify --expect "$anchor" "$work/short.jsonl"
status_is 11 "audit verify of a cut end with an anchor"

# --- loss
segment=$(ls "$trail"/*.jsonl | tail -n 1)
cp "$work/short.jsonl" "$segment"
run mortise audit verify
status_is 11 "audit verify of the trail, cut"
run mortise list
[ "$status" != 0 ] && [ ! -s "$work/out" ]
ok $? "nothing is released behind a cut trail"
err_like 'accept-loss' "the message says what can be done"
run mortise audit accept-loss --reason 'disk replaced' --user-email ops@agency.example
status_is 0 "audit accept-loss"
run mortise list
status_is 0 "and the trail goes on"
run mortise audit verify
status_is 11 "a declared loss is a loss"
gap=$(sed -n 's/^records \([0-9]*\) to \([0-9]*\) are missing.*/\1-\2/p' "$work/out")
run mortise audit verify --gap "${gap:-0-0}"
status_is 0 "audit verify --gap of what was declared"
grep -q 'disk replaced' "$trail"/*.jsonl && grep -q 'ops@agency.example' "$trail"/*.jsonl
ok $? "the loss stands in the trail, with who accepted it and why"
rm "$trail/head"
run mortise audit verify
status_is 12 "audit verify without the head file"
# --- what runs: told when it is another than the trail knows
configs() {
	cat "$work"/demo/trail/*.jsonl | grep -c '"t":"config"'
}
mortise get app/one >/dev/null 2>&1
before=$(configs)
mortise get app/one >/dev/null 2>&1
[ "$(configs)" = "$before" ]
ok $? "the same configuration is not told again"
echo '# a change' >>"$MORTISE_CONFIG"
mortise get app/one >/dev/null 2>&1
mortise get app/one >/dev/null 2>&1
[ "$(configs)" = $((before + 1)) ]
ok $? "a changed configuration is told once, at the next start"
cat "$work"/demo/trail/*.jsonl | grep '"t":"config"' | tail -n 1 >"$work/record"
matches record '"digest":"[0-9a-f]{64}","plugins":\[\{"name":"local","version":"[^"]*","path":"[^"]*","sha256":"[0-9a-f]{64}"\}\]' "with the digest of it, and of each plugin"
mkdir -m 755 "$work/newer"
cp "$builddir/plugins/.libs/local.so" "$work/newer"
chmod 755 "$work/newer/local.so"
printf x >>"$work/newer/local.so"
before=$(configs)
sed -i "s|plugin-path:.*|plugin-path: [$work/newer]|" "$work/demo/mortise.d/build.yaml"
mortise get app/one >/dev/null 2>&1
[ "$(configs)" = $((before + 1)) ]
ok $? "so is another plugin"
run mortise audit verify --gap "${gap:-0-0}"
status_is 0 "what runs: the trail verifies"
finish
