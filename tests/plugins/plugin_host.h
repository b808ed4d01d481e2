/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host for one plugin, without the core: it loads the built .so, gives it
 * options as text, and shows what its slots did.  Tests call the slots
 * themselves.  It can refuse results, which the core hardly ever does.
 */
#ifndef TESTS_PLUGIN_HOST_H
#define TESTS_PLUGIN_HOST_H

#include <mortise/plugin.h>

struct mortise_call {
	uint64_t deadline;
	enum mortise_code code;		/* of the last fail */
	enum mortise_reason reason;
	char message[1024];
};

/* A copy of a record. */
struct host_record {
	char key[MORTISE_KEY_MAX + 1];
	unsigned char *value;
	size_t value_size;
	struct mortise_version version;
	int64_t expires_ms;
	uint64_t fence;
};

/* Starts as {0}. */
struct mortise_out {
	struct host_record *records;
	size_t count;
	size_t refuse_after;		/* refuses when it has so many; 0: never */
	char cursor[1025];
};
void host_clear(struct mortise_out *);	/* wipes, and makes it {0} */

struct host_option {
	const char *path, *text;
};
struct mortise_options {
	const struct mortise_plugin *plugin;
	const struct host_option *given;
	size_t count;
	const struct mortise_option *const *members;	/* of an element of a map; else NULL */
};

struct hosted {
	const struct mortise_plugin *plugin;
	struct mortise_options options;
	void *instance;
};

/* A call that has a minute. */
struct mortise_call host_call(void);
/* Loads plugins/NAME.so of the build and opens it; reports a failure itself. */
bool host_open(struct hosted *, const char *name, const struct host_option *, size_t count);
void host_close(struct hosted *);

#endif
