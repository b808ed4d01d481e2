# SPDX-License-Identifier: BSD-2-Clause
# Makes a shell's completion from conf/completion/table:
#   awk -v shell=bash|zsh|fish -f completion.awk table
# Words only: what is made runs nothing and asks no backend, so no name of a secret
# is completed.  POSIX awk.
BEGIN {
	FS = "\t"
	common = "config direct output log-level help"
	who = "agency user-email ip-address user-agent metadata"
}
/^#/ { next }
$1 == "option" {
	takes[$2] = $3
	option_doc[$2] = $4
	options_list = options_list " " $2
}
$1 == "verb" {
	n++
	verb[n] = $2
	doc[$2] = $3
	options[$2] = $4 == "-" ? "" : expand($4)
	arguments[$2] = $5
	split($2, word, " ")
	if (!(word[1] in seen)) {
		seen[word[1]] = 1
		firsts = firsts " " word[1]
		first_doc[word[1]] = $3
	}
	if (word[2] != "") {
		seconds[word[1]] = seconds[word[1]] " " word[2]
		first_doc[word[1]] = trim(seconds[word[1]])
	}
}
END {
	if (shell == "bash")
		bash()
	else if (shell == "zsh")
		zsh()
	else if (shell == "fish")
		fish()
	else
		exit 1
}

