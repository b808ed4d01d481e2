/* SPDX-License-Identifier: BSD-2-Clause */
/* What writes the trail, as its segments begin with: program, configuration, plugins.
 * A copy of the trail's own, which a reload puts another in the place of. */
#include <stdlib.h>
#include <string.h>

#include "audit/parts.h"
#include "base/bytes.h"
#include "base/digest.h"

static void
plugins_free(struct record_plugin *plugins, size_t count)
{
	for (size_t i = 0; plugins != NULL && i < count; i++) {
		free((char *)(uintptr_t)plugins[i].name);
		free((char *)(uintptr_t)plugins[i].version);
		free((char *)(uintptr_t)plugins[i].path);
		free((char *)(uintptr_t)plugins[i].sha256);
	}
	free(plugins);
}

static char *
copy(const char *text)
{
	return text_dup(text == NULL ? "" : text);
}

static struct record_plugin *
plugins_copy(const struct record_plugin *from, size_t count)
{
	struct record_plugin *made = calloc(count + 1, sizeof(*made));

	for (size_t i = 0; made != NULL && i < count; i++) {
		made[i] = (struct record_plugin){copy(from[i].name), copy(from[i].version),
		    copy(from[i].path), copy(from[i].sha256)};
		if (made[i].name == NULL || made[i].version == NULL || made[i].path == NULL ||
		    made[i].sha256 == NULL) {
			plugins_free(made, i + 1);
			return NULL;
		}
	}
	return made;
}

void
running_forget(struct trail_running *running)
{
	plugins_free(running->plugins, running->plugins_count);
	free(running->config);
	*running = (struct trail_running){.config = NULL};
}

bool
running_set(struct trail_running *running, const char *config, const struct record_plugin *plugins,
    size_t count)
{
	const struct trail_running made = {copy(config), plugins_copy(plugins, count), count};

	if (made.config == NULL || made.plugins == NULL) {
		free(made.config);
		plugins_free(made.plugins, count);
		return false;
	}
	running_forget(running);
	*running = made;
	return true;
}

void
running_digest(const struct trail_running *running, char text[RUNNING_DIGEST_SIZE])
{
	struct buffer all _cleanup_(buffer_free) = {0};
	unsigned char digest[DIGEST_SIZE];
	struct digest_part part;

	text[0] = '\0';
	buffer_format(&all, "%s\n", running->config);
	for (size_t i = 0; i < running->plugins_count; i++)
		buffer_format(&all, "%s\n%s\n%s\n", running->plugins[i].path,
		    running->plugins[i].version, running->plugins[i].sha256);
	part = (struct digest_part){all.data, all.size};
	if (!all.failed && digest_sha256(&part, 1, digest))
		hex_encode(digest, RUNNING_DIGEST_SIZE / 2, text);
}

static bool
same(const struct trail_running *running, const char *config, const struct record_plugin *plugins,
    size_t count)
{
	if (strcmp(running->config, config) != 0 || running->plugins_count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct record_plugin *old = &running->plugins[i];

		if (strcmp(old->path, plugins[i].path) != 0 ||
		    strcmp(old->version, plugins[i].version) != 0 ||
		    strcmp(old->sha256, plugins[i].sha256) != 0)
			return false;
	}
	return true;
}

enum mortise_code
trail_configured(struct trail *trail, const char *config, const struct record_plugin *plugins,
    size_t count, uint64_t deadline, struct mortise_error *error)
{
	const struct record record = {.type = RECORD_CONFIG, .config = config, .plugins = plugins,
	    .plugins_count = count, .program = trail->options.program};
	enum mortise_code code = MORTISE_OK;
	bool good = true;

	if (same(&trail->running, config, plugins, count))
		return MORTISE_OK;
	code = trail_append(trail, &record, true, deadline, NULL, error);
	if (code != MORTISE_OK)
		return code;
	/* A segment may be beginning in another thread. */
	(void)pthread_mutex_lock(&trail->mutex);
	good = running_set(&trail->running, config, plugins, count);
	(void)pthread_mutex_unlock(&trail->mutex);
	return good ? MORTISE_OK : error_memory(error);
}
