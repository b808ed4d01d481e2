/* SPDX-License-Identifier: BSD-2-Clause */
/* A backend of a configuration file, behind the core's own calls, for programs of tests. */
#ifndef TESTS_CONFIGURED_H
#define TESTS_CONFIGURED_H

#include "backend/backend.h"
#include "config/config.h"

struct configured {
	struct config *config;
	const struct config_backend *of;
	struct plugin *plugin;
	struct backend *backend;
	struct backend *second;		/* another instance, where it sees the same store */
};

/* Reports a failure itself. */
bool configured_open(struct configured *, const char *path, const char *backend);
void configured_close(struct configured *);

#endif
