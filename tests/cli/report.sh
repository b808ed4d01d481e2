#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# audit report: who saw which of an agency's tokens when, as text, CSV and HTML.
. "$srcdir/tests/cli/lib.sh"
python=${PYTHON:-python3}
command -v "$python" >/dev/null || skip_all "no python"
demo
trail=$work/demo/trail
printf 'audit: {trail: {path: "%s", retention: 36500d}}\n' "$trail" >"$work/demo/mortise.d/keep.yaml"
# made SPAN: a trail of September 2026.
made() {
	rm -rf "$trail"
	mkdir -m 700 "$trail"
	"$python" "$srcdir/tests/cli/made_trail.py" "$trail" "$1"
}
report() {
	run mortise audit report --agency ag_1 --month 2026-09 "$@"
}

made edges
# Makes a head, so that nothing is said of its absence.
mortise audit tail -n 1 >"$work/out" 2>&1
report
status_is 0 "a report"
empty err "a report: no message"
out_like '^Agency +ag_1$' "text: the agency"
out_like '^Month +2026-09 \(all times are UTC\)$' "text: the month"
out_like '^Trail +(ab){16}$' "text: the trail"
out_like '^Verified +[0-9]+ records, to [0-9]+ [0-9a-f]{64}, signed to [0-9]+ in epoch 1$' "text: the verdict"
out_like '^Accesses +7$' "text: how many"
out_like '^Records +4 to 17$' "text: the first and the last record"
last=$(grep '"seq":17,' "$trail/000001.jsonl" | sed 's/.*"h":"\([0-9a-f]*\)"}$/\1/')
out_like "^Last record +17:$last\$" "text: the last record's hash"
run mortise audit verify --expect "17:$last"
status_is 0 "and it can be expected of the trail"
report
# person REGEX NAME: how a line of the accesses goes on.
person() {
	out_like "^20[0-9: -]{17} +$1" "$2"
}
person 'begun-before@x .* ok$' "an operation is of the month that it ended in"
person 'false-claim@x .* denied \(agency\) +REFUSED, claimed to be ag_2$' "a false claim of another is shown"
person 'no-outcome@x .* unknown outcome$' "an intent without an outcome"
person 'writer-gone@x .* unknown outcome$' "an intent whose writer was gone"
person 'withheld@x .* withheld \(sink\) +REFUSED$' "what a sink withheld"
person 'no-claim@x .* ok$' "an operation whose intent names no agency"
for absent in before@x ends-after@x stranger@y liar@y auth_9; do
	! grep -q "[ ,]$absent" "$work/out"
	ok $? "$absent is in no line"
done
out_like '^platform_authorization auth_1 +2026-09-01 00:00:00  2026-09-09 10:00:01  6 +2 +begun-before@x, ' "text: a token's line"
[ "$(grep -c '@x .*auth_1' "$work/out")" = 6 ]
ok $? "an intent and its outcome are one access"
mortise audit search --action audit_read --output json | grep -q '"resourceType":"audit_trail"'
ok $? "the report is in the trail"

# --- CSV
report --format csv
status_is 0 "CSV"
"$python" - "$work/out" >"$work/csv" 2>"$work/err" <<'END'
import csv, sys
with open(sys.argv[1], newline="") as file:
    text = file.read()
rows = list(csv.DictReader(text.splitlines(keepends=True)))
assert text.endswith("\r\n") and text.count("\r\n") == len(rows) + 2, "line ends"
assert [len(row) for row in rows] == [11] * 7
assert rows[0]["record"] == "4" and rows[0]["time_utc"] == "2026-09-01 00:00:00"
assert rows[1]["claimed_agency"] == "ag_2" and rows[1]["result"] == "denied (agency)"
assert rows[6]["who"] == "\"&<b>',\r\n", rows[6]
assert rows[6]["action"] == "'=1+2" and rows[6]["resource"] == "'-1"
assert rows[6]["address"] == "192.0.2.7" and len(rows[6]["hash"]) == 64
END
ok $? "CSV: what a reader of CSV finds"
note err "$work/err"

