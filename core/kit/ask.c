/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls that cases make on secrets. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "kit/kit.h"
#include "secmem/secret.h"

struct kit_name
kit_name(const struct kit *kit, const char *format, ...)
{
	struct kit_name name;
	size_t have = (size_t)snprintf(name.text, sizeof(name.text), "%s",
	    kit->settings->prefix);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(name.text + have, sizeof(name.text) - have, format, arguments);
	va_end(arguments);
	return name;
}

struct kit_value
kit_text(const char *text)
{
	return (struct kit_value){.bytes = text, .size = strlen(text)};
}

struct mortise_version
kit_version(const char *text)
{
	struct mortise_version version;

	(void)snprintf(version.text, sizeof(version.text), "%s", text);
	return version;
}

void
kit_sleep(int64_t ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

struct mortise_call
kit_call(const struct kit *kit, struct mortise_error *error)
{
	error_clear(error);
	return (struct mortise_call){
		.deadline = deadline_in_ms(backend_timeout_ms(kit->backend)),
		.error = error,
		.logger = &kit->logger,
		.fresh = true,
	};
}

/* Of what is there already, its own entry; else one that is free. */
static struct kit_made *
entry(struct kit_report *report, const char *name, bool state)
{
	struct kit_made *found = NULL;

	for (size_t i = 0; i < report->made_count; i++) {
		struct kit_made *made = &report->made[i];

		if (made->there && made->state == state && strcmp(made->name, name) == 0)
			return made;
		if (!made->there)
			found = made;
	}
	if (found == NULL && report->made_count < KIT_MADE_MAX)
		found = &report->made[report->made_count++];
	return found;
}

void
kit_note(struct kit *kit, const char *name, bool state, bool there)
{
	struct kit_made *made = entry(kit->report, name, state);

	if (made == NULL)
		return;
	made->there = there;
	made->state = state;
	(void)snprintf(made->name, sizeof(made->name), "%s", name);
}

/* As the core makes one: a key of its own. */
static void
begin_receipt(struct mortise_receipt *receipt)
{
	unsigned char random[16] = {0};

	*receipt = (struct mortise_receipt){.size = sizeof(*receipt)};
	(void)random_bytes(random, sizeof(random));
	hex_encode(random, sizeof(random), receipt->idempotency_key);
}

enum mortise_code
kit_put(struct kit *kit, const char *name, struct kit_value value,
    const struct mortise_secret_put *conditions, struct mortise_receipt *receipt)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_secret *secret _cleanup_(secret_cleanup) = secret_from(value.bytes,
	    value.size);
	struct mortise_secret_put put = {.size = sizeof(put)};
	struct mortise_receipt spare;
	enum mortise_code code;

	if (secret == NULL)
		return error_memory(&kit->error);
	if (conditions != NULL)
		put = *conditions;
	put.value = secret;
	if (receipt == NULL)
		receipt = &spare;
	begin_receipt(receipt);
	kit_note(kit, name, false, true);
	kit_ask(kit, &call, "put");
	code = backend_put(kit->backend, &call, name, &put, receipt);
	kit_answered(kit, &call, "put");
	return code;
}

enum mortise_code
kit_get(struct kit *kit, const char *name, const struct mortise_version *version,
    struct mortise_secret **value, struct mortise_version *found)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_version spare;
	enum mortise_code code;

	kit_ask(kit, &call, "get");
	code = backend_get(kit->backend, &call, name, version, value,
	    found == NULL ? &spare : found);
	kit_answered(kit, &call, "get");
	return code;
}

enum mortise_code
kit_delete(struct kit *kit, const char *name)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	enum mortise_code code;

	kit_ask(kit, &call, "delete");
	code = backend_delete(kit->backend, &call, name);
	kit_answered(kit, &call, "delete");
	if (code == MORTISE_OK)
		kit_note(kit, name, false, false);
	return code;
}

bool
kit_gets(struct kit *kit, const char *name, struct kit_value value)
{
	struct mortise_secret *secret _cleanup_(secret_cleanup) = NULL;
	const void *bytes;
	size_t size;

	if (!kit_expect(kit, kit_get(kit, name, NULL, &secret, NULL), KIT_CODE(OK), "get of %s",
	    name))
		return false;
	bytes = mortise_secret_peek(secret, &size);
	if (size != value.size)
		return kit_fail(kit, "get of %s gives %zu bytes, where the newest value has %zu",
		    name, size, value.size);
	return size == 0 || memcmp(bytes, value.bytes, size) == 0 ||
	    kit_fail(kit, "get of %s gives %zu bytes that are not those of the newest value",
	    name, size);
}

bool
kit_keeps(struct kit *kit, const char *name, struct kit_value value)
{
	return kit_expect(kit, kit_put(kit, name, value, NULL, NULL), KIT_CODE(OK),
	    "put of %s, %zu bytes", name, value.size) && kit_gets(kit, name, value);
}

bool
kit_misses(struct kit *kit, const char *name)
{
	struct mortise_secret *secret _cleanup_(secret_cleanup) = NULL;

	return kit_expect(kit, kit_get(kit, name, NULL, &secret, NULL), KIT_CODE(NOT_FOUND),
	    "get of %s, which is not there", name);
}

enum mortise_code
kit_list(struct kit *kit, const char *prefix, struct kit_seen *seen)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_out out = kit_out(seen);
	enum mortise_code code;

	kit_ask(kit, &call, "list");
	code = backend_list(kit->backend, &call, prefix, &out);
	kit_answered(kit, &call, "list");
	return code;
}

enum mortise_code
kit_describe(struct kit *kit, const char *name, struct kit_seen *seen)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_out out = kit_out(seen);
	enum mortise_code code;

	kit_ask(kit, &call, "describe");
	code = backend_describe(kit->backend, &call, name, &out);
	kit_answered(kit, &call, "describe");
	return code;
}
