/* SPDX-License-Identifier: BSD-2-Clause */
/* verbs.h: the table of verbs, and how they are found. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/cli.h"

struct verb {
	const char *name;		/* "get", "token store" */
	const char *usage;		/* its words and own options, behind the name */
	const char *summary;
	uint64_t options;		/* beside the common ones */
	size_t least, most;		/* words */
	bool foreign;			/* options that are not its own are words too */
	int (*run)(struct cli *);
};

/* In the order of help; NULL: no more. */
const struct verb *verb_at(size_t i);
/* A whole verb, `second` NULL for one of one word; NULL: there is none. */
const struct verb *verb_find(const char *first, const char *second);
/* Does a second word follow? */
bool verb_is_group(const char *first);
/* Says so, with what may have been meant; EXIT_USAGE. */
int verb_unknown(const char *group, const char *word);

int verb_init(struct cli *);
int verb_put(struct cli *);
int verb_get(struct cli *);
int verb_delete(struct cli *);
int verb_list(struct cli *);
int verb_history(struct cli *);
int verb_token_store(struct cli *);
int verb_token_get(struct cli *);
int verb_token_revoke(struct cli *);
int verb_token_list(struct cli *);
int verb_state_create(struct cli *);
int verb_state_validate(struct cli *);
int verb_audit_tail(struct cli *);
int verb_audit_search(struct cli *);
int verb_audit_report(struct cli *);
int verb_audit_export(struct cli *);
int verb_audit_erase(struct cli *);
int verb_audit_verify(struct cli *);
int verb_audit_head(struct cli *);
int verb_audit_accept_loss(struct cli *);
int verb_check(struct cli *);
int verb_doctor(struct cli *);
int verb_explain(struct cli *);
int verb_backend(struct cli *);
int verb_backup(struct cli *);
int verb_restore(struct cli *);
int verb_copy(struct cli *);
int verb_diff(struct cli *);
int verb_migrate(struct cli *);
int verb_reconcile(struct cli *);
int verb_plugin_list(struct cli *);
int verb_plugin_show(struct cli *);
int verb_plugin_test(struct cli *);
int verb_version(struct cli *);
int verb_help(struct cli *);

/* The help of what the options name: a verb, a group, or all of it. */
void help_print(struct cli *);

#endif
