#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# describe.sh HEADERS LIBRARY: what the compiler says of the ABI, a line an item,
# separated by tabs: of each public struct its size and its members' offsets and
# sizes, enum values, numbers that are macros, exported symbols.
# `make abi-golden` writes it to tests/golden/abi-0.1.txt.
set -eu
LC_ALL=C
export LC_ALL
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
	echo '#include <stdio.h>'
	echo '#include <mortise/mortise.h>'
	echo '#include <mortise/plugin.h>'
	echo 'int main(void) {'
	cat "$1/mortise/types.h" "$1/mortise/mortise.h" "$1/mortise/audit.h" "$1/mortise/plugin.h" | awk '
	{	# Without comments, which may go over lines.
		line = $0; text = ""
		while (line != "") {
			if (comment) {
				if (!(at = index(line, "*/"))) break
				line = substr(line, at + 2); comment = 0
			} else {
				if (!(at = index(line, "/*"))) { text = text line; break }
				text = text substr(line, 1, at - 1)
				line = substr(line, at + 2); comment = 1
			}
		}
	}
	text ~ /^#define MORTISE_[A-Z_]+[ \t]+[(0-9U]/ {
		split(text, word, /[ \t]+/)
		printf "printf(\"macro\\t%s\\t%%lld\\n\", (long long)(%s));\n", word[2], word[2]
	}
	text ~ /^(struct|enum) mortise_[a-z_]+ \{/ {
		split(text, word, " "); kind = word[1]; name = word[2]; rest = ""
		if (kind == "struct")
			printf "printf(\"struct\\t%s\\t%%zu\\n\", sizeof(struct %s));\n", name, name
		next
	}
	kind == "" { next }
	text ~ /^};/ {
		if (kind == "enum") { sub(/^/, ",", rest); values(rest) }
		kind = ""; next
	}
	kind == "enum" { rest = rest text; next }
	{
		rest = rest " " text
		if (rest ~ /;[ \t]*$/) { members(rest); rest = "" }
	}
	function values(rest,   n, i, word) {
		n = split(rest, word, ",")
		for (i = 1; i <= n; i++) {
			gsub(/[ \t]|=.*/, "", word[i])
			if (word[i] != "")
				printf "printf(\"enum\\t%s\\t%%d\\n\", (int)%s);\n", word[i], word[i]
		}
	}
	function members(rest,   n, i, word) {
		if (match(rest, /\(\*[a-z_]+\)/)) {
			member(substr(rest, RSTART + 2, RLENGTH - 3)); return
		}
		gsub(/;|\[[^]]*\]/, "", rest)
		n = split(rest, word, ",")
		for (i = 1; i <= n; i++) {
			sub(/[ \t]+$/, "", word[i]); sub(/.*[^a-z0-9_]/, "", word[i]); member(word[i])
		}
	}
	function member(m) {
		printf "printf(\"member\\t%s.%s\\t%%zu\\t%%zu\\n\", offsetof(struct %s, %s), sizeof(((struct %s *)0)->%s));\n", \
		    name, m, name, m, name, m
	}'
	echo 'return 0; }'
} >"$work/abi.c"
${CC:-cc} -std=c11 -I"$1" -o "$work/abi" "$work/abi.c"
"$work/abi" >"$work/text"
[ -s "$work/text" ]
cat "$work/text"
nm -D --defined-only "$2" | sed -n 's/.* T \(mortise_[a-z_0-9]*\)@.*/symbol	\1/p' | sort
