/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/verbs.h"

#include <string.h>

#include "base/name.h"

#define NO_LIMIT SIZE_MAX

static const struct verb verbs[] = {
	{
		.name = "init",
		.usage = "[--dir DIR]",
		.summary = "make a working installation; keeps what is there",
		.options = OPT(DIR),
		.run = verb_init,
	}, {
		.name = "put",
		.usage = "NAME [--file F] [--label K=V]... [--if-version V | --if-absent]",
		.summary = "write a secret, its value from stdin; prints the new version",
		.options = OPT(FILE) | OPT(LABEL) | OPT(IF_VERSION) | OPT(IF_ABSENT) | OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_put,
	}, {
		.name = "get",
		.usage = "NAME [--version V] [--field F] [--fresh]",
		.summary = "print a secret, byte for byte",
		.options = OPT(VERSION) | OPT(FIELD) | OPT(FRESH) | OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_get,
	}, {
		.name = "delete",
		.usage = "NAME",
		.summary = "delete every version of a secret",
		.options = OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_delete,
	}, {
		.name = "list",
		.usage = "[PREFIX]",
		.summary = "print the names of secrets",
		.options = OPTIONS_WHO,
		.most = 1,
		.run = verb_list,
	}, {
		.name = "history",
		.usage = "NAME [--long]",
		.summary = "print the versions of a secret, newest first",
		.options = OPT(LONG) | OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_history,
	}, {
		.name = "token store",
		.usage = "PLATFORM CONNECTION [--agency ID] [--authorization-id ID]\n"
		    "    [--action NAME] [--file F]",
		.summary = "keep a connection's tokens, from stdin; prints the authorization",
		.options = OPT(AUTHORIZATION_ID) | OPT(ACTION) | OPT(FILE) | OPTIONS_WHO,
		.least = 2, .most = 2,
		.run = verb_token_store,
	}, {
		.name = "token get",
		.usage = "ID",
		.summary = "print tokens by secretId or authorizationId",
		.options = OPT(FRESH) | OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_token_get,
	}, {
		.name = "token revoke",
		.usage = "ID [--action NAME]",
		.summary = "delete tokens, and mark their authorization as revoked",
		.options = OPT(ACTION) | OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_token_revoke,
	}, {
		.name = "token list",
		.usage = "[--agency ID]",
		.summary = "print the authorizations, of one agency or of all",
		.options = OPTIONS_WHO,
		.run = verb_token_list,
	}, {
		.name = "state create",
		.usage = "--platform P --agency ID --redirect-uri URL [--connection C]\n"
		    "    [--ttl SECONDS] [--binding TEXT]",
		.summary = "make a one-time OAuth state, and print it",
		.options = OPT(PLATFORM) | OPT(CONNECTION) | OPT(REDIRECT_URI) | OPT(TTL) |
		    OPT(BINDING) | OPTIONS_WHO,
		.run = verb_state_create,
	}, {
		.name = "state validate",
		.usage = "STATE [--binding TEXT]",
		.summary = "use a state up, and print what it was bound to",
		.options = OPT(BINDING) | OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_state_validate,
	}, {
		.name = "audit tail",
		.usage = "[-n N] [-f]",
		.summary = "print the newest records (10)",
		.options = OPT(LAST) | OPT(FOLLOW) | OPTIONS_WHO,
		.run = verb_audit_tail,
	}, {
		.name = "audit search",
		.usage = "[--agency ID] [--action NAME] [--resource-type TYPE]\n"
		    "    [--resource-id ID] [--user TEXT] [--since TIME] [--until TIME] [-n N]\n"
		    "    [--sink NAME]",
		.summary = "print the records that match all of these",
		.options = OPT(AGENCY) | OPT(ACTION) | OPT(RESOURCE_TYPE) | OPT(RESOURCE_ID) |
		    OPT(USER_EMAIL) | OPT(SINCE) | OPT(UNTIL) | OPT(LAST) | OPT(SINK),
		.run = verb_audit_search,
	}, {
		.name = "audit report",
		.usage = "--agency ID --month YYYY-MM [--format text|csv|html] [--out FILE]",
		.summary = "print who saw which of an agency's tokens when",
		.options = OPT(AGENCY) | OPT(MONTH) | OPT(FORMAT) | OPT(OUT),
		.run = verb_audit_report,
	}, {
		.name = "audit export",
		.usage = "--agency ID [--out FILE]",
		.summary = "print an agency's records, in a form that it can verify alone",
		.options = OPT(AGENCY) | OPT(OUT),
		.run = verb_audit_export,
	}, {
		.name = "audit erase",
		.usage = "--user EMAIL | --agency ID [--since TIME] [--until TIME] |\n"
		    "    --record SEQ[-SEQ]... [--dry-run] [--yes]",
		.summary = "erase what records say of people, for ever; links stay",
		.options = OPT(USER_EMAIL) | OPT(AGENCY) | OPT(SINCE) | OPT(UNTIL) | OPT(RECORD) |
		    OPT(DRY_RUN) | OPT(YES),
		.run = verb_audit_erase,
	}, {
		.name = "audit verify",
		.usage = "[FILE... | --sink NAME] [--head F] [--expect SEQ:HASH]...\n"
		    "    [--gap FROM-TO]... [--key EPOCH:KEY]... [--checkpoint F]...",
		.summary = "verify the trail, or these segments of one, or an export",
		.options = OPT(HEAD) | OPT(EXPECT) | OPT(GAP) | OPT(KEY) | OPT(CHECKPOINT) | OPT(SINK),
		.most = NO_LIMIT,
		.run = verb_audit_verify,
	}, {
		.name = "audit head",
		.usage = "[--read-only]",
		.summary = "sign the trail, print the newest record's SEQ:HASH to keep elsewhere",
		.options = OPT(READ_ONLY),
		.run = verb_audit_head,
	}, {
		.name = "audit accept-loss",
		.usage = "--reason TEXT",
		.summary = "go on behind lost records, with the loss declared",
		.options = OPT(REASON) | OPT(USER_EMAIL),
		.run = verb_audit_accept_loss,
	}, {
		.name = "check",
		.usage = "",
		.summary = "check the configuration and its plugins, nothing else",
		.run = verb_check,
	}, {
		.name = "doctor",
		.usage = "",
		.summary = "look whether all is well, and say what to do where it is not",
		.run = verb_doctor,
	}, {
		.name = "explain",
		.usage = "get|put|keep|delete NAME [--run]",
		.summary = "show the route and chain that a call would take",
		.options = OPT(RUN) | OPTIONS_WHO,
		.least = 2, .most = 2,
		.run = verb_explain,
	}, {
		.name = "backend",
		.usage = "[NAME [COMMAND [--OPTION VALUE]...]] [--accept-rollback REASON]",
		.summary = "ask backends how they fare, or run a command of one",
		.options = OPT(ACCEPT_ROLLBACK) | OPTIONS_WHO,
		.most = NO_LIMIT,
		.foreign = true,
		.run = verb_backend,
	}, {
		.name = "backup",
		.usage = "FILE",
		.summary = "write stores and trail to a new file",
		.options = OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_backup,
	}, {
		.name = "restore",
		.usage = "FILE",
		.summary = "put a backup back",
		.options = OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_restore,
	}, {
		.name = "copy",
		.usage = "NAME --from A --to B [--newest] [--overwrite] [--dry-run]",
		.summary = "copy a secret from one backend to another",
		.options = OPT(FROM) | OPT(TO) | OPT(NEWEST) | OPT(OVERWRITE) | OPT(DRY_RUN) |
		    OPTIONS_WHO,
		.least = 1, .most = 1,
		.run = verb_copy,
	}, {
		.name = "diff",
		.usage = "A B [PREFIX] [--jobs N] [--rate N]",
		.summary = "print the names in which two backends differ",
		.options = OPT(JOBS) | OPT(RATE) | OPTIONS_WHO,
		.least = 2, .most = 3,
		.run = verb_diff,
	}, {
		.name = "migrate",
		.usage = "--from A --to B [PREFIX] [--dry-run] [--jobs N] [--rate N] [--newest]\n"
		    "    [--overwrite] [--journal F] [--delete-source]",
		.summary = "copy all secrets from one backend to another; goes on where it was stopped",
		.options = OPT(FROM) | OPT(TO) | OPT(DRY_RUN) | OPT(JOBS) | OPT(RATE) | OPT(NEWEST) |
		    OPT(OVERWRITE) | OPT(JOURNAL) | OPT(DELETE_SOURCE) | OPTIONS_WHO,
		.most = 1,
		.run = verb_migrate,
	}, {
		.name = "reconcile",
		.usage = "[NAME]",
		.summary = "bring backends up to date that writes have left behind",
		.options = OPTIONS_WHO,
		.most = 1,
		.run = verb_reconcile,
	}, {
		.name = "plugin list",
		.usage = "",
		.summary = "print the plugins that are there",
		.run = verb_plugin_list,
	}, {
		.name = "plugin show",
		.usage = "NAME [--example]",
		.summary = "print what a plugin does, and its options",
		.options = OPT(EXAMPLE),
		.least = 1, .most = 1,
		.run = verb_plugin_show,
	}, {
		.name = "plugin test",
		.usage = "FILE.so [CASE]... [--backend NAME] [--prefix P] [--read-only]",
		.summary = "try out what a plugin promises",
		.options = OPT(BACKEND) | OPT(PREFIX) | OPT(READ_ONLY),
		.least = 1, .most = NO_LIMIT,
		.run = verb_plugin_test,
	}, {
		.name = "version",
		.usage = "",
		.summary = "print the version",
		.run = verb_version,
	}, {
		.name = "help",
		.usage = "[VERB]",
		.summary = "show what there is, or one verb",
		.most = 2,
		.run = verb_help,
	},
};

