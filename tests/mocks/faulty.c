/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faulty: mock, wrong in the one way that its option `wrong` names.  For each way
 * there is one case of the kit that finds it: tests/plugins/kit.sh has the pairs.
 *
 * The mock's functions do the work; those here come first and bend what goes in
 * or comes out.  The flags and counts are of the process: the kit gives each case
 * one of its own.
 */
#define _DEFAULT_SOURCE		/* usleep */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "faulty.h"
#include "mock.h"

static const char *const words[] = {
	"trims-lf", "stops-at-nul", "cuts-large", "folds-case", "describes-nothing", "refuses-same",
	"deletes-more", "any-version", "says-existed", "ignores-absent", "ignores-version",
	"drops-labels", "lists-folders", "few-pages", "seconds", "undo-leaves-first",
	"undo-without-reason", "undo-by-version", "state-deletes-nothing", "state-stops-at-nul",
	"takes-nothing", "takes-in-two", "state-ignores-absent", "state-ignores-version",
	"immortal", "state-lists-folders", "claims-more", "index-stays", "any-owner",
	"lease-for-ever", "extends-after-put", "sleeps", "hangs", "mixes", "leaks-descriptor", "passes-descriptor",
	"leaks-memory", "logs-value", "says-value", "sets-umask", "sets-signal", "forks",
	"leaves-thread", "check-refuses", "two-identities", "prints", "crashes", "exits",
	"guesses-position", "keeps-twice", "counts-records", "one-position", "cuts-lines",
	"takes-any", "reads-backwards", "filters-nothing", "erases-nothing", "erases-neighbour",
	"slow-emit", "logs-email", NULL
};

static struct mortise_host host;	/* ours: what the mock gives goes through it */
static const struct mortise_host *core;
static struct mortise_plugin base, plugin;
static struct mortise_secret_ops secret_ops;
static struct mortise_state_ops state_ops;

bool
faulty_is(const void *instance, enum wrong wrong)
{
	const struct mock *mock = instance;

	return core->option_given(mock->options, "wrong") &&
	    core->option_number(mock->options, "wrong") == (int64_t)wrong;
}

/* --- what the mock gives, on its way to the core ----------------------------------- */

static _Thread_local bool in_seconds, without_value;

static enum mortise_code
add_history(struct mortise_out *out, const struct mortise_history *given)
{
	struct mortise_history history = *given;

	if (in_seconds)
		history.created_ms = (int64_t)time(NULL);
	return core->add_history(out, &history);
}

static enum mortise_code
add_record(struct mortise_out *out, const struct mortise_record *given)
{
	struct mortise_record record = *given;

	if (without_value)
		record.value_size = 0;
	return core->add_record(out, &record);
}

/* --- secrets ----------------------------------------------------------------------- */

static struct mortise_secret *
secret_of(const void *bytes, size_t size)
{
	struct mortise_secret *secret = core->secret_new(size);

	if (secret != NULL)
		(void)core->secret_append(secret, bytes, size);
	return secret;
}

struct leaked {
	struct leaked *next;
	char bytes[40];
};

/* What a get does beside its work. */
static void
misbehave(const void *instance, const struct mortise_call *call,
    const struct mortise_version *version)
{
	static _Thread_local struct leaked *leaks;	/* reachable: a leak all the same */
	bool hurried = core->left_ms(call) < 200;

	if (faulty_is(instance, SLEEPS) && hurried)
		(void)usleep(1500000);
	if (faulty_is(instance, HANGS) && hurried)
		(void)pause();
	if (faulty_is(instance, LEAKS_DESCRIPTOR))
		(void)open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (faulty_is(instance, SETS_UMASK))
		(void)umask(0);
	if (faulty_is(instance, SETS_SIGNAL))
		(void)signal(SIGPIPE, SIG_IGN);
	if (faulty_is(instance, FORKS) && fork() == 0)
		_exit(0);
	if (faulty_is(instance, LEAKS_MEMORY)) {
		struct leaked *leaked = malloc(sizeof(*leaked));

		if (leaked != NULL)
			leaked->next = leaks;
		leaks = leaked;
	}
	if (version == NULL)
		return;
	if (faulty_is(instance, PRINTS))
		(void)puts("here I am");
	if (faulty_is(instance, CRASHES))
		abort();
	if (faulty_is(instance, EXITS))
		exit(3);
}