function expand(names) {
	sub(/@who/, who, names)
	return names
}
# "a b" -> "--a --b"
function dashed(names) {
	gsub(/[a-z][a-z-]*/, "--&", names)
	return names
}
# Inside single quotes of a shell.
function quoted(text) {
	gsub(/'/, "'\\''", text)
	return text
}
function trim(text) {
	sub(/^ +/, "", text)
	return text
}
# The options that take something: "a|b"
function valued(kind, list, i, count, name, result) {
	count = split(trim(options_list), name, " ")
	for (i = 1; i <= count; i++) {
		if (kind == "any" ? takes[name[i]] != "-" : takes[name[i]] == kind)
			result = result (result == "" ? "" : "|") "--" name[i]
	}
	return result
}
function choices(kind) {
	return kind != "-" && kind != "text" && kind != "file" && kind != "directory" &&
	    kind != "verbs"
}

function head(comment) {
	print comment " completion for mortise(1), made from conf/completion/table."
}

function bash(  i, count, name) {
	head("# bash")
	print "_mortise_verbs='" trim(firsts) "'"
	print "_mortise_common='" dashed(common) "'"
	print "_mortise_second() {\n\tcase $1 in"
	for (name in seconds)
		lines[++count] = "\t" name ") echo '" trim(seconds[name]) "' ;;"
	sorted(count)
	print "\tesac\n}"
	print "_mortise_options() {\n\tcase $1 in"
	for (i = 1; i <= n; i++)
		if (options[verb[i]] != "")
			print "\t'" verb[i] "') echo '" dashed(options[verb[i]]) "' ;;"
	print "\tesac\n}"
	print "_mortise_values() {\n\tcase $1 in"
	count = split(trim(options_list), name_of, " ")
	for (i = 1; i <= count; i++)
		if (choices(takes[name_of[i]]))
			print "\t--" name_of[i] ") echo '" takes[name_of[i]] "' ;;"
	print "\tesac\n}"
	print "_mortise_arguments() {\n\tcase $1 in"
	for (i = 1; i <= n; i++)
		if (arguments[verb[i]] != "-")
			print "\t'" verb[i] "') echo '" arguments[verb[i]] "' ;;"
	print "\tesac\n}"
	print "_mortise() {"
	print "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}"
	print "\tlocal verb='' arguments='' given=0 i"
	print "\tCOMPREPLY=()"
	print "\tcase $before in"
	print "\t" valued("file") ") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;"
	print "\t" valued("directory") ") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return ;;"
	print "\t" valued("any") ") mapfile -t COMPREPLY < <(compgen -W \"$(_mortise_values \"$before\")\" -- \"$word\"); return ;;"
	print "\tesac"
	print "\tfor ((i = 1; i < COMP_CWORD; i++)); do"
	print "\t\tcase ${COMP_WORDS[i]} in"
	print "\t\t" valued("any") ") i=$((i + 1)) ;;"
	print "\t\t-*) ;;"
	print "\t\t*)\tif [ -z \"$verb\" ]; then"
	print "\t\t\t\tverb=${COMP_WORDS[i]}"
	print "\t\t\telif [ \"${verb% *}\" = \"$verb\" ] && [ -n \"$(_mortise_second \"$verb\")\" ]; then"
	print "\t\t\t\tverb=\"$verb ${COMP_WORDS[i]}\""
	print "\t\t\telse"
	print "\t\t\t\tgiven=$((given + 1))"
	print "\t\t\tfi ;;"
	print "\t\tesac"
	print "\tdone"
	print "\targuments=$(_mortise_arguments \"$verb\")"
	print "\tif [ -z \"$verb\" ]; then"
	print "\t\tmapfile -t COMPREPLY < <(compgen -W \"$_mortise_verbs $_mortise_common\" -- \"$word\")"
	print "\telif [ -n \"$(_mortise_second \"$verb\")\" ]; then"
	print "\t\tmapfile -t COMPREPLY < <(compgen -W \"$(_mortise_second \"$verb\") --help\" -- \"$word\")"
	print "\telif [ \"${word#-}\" != \"$word\" ]; then"
	print "\t\tmapfile -t COMPREPLY < <(compgen -W \"$(_mortise_options \"$verb\") $_mortise_common\" -- \"$word\")"
	print "\telif [ \"$arguments\" = file ]; then"
	print "\t\tcompopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\")"
	print "\telif [ \"$arguments\" = verbs ]; then"
	print "\t\tmapfile -t COMPREPLY < <(compgen -W \"$_mortise_verbs\" -- \"$word\")"
	print "\telif [ $given = 0 ]; then"
	print "\t\tmapfile -t COMPREPLY < <(compgen -W \"$arguments\" -- \"$word\")"
	print "\tfi"
	print "}"
	print "complete -F _mortise mortise"
}
# `for in` has no order of its own; a build must have one.
function sorted(count,  i, k, t) {
	for (i = 2; i <= count; i++)
		for (k = i; k > 1 && lines[k] < lines[k - 1]; k--) {
			t = lines[k]; lines[k] = lines[k - 1]; lines[k - 1] = t
		}
	for (i = 1; i <= count; i++)
		print lines[i]
}

# One option as _arguments has it.
function zsh_option(name,  text, kind) {
	text = option_doc[name]
	gsub(/\[/, "\\[", text)
	gsub(/\]/, "\\]", text)
	gsub(/:/, "\\:", text)
	kind = takes[name]
	text = "--" name (kind == "-" ? "" : "=") "[" text "]"
	if (kind == "file")
		text = text ":file:_files"
	else if (kind == "directory")
		text = text ":directory:_files -/"
	else if (choices(kind))
		text = text ":word:(" kind ")"
	else if (kind != "-")
		text = text ":" name ":"
	return "'" quoted(text) "'"
}
function zsh_options(names,  i, count, name, result) {
	count = split(names, name, " ")
	for (i = 1; i <= count; i++)
		result = result " " zsh_option(name[i])
	return trim(result)
}
function zsh_described(name, text) {
	gsub(/:/, "\\:", text)
	return "'" name ":" quoted(text) "'"
}
function zsh(  i, j, k, count, name, second) {
	print "#compdef mortise"
	head("# zsh")
	print "_mortise() {"
	print "\tlocal -a common verbs"
	print "\tlocal verb='' i curcontext=$curcontext"
	print "\tcommon=(" zsh_options(common) ")"
	print "\tfor ((i = 2; i < CURRENT; i++)); do"
	print "\t\tcase $words[i] in"
	print "\t\t(" valued("any") ") ((i++)) ;;"
	print "\t\t(-*) ;;"
	print "\t\t(*)\tif [[ -z $verb ]]; then"
	print "\t\t\t\tverb=$words[i]"
	print "\t\t\telse"
	print "\t\t\t\tcase $verb in"
	for (name in seconds)
		lines[++k] = "\t\t\t\t(" name ") verb=\"$verb $words[i]\" ;;"
	sorted(k)
	print "\t\t\t\tesac"
	print "\t\t\tfi ;;"
	print "\t\tesac"
	print "\tdone"
	print "\tcase $verb in"
	print "\t('')"
	count = split(trim(firsts), name_of, " ")
	printf "\t\tverbs=("
	for (i = 1; i <= count; i++)
		printf "%s%s", i == 1 ? "" : "\n\t\t    ", zsh_described(name_of[i], first_doc[name_of[i]])
	print ")"
	print "\t\t_describe verb verbs"
	print "\t\t_arguments $common ;;"
	for (i = 1; i <= count; i++) {
		if (!(name_of[i] in seconds))
			continue
		printf "\t(%s)\n\t\tverbs=(", name_of[i]
		k = split(trim(seconds[name_of[i]]), second, " ")
		for (j = 1; j <= k; j++)
			printf "%s%s", j == 1 ? "" : "\n\t\t    ", zsh_described(second[j], doc[name_of[i] " " second[j]])
		print ")\n\t\t_describe verb verbs ;;"
	}
	for (i = 1; i <= n; i++) {
		printf "\t('%s')\n\t\t_arguments $common", verb[i]
		if (options[verb[i]] != "")
			printf " %s", zsh_options(options[verb[i]])
		if (arguments[verb[i]] == "file")
			printf " '*:file:_files'"
		else if (arguments[verb[i]] == "verbs")
			printf " '*:verb:(%s)'", trim(firsts)
		else if (choices(arguments[verb[i]]))
			printf " '*:word:(%s)'", arguments[verb[i]]
		print " ;;"
	}
	print "\tesac"
	print "}"
	print "_mortise \"$@\""
}

function fish_option(condition, name,  kind, text) {
	kind = takes[name]
	text = "complete -c mortise -n \"" condition "\" -l " name
	if (kind == "file")
		text = text " -r -F"
	else if (kind == "directory")
		text = text " -x -a '(__fish_complete_directories)'"
	else if (choices(kind))
		text = text " -x -a '" kind "'"
	else if (kind != "-")
		text = text " -x"
	print text " -d '" quoted_fish(option_doc[name]) "'"
}
function quoted_fish(text) {
	gsub(/'/, "\\'", text)
	return text
}
function fish(  i, j, k, any, count, second, name_of) {
	head("# fish")
	print "complete -c mortise -f"
	print "function __mortise_verb"
	print "\tset -l verb"
	print "\tset -l skip no"
	print "\tfor word in (commandline -opc)[2..-1]"
	print "\t\tif test $skip = yes"
	print "\t\t\tset skip no"
	print "\t\telse"
	print "\t\t\tswitch $word"
	any = valued("any")
	gsub(/\|/, " ", any)
	print "\t\t\t\tcase " any
	print "\t\t\t\t\tset skip yes"
	print "\t\t\t\tcase '-*'"
	print "\t\t\t\tcase '*'"
	print "\t\t\t\t\tset -a verb $word"
	print "\t\t\tend"
	print "\t\tend"
	print "\tend"
	print "\tstring join ' ' -- $verb"
	print "end"
	print "# The words so far are those of this verb, or begin with them."
	print "function __mortise_is"
	print "\tset -l verb (__mortise_verb)"
	print "\ttest \"$verb\" = \"$argv\"; or string match -q -- \"$argv *\" \"$verb\""
	print "end"
	print "function __mortise_at"
	print "\tset -l verb (__mortise_verb)"
	print "\ttest \"$verb\" = \"$argv\""
	print "end"
	count = split(common, name_of, " ")
	for (i = 1; i <= count; i++)
		fish_option("true", name_of[i])
	count = split(trim(firsts), name_of, " ")
	for (i = 1; i <= count; i++) {
		print "complete -c mortise -n \"__mortise_at ''\" -a " name_of[i] " -d '" quoted_fish(first_doc[name_of[i]]) "'"
		k = split(trim(seconds[name_of[i]]), second, " ")
		for (j = 1; j <= k; j++)
			print "complete -c mortise -n \"__mortise_at " name_of[i] "\" -a " second[j] " -d '" quoted_fish(doc[name_of[i] " " second[j]]) "'"
	}
	for (i = 1; i <= n; i++) {
		count = split(options[verb[i]], name_of, " ")
		for (j = 1; j <= count; j++)
			fish_option("__mortise_is " verb[i], name_of[j])
		if (arguments[verb[i]] == "file")
			print "complete -c mortise -n \"__mortise_is " verb[i] "\" -F"
		else if (arguments[verb[i]] == "verbs")
			print "complete -c mortise -n \"__mortise_at " verb[i] "\" -a '" trim(firsts) "'"
		else if (choices(arguments[verb[i]]))
			print "complete -c mortise -n \"__mortise_at " verb[i] "\" -a '" arguments[verb[i]] "'"
	}
}