const struct verb *
verb_at(size_t i)
{
	return i < ARRAY_SIZE(verbs) ? &verbs[i] : NULL;
}

/* The length of a name's first word. */
static size_t
first_length(const struct verb *verb)
{
	return strcspn(verb->name, " ");
}

static bool
begins_with(const struct verb *verb, const char *first)
{
	size_t length = first_length(verb);

	return strlen(first) == length && memcmp(verb->name, first, length) == 0;
}

/* "store" of "token store"; NULL for a verb of one word. */
static const char *
second_of(const struct verb *verb)
{
	size_t length = first_length(verb);

	return verb->name[length] == '\0' ? NULL : verb->name + length + 1;
}

const struct verb *
verb_find(const char *first, const char *second)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *own = second_of(&verbs[i]);

		if (begins_with(&verbs[i], first) && (second == NULL ? own == NULL :
		    own != NULL && strcmp(own, second) == 0))
			return &verbs[i];
	}
	return NULL;
}

bool
verb_is_group(const char *first)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (begins_with(&verbs[i], first) && second_of(&verbs[i]) != NULL)
			return true;
	}
	return false;
}

int
verb_unknown(const char *group, const char *word)
{
	static const char *const groups[] = {"token", "state", "audit", "plugin", NULL};
	const char *candidates[ARRAY_SIZE(verbs) + ARRAY_SIZE(groups)], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *second = second_of(&verbs[i]);

		if (group == NULL ? second == NULL :
		    second != NULL && begins_with(&verbs[i], group))
			candidates[n++] = group == NULL ? verbs[i].name : second;
	}
	for (size_t i = 0; group == NULL && groups[i] != NULL; i++)
		candidates[n++] = groups[i];
	candidates[n] = NULL;
	nearest = nearest_word(word, candidates);
	if (nearest != NULL)
		return usage_error("there is no verb %s%s%s; did you mean %s?",
		    group == NULL ? "" : group, group == NULL ? "" : " ", word, nearest);
	return usage_error("there is no verb %s%s%s; `mortise %s%s--help` lists them",
	    group == NULL ? "" : group, group == NULL ? "" : " ", word,
	    group == NULL ? "" : group, group == NULL ? "" : " ");
}