/* As a buffer of the process without a lock has it. */
static void
mix(struct mortise_secret **value)
{
	static char shared[256];
	size_t size;
	const void *bytes = core->secret_peek(*value, &size);

	if (size > sizeof(shared))
		return;
	memcpy(shared, bytes, size);
	(void)usleep(1000);
	core->secret_free(*value);
	*value = secret_of(shared, size);
}

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	enum mortise_code code;

	misbehave(instance, call, version);
	if (faulty_is(instance, ANY_VERSION))
		version = NULL;
	code = base.secret->get(instance, call, name, version, value, found);
	if (code == MORTISE_OK && faulty_is(instance, MIXES))
		mix(value);
	return code;
}

/* Does the newest value have these bytes? */
static bool
has_same(void *instance, struct mortise_call *call, const char *name, const void *bytes,
    size_t size)
{
	struct mortise_secret *value = NULL;
	struct mortise_version found;
	const void *old;
	size_t old_size;
	bool same;

	if (base.secret->get(instance, call, name, NULL, &value, &found) != MORTISE_OK)
		return false;
	old = core->secret_peek(value, &old_size);
	same = old_size == size && memcmp(old, bytes, size) == 0;
	core->secret_free(value);
	return same;
}

static size_t
bent_size(void *instance, const char *bytes, size_t size)
{
	if (faulty_is(instance, TRIMS_LF) && size > 0 && bytes[size - 1] == '\n')
		return size - 1;
	if (faulty_is(instance, STOPS_AT_NUL) && size > 0)
		return strnlen(bytes, size);
	return faulty_is(instance, CUTS_LARGE) && size > 60000 ? 60000 : size;
}

static enum mortise_code
put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *given, struct mortise_receipt *receipt)
{
	struct mortise_secret_put bent = *given;
	size_t size;
	const char *bytes = core->secret_peek(given->value, &size);
	struct mortise_secret *value;
	char folded[MORTISE_NAME_MAX + 1];
	enum mortise_code code;

	if (faulty_is(instance, LOGS_VALUE))
		core->log(call, MORTISE_LOG_DEBUG, "put %.*s", (int)size, bytes);
	if (faulty_is(instance, REFUSES_SAME) && has_same(instance, call, name, bytes, size))
		return MORTISE_CONFLICT;
	(void)snprintf(folded, sizeof(folded), "%s", name);
	for (char *p = folded; faulty_is(instance, FOLDS_CASE) && *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	if (faulty_is(instance, IGNORES_ABSENT))
		bent.only_if_absent = false;
	if (faulty_is(instance, IGNORES_VERSION))
		bent.only_if = NULL;
	if (faulty_is(instance, DROPS_LABELS))
		bent.labels = NULL;
	value = secret_of(bytes, bent_size(instance, bytes, size));
	if (value == NULL)
		return MORTISE_ERROR;
	bent.value = value;
	code = base.secret->put(instance, call, folded, &bent, receipt);
	core->secret_free(value);
	if (faulty_is(instance, SAYS_EXISTED))
		receipt->existed = 1;
	if (code == MORTISE_CONFLICT && faulty_is(instance, SAYS_VALUE))
		return core->fail(call, code, MORTISE_REASON_NONE, "no room for %.*s", (int)size,
		    bytes);
	return code;
}

static enum mortise_code
delete(void *instance, struct mortise_call *call, const char *name)
{
	char more[2 * MORTISE_NAME_MAX];

	(void)snprintf(more, sizeof(more), "%s-not", name);
	if (faulty_is(instance, DELETES_MORE))
		(void)base.secret->remove(instance, call, more);
	return base.secret->remove(instance, call, name);
}

static bool
in_a_folder(const char *prefix)
{
	return prefix[0] == '\0' || prefix[strlen(prefix) - 1] == '/';
}

static enum mortise_code
list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	static _Thread_local int pages;

	pages = cursor == NULL ? 0 : pages + 1;
	if ((faulty_is(instance, LISTS_FOLDERS) && !in_a_folder(prefix)) ||
	    (faulty_is(instance, FEW_PAGES) && pages == 10))
		return MORTISE_OK;
	return base.secret->list(instance, call, prefix, cursor, out);
}