# --- HTML
report --format html --out "$work/report.html"
status_is 0 "HTML"
empty out "HTML: --out leaves nothing for stdout"
[ "$(stat -c %a "$work/report.html")" = 600 ] && [ ! -e "$work/report.html.partial" ]
ok $? "HTML: the file"
"$python" - "$work/report.html" >"$work/out" 2>"$work/err" <<'END'
import re, sys
import xml.etree.ElementTree as xml
with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
page = xml.fromstring(text)
H, S = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
names = {element.tag for element in page.iter()}
assert not names & {H + "script", H + "img", H + "link", H + "iframe", H + "b"}, names
assert not re.search(r"""(src|href)=|url\(|@import""", text)
for at in re.findall(r"https?://[^\"' ]*", text):
    assert at in ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"), at
rows = page.findall(f".//{H}tbody/{H}tr")
assert len(rows) == 2 + 7, len(rows)
assert [row.get("class") for row in rows].count("refused") == 2
words = " ".join(page.itertext())
for want in ("Who saw the tokens of ag_1", "all times are UTC", "\"&<b>',", "=1+2", "unknown outcome",
             "Refused: denied (agency); claimed to be ag_2", "7, of them 2 refused"):
    assert want in words, want
assert "prefers-color-scheme: dark" in text and "size: A4" in text
# The picture: a bar as high as the axis says, one behind the other, on the right day.
chart = page.find(f".//{S}svg")
bars = [(b.find(f"{S}title").text, float(b.get("x")), float(b.get("y")), float(b.get("height")))
        for b in chart.findall(f"{S}rect")]
assert [title for title, _, _, _ in bars] == [
    "2026-09-01 token_viewed: 1", "2026-09-02 refused: 1", "2026-09-03 token_viewed: 1",
    "2026-09-04 token_viewed: 1", "2026-09-06 refused: 1", "2026-09-09 token_viewed: 1",
    "2026-09-10 =1+2: 1"], bars
days = [text for text in chart.findall(f"{S}text") if text.get("text-anchor") == "middle"]
assert [day.text for day in days] == [str(n) for n in range(1, 31)]
for title, x, y, height in bars:
    middle = float(days[int(title[8:10]) - 1].get("x"))
    assert x < middle < x + 22 and abs(height - 176 / 4) < .1 and abs(y + height - 184) < .1, title
END
ok $? "HTML: well-formed, with nothing from elsewhere, and what it says"
note err "$work/err"
cp "$work/report.html" "$work/kept"
report --format html --out "$work/report.html"
status_is 8 "--out replaces none"
err_like 'report.html is there already; name a new file' "--out replaces none: the message"
cmp -s "$work/report.html" "$work/kept"
ok $? "--out replaces none: the file"
: >"$work/other.partial"
report --out "$work/other"
status_is 8 "one that is being made"
err_like 'other.partial is there: another such file is being made, or was killed; remove it' "one that is being made: the message"
report --out "$work/nowhere/file"
status_is 1 "no such directory"

# --- what is not well
run mortise audit report --agency ag_7 --month 2026-09
status_is 0 "an agency without accesses"
out_like '^Accesses +0$' "an agency without accesses: none"
run mortise audit report --agency ag_7 --month 2026-09 --format html
out_like 'There was no access in this month' "an agency without accesses: HTML"
sed -i 's/begun-before@x/begun-behind@x/' "$trail/000001.jsonl"
report
status_is 10 "a trail that does not verify"
out_like '^NOT VERIFIED +record [0-9]+: personal part differs$' "a trail that does not verify: the report says so"
err_like 'the trail does not verify, and the report says so' "a trail that does not verify: the message"
report --format html
out_like 'class="bad">NOT VERIFIED' "a trail that does not verify: HTML"

made month
mortise audit tail -n 1 >"$work/out" 2>&1
report
[ "$(grep -c '^2026-09' "$work/out")" = "$(grep -c '"t":"outcome".*"resourceType":"platform' "$trail/000001.jsonl")" ]
ok $? "every outcome of a month is an access"
finish