static enum mortise_code
describe(void *instance, struct mortise_call *call, const char *name, struct mortise_out *out)
{
	enum mortise_code code;

	in_seconds = faulty_is(instance, SECONDS);
	code = base.secret->describe(instance, call, name, out);
	return code == MORTISE_NOT_FOUND && faulty_is(instance, DESCRIBES_NOTHING) ? MORTISE_OK :
	    code;
}

static enum mortise_code
undo(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	enum mortise_code code;

	if (faulty_is(instance, UNDO_LEAVES_FIRST) && receipt->existed == 0)
		return MORTISE_OK;
	if (faulty_is(instance, UNDO_BY_VERSION) && receipt->made.text[0] == '\0')
		return core->fail(call, MORTISE_CONFLICT, MORTISE_REASON_SUPERSEDED,
		    "nobody knows which version it was");
	code = base.secret->undo(instance, call, name, receipt, written);
	return code == MORTISE_CONFLICT && faulty_is(instance, UNDO_WITHOUT_REASON) ?
	    core->fail(call, code, MORTISE_REASON_NONE, "it is not the newest") : code;
}

/* --- state ------------------------------------------------------------------------- */

static _Thread_local bool claimed, put_since;

static enum mortise_code
state_put(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_state_put *given, struct mortise_version *made)
{
	struct mortise_state_put bent = *given;
	char index[MORTISE_KEY_MAX + 1];

	put_since = claimed;
	if (faulty_is(instance, STATE_STOPS_AT_NUL) && given->value_size > 0)
		bent.value_size = strnlen(given->value, given->value_size);
	if (faulty_is(instance, STATE_IGNORES_ABSENT))
		bent.only_if_absent = false;
	if (faulty_is(instance, STATE_IGNORES_VERSION))
		bent.only_if = NULL;
	if (faulty_is(instance, IMMORTAL))
		bent.ttl_ms = 0;
	if (faulty_is(instance, INDEX_STAYS) && given->index == NULL && strrchr(key, '/') != NULL) {
		(void)snprintf(index, sizeof(index), "%.*s", (int)(strrchr(key, '/') - key), key);
		bent.index = index;
	}
	return base.state->put(instance, call, key, &bent, made);
}

static enum mortise_code
state_take(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	enum mortise_code code;

	without_value = faulty_is(instance, TAKES_NOTHING);
	if (!faulty_is(instance, TAKES_IN_TWO)) {
		code = base.state->take(instance, call, key, out);
		without_value = false;
		return code;
	}
	code = base.state->get(instance, call, key, out);
	(void)usleep(1000);
	if (code == MORTISE_OK)
		(void)base.state->remove(instance, call, key, NULL);
	return code;
}

static enum mortise_code
state_delete(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_version *only_if)
{
	enum mortise_code code = base.state->remove(instance, call, key,
	    faulty_is(instance, STATE_IGNORES_VERSION) ? NULL : only_if);

	return code == MORTISE_NOT_FOUND && faulty_is(instance, STATE_DELETES_NOTHING) ?
	    MORTISE_OK : code;
}

static enum mortise_code
state_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	return faulty_is(instance, STATE_LISTS_FOLDERS) && !in_a_folder(prefix) ? MORTISE_OK :
	    base.state->list(instance, call, prefix, cursor, out);
}

static enum mortise_code
claim(void *instance, struct mortise_call *call, const char *index, int64_t now_ms, size_t max,
    const char *owner, int64_t lease_ms, struct mortise_out *out)
{
	claimed = true;
	put_since = false;
	return base.state->claim(instance, call, index, now_ms,
	    faulty_is(instance, CLAIMS_MORE) ? 2 * max : max, owner,
	    faulty_is(instance, LEASE_FOR_EVER) ? 1000 * lease_ms : lease_ms, out);
}

static enum mortise_code
extend(void *instance, struct mortise_call *call, const struct mortise_lease *given)
{
	struct mortise_lease bent = *given;
	enum mortise_code code;

	if (faulty_is(instance, ANY_OWNER))
		bent.owner = "one";
	code = base.state->extend(instance, call, &bent);
	return code == MORTISE_CONFLICT && put_since && faulty_is(instance, EXTENDS_AFTER_PUT) ?
	    MORTISE_OK : code;
}

/* --- instances --------------------------------------------------------------------- */

static void *
stay(void *none)
{
	(void)pause();
	return none;
}

static enum mortise_code
open_instance(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	enum mortise_code code = base.open(call, options, instance);
	static int opened;
	pthread_t thread;

	/* Not more often: what they hold looks like a leak of memory then. */
	if (code != MORTISE_OK || opened++ > 3)
		return code;
	if (faulty_is(*instance, PASSES_DESCRIPTOR))
		(void)open("/dev/null", O_RDONLY);
	if (faulty_is(*instance, LEAVES_THREAD) && pthread_create(&thread, NULL, stay, NULL) == 0)
		(void)pthread_detach(thread);
	return MORTISE_OK;
}

static enum mortise_code
check(void *instance, struct mortise_call *call)
{
	return faulty_is(instance, CHECK_REFUSES) ? core->fail(call, MORTISE_DENIED,
	    MORTISE_REASON_NONE, "not today") : base.check(instance, call);
}

static const char *
identity(void *instance)
{
	static char text[256][32];
	static unsigned char number;

	if (!faulty_is(instance, TWO_IDENTITIES))
		return base.identity(instance);
	number++;
	(void)snprintf(text[number], sizeof(text[0]), "store %d", number);
	return text[number];
}

static const struct mortise_option wrong_option = {
	.size = sizeof(wrong_option),
	.name = "wrong",
	.doc = "what it does wrong",
	.type = MORTISE_OPTION_ENUM,
	.words = words,
};
static const struct mortise_option *options[16];	/* the mock's, and this one */

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **result)
{
	const struct mortise_plugin *mock;
	size_t count = 0;
	enum mortise_code code;

	core = table;
	faulty_sink_init(table);
	host = *table;
	host.add_history = add_history;
	host.add_record = add_record;
	code = mock_init(&host, call, &mock);
	if (code != MORTISE_OK)
		return code;
	base = plugin = *mock;
	secret_ops = *base.secret;
	secret_ops.get = get;
	secret_ops.put = put;
	secret_ops.remove = delete;
	secret_ops.list = list;
	secret_ops.describe = describe;
	secret_ops.undo = undo;
	state_ops = *base.state;
	state_ops.put = state_put;
	state_ops.take = state_take;
	state_ops.remove = state_delete;
	state_ops.list = state_list;
	state_ops.claim = claim;
	state_ops.extend = extend;
	for (; base.options[count] != NULL; count++)
		options[count] = base.options[count];
	options[count] = &wrong_option;
	plugin.options = options;
	plugin.open = open_instance;
	plugin.check = check;
	plugin.identity = identity;
	plugin.secret = &secret_ops;
	plugin.state = &state_ops;
	plugin.sink = &faulty_sink_ops;
	*result = &plugin;
	return MORTISE_OK;
}
