/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: is all well, and what is to be done where it is not? */
#include <inttypes.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "api/doctor.h"
#include "base/clock.h"
#include "base/file.h"
#include "operation/route.h"
#include "secmem/secret.h"

#define CHECK_MS 60000			/* a store's check may read all of it */

void
doctor_say(struct doctor *doctor, enum mortise_verdict verdict, const char *subject,
    const char *format, ...)
{
	char message[1536];
	const struct mortise_finding finding = {.size = sizeof(finding), .verdict = verdict,
	    .subject = subject, .message = message};
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (verdict == MORTISE_VERDICT_FAIL)
		doctor->failed++;
	if (doctor->each != NULL)
		doctor->each(doctor->arg, &finding);
}

/* --- what there is ------------------------------------------------------------------ */

static void
say_problem(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *text)
{
	struct doctor *doctor = arg;

	if (level != MORTISE_LOG_INFO)
		doctor_say(doctor, level == MORTISE_LOG_ERROR ? MORTISE_VERDICT_FAIL :
		    MORTISE_VERDICT_WARN, "configuration", "%s:%u:%u: %s", file, line, column, text);
}

/* Those of the core; a plugin's are its own business. */
static void
say_libraries(struct doctor *doctor)
{
	bool older = OpenSSL_version_num() < OPENSSL_VERSION_NUMBER;

	doctor_say(doctor, older ? MORTISE_VERDICT_WARN : MORTISE_VERDICT_OK, "libraries",
	    "libcrypto %s, libyaml %s, jansson %s%s", OpenSSL_version(OPENSSL_VERSION_STRING),
	    yaml_get_version_string(), jansson_version_str(),
	    older ? "; libcrypto is older than what this was built with: upgrade it" : "");
}

static void
say_plugins(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->config->backends_count; i++) {
		const struct plugin *plugin = doctor->assembly->plugins[i];
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again = again || doctor->assembly->plugins[k] == plugin ||
			    (plugin != NULL && doctor->assembly->plugins[k] != NULL &&
			    strcmp(plugin->path, doctor->assembly->plugins[k]->path) == 0);
		if (plugin != NULL && !again)
			doctor_say(doctor, MORTISE_VERDICT_OK, "plugin", "%s %s, %s",
			    plugin->table.name, plugin->table.version, plugin->path);
	}
}

static void
say_configuration(struct doctor *doctor)
{
	const struct config *config = doctor->config;

	doctor_say(doctor, MORTISE_VERDICT_OK, "configuration",
	    "%s: backends %zu, routes of secrets %zu, of state %zu", config->path,
	    config->backends_count, config->secret_count, config->state_count);
	if (config->audit.off)
		doctor_say(doctor, MORTISE_VERDICT_FAIL, "trail", "audit is off: no access is "
		    "recorded; give `audit: {trail: {path: DIRECTORY}}`");
}

/* --- files that a backend names ----------------------------------------------------- */

struct looking {
	struct doctor *doctor;
	const char *backend;
	char *store;			/* a path that is no secret; NULL: none yet */
};

static bool
same_directory(const char *a, const char *b)
{
	char *of_a _cleanup_(free_pointer) = path_directory(a);
	char *of_b _cleanup_(free_pointer) = path_directory(b);
	struct stat at_a, at_b;

	return of_a != NULL && of_b != NULL && stat(of_a, &at_a) == 0 && stat(of_b, &at_b) == 0 &&
	    at_a.st_dev == at_b.st_dev && at_a.st_ino == at_b.st_ino;
}

static void
look_for_store(void *arg, const char *path, bool secret, const struct place *place)
{
	struct looking *looking = arg;

	(void)place;
	if (!secret && looking->store == NULL)
		looking->store = text_dup(path);
}

static void
look_at_file(void *arg, const char *path, bool secret, const struct place *place)
{
	struct looking *looking = arg;
	struct stat status;

	(void)place;
	/* What is missing is told by the backend. */
	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return;
	if ((status.st_mode & 077) != 0)
		doctor_say(looking->doctor, secret ? MORTISE_VERDICT_FAIL : MORTISE_VERDICT_WARN,
		    looking->backend, "%s has mode %04o, others can reach it; chmod %s it", path,
		    (unsigned int)status.st_mode & 07777, secret ? "400" : "600");
	else if (secret && looking->store != NULL && same_directory(path, looking->store))
		doctor_say(looking->doctor, MORTISE_VERDICT_WARN, looking->backend,
		    "the key %s lies beside what it opens: it protects copies of the store alone; "
		    "use a systemd credential, {credential: NAME}, or another directory that no "
		    "backup of this one takes", path);
}

static void
look_at_files(struct doctor *doctor, const struct config_backend *backend,
    const struct mortise_options *options)
{
	struct looking looking = {.doctor = doctor, .backend = backend->name};

	if (options == NULL)
		return;
	options_files(options, look_for_store, &looking);
	options_files(options, look_at_file, &looking);
	free(looking.store);
}

/* --- backends ----------------------------------------------------------------------- */

/* What a plugin's check has to say of its store. */
static void
take_line(void *arg, enum mortise_level level, const char *message)
{
	struct doctor *doctor = arg;
	const char *name = doctor->checking;
	size_t length = name == NULL ? 0 : strlen(name);

	if (name == NULL || level > MORTISE_LOG_INFO)
		return;
	/* The subject says whose it is. */
	if (strncmp(message, name, length) == 0 && strncmp(message + length, ": ", 2) == 0)
		message += length + 2;
	doctor_say(doctor, MORTISE_VERDICT_WARN, name, "%s", message);
}

static void
say_rules(const struct config_backend *config, struct buffer *text)
{
	if (config->rules.failures > 0)
		buffer_format(text, "; breaker: %u failures open it for %" PRIu64 " ms",
		    config->rules.failures, config->rules.open_ms);
	if (config->rules.ttl_ms > 0)
		buffer_format(text, "; cache: %" PRIu64 " ms", config->rules.ttl_ms);
}

static void
say_health(struct doctor *doctor, const struct config_backend *config, struct backend *backend,
    uint64_t took_ns)
{
	struct backend_health health = {0};
	struct buffer text _cleanup_(buffer_free) = {0};

	backend_health(backend, &health);
	say_rules(config, &text);
	doctor_say(doctor, health.has_breaker && health.breaker != BREAKER_CLOSED ?
	    MORTISE_VERDICT_WARN : MORTISE_VERDICT_OK, config->name, "%s%s, in %" PRIu64 " ms%s%s%s",
	    backend_plugin(backend)->table.check == NULL ? "open" : "checked",
	    backend_plugin(backend)->table.check == NULL ? ", and has no check" : "",
	    took_ns / NS_PER_MS, text.data == NULL || text.failed ? "" : text.data,
	    health.has_breaker ? ", and is " : "",
	    health.has_breaker ? breaker_state_name(health.breaker) : "");
}

static void
look_at_backend(struct doctor *doctor, size_t i)
{
	const struct config_backend *config = &doctor->config->backends[i];
	const struct opening opening = {.one = true, .target = i};
	struct running *running = doctor->running;
	uint64_t begun = clock_monotonic_ns();
	struct mortise_error error = {0};
	struct mortise_call call = {.error = &error, .logger = &doctor->context->logger,
	    .deadline = deadline_in_ms(CHECK_MS)};
	enum mortise_code code;

	if (doctor->assembly->plugins[i] == NULL) {
		doctor_say(doctor, MORTISE_VERDICT_WARN, config->name,
		    "its plugin is missing, and `if-missing: skip` leaves it out");
		return;
	}
	look_at_files(doctor, config, doctor->assembly->options[i]);
	code = running_open(doctor->context, running, &opening, &error);
	doctor->checking = config->name;
	if (code == MORTISE_OK && doctor->assembly->plugins[i]->table.check != NULL)
		code = backend_check(running->backends[i], &call);
	doctor->checking = NULL;
	if (code != MORTISE_OK)
		doctor_say(doctor, MORTISE_VERDICT_FAIL, config->name, "%s%s%s",
		    mortise_code_name(code), error.message[0] == '\0' ? "" : ": ", error.message);
	else
		say_health(doctor, config, running->backends[i], clock_monotonic_ns() - begun);
}

static enum mortise_code
count_mark(void *arg, const struct mortise_record *record)
{
	(void)record;
	++*(size_t *)arg;
	return MORTISE_OK;
}

/* Marks of backends that writes have left behind, where there can be some. */
static void
say_mirrors(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	const struct config_route *state = route_find(config->state, config->state_count, BEHIND_PREFIX);
	struct mortise_error error = {0};
	struct mortise_call call = {.error = &error, .logger = &doctor->context->logger,
	    .deadline = deadline_in_ms(CHECK_MS)};
	size_t marks = 0;
	struct mortise_out out = {.record = count_mark, .arg = &marks};
	bool lags = false;

	for (size_t i = 0; i < config->secret_count; i++)
		lags = lags || config->secret[i].lags != NULL;
	/* A state store that is not open has been told of. */
	if (!lags || state == NULL || doctor->running->backends[state->target] == NULL)
		return;
	if (backend_state_list(doctor->running->backends[state->target], &call, BEHIND_PREFIX, &out) !=
	    MORTISE_OK)
		doctor_say(doctor, MORTISE_VERDICT_FAIL, "mirrors",
		    "what writes have left behind cannot be read: %s", error.message);
	else if (marks > 0)
		doctor_say(doctor, MORTISE_VERDICT_WARN, "mirrors", "%zu times a write has left a backend "
		    "behind, which answers no reads of that name until `mortise reconcile`", marks);
	else
		doctor_say(doctor, MORTISE_VERDICT_OK, "mirrors", "no backend is left behind");
}

static void
say_memory(struct doctor *doctor)
{
	bool locked = secret_memory_locked();

	doctor_say(doctor, locked ? MORTISE_VERDICT_OK : MORTISE_VERDICT_WARN, "memory",
	    locked ? "values are locked in memory, and in no core" :
	    "values may go to swap: the limit of locked memory is too low; raise it (ulimit -l, "
	    "or LimitMEMLOCK= of the unit)");
}

/* --- all of it ---------------------------------------------------------------------- */

/* A context for maintenance that goes on without its trail. */
static enum mortise_code
open_context(struct doctor *doctor, struct mortise_error *error)
{
	struct mortise_error why = {0};
	enum mortise_code code = context_new(doctor->options, &doctor->context, error);

	if (code != MORTISE_OK)
		return code;
	doctor->context->maintenance = true;
	doctor->context->logger = (struct logger){take_line, doctor, MORTISE_LOG_INFO};
	if (!doctor->config->audit.off &&
	    context_open_trail(doctor->context, doctor->assembly, &why) != MORTISE_OK)
		doctor_say(doctor, MORTISE_VERDICT_FAIL, "trail", "%s", why.message);
	doctor->running = running_new(doctor->context, doctor->assembly);
	return doctor->running == NULL ? error_memory(error) : MORTISE_OK;
}

static enum mortise_code
examine(struct doctor *doctor, struct mortise_error *error)
{
	enum mortise_code code;

	doctor->config = doctor->assembly->config;
	say_configuration(doctor);
	say_libraries(doctor);
	say_plugins(doctor);
	code = open_context(doctor, error);
	if (code != MORTISE_OK)
		return code;
	for (size_t i = 0; i < doctor->config->backends_count; i++)
		look_at_backend(doctor, doctor->config->order[i]);
	say_mirrors(doctor);
	say_memory(doctor);
	if (!doctor->config->audit.off) {
		doctor_look_at_trail(doctor, doctor->config->audit.trail);
		doctor_look_at_sinks(doctor);
	}
	return doctor->failed == 0 ? MORTISE_OK : error_set(error, MORTISE_ERROR,
	    MORTISE_REASON_DIFFERENCE, "not all is well: %zu findings are failures",
	    doctor->failed);
}

enum mortise_code
mortise_doctor(const struct mortise_open_options *options, mortise_finding_fn *each, void *arg,
    struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct doctor doctor = {.options = options, .each = each, .arg = arg};
	struct problems problems = {.each = say_problem, .arg = &doctor};
	char buffer[PATH_MAX];
	const char *path;
	enum mortise_code code;

	error_clear(error);
	code = context_find(options->config_path, buffer, &path, error);
	if (code != MORTISE_OK) {
		doctor_say(&doctor, MORTISE_VERDICT_FAIL, "configuration", "%s", error->message);
		return code;
	}
	if (assembly_load(path, NULL, &problems, &doctor.assembly) != MORTISE_OK)
		code = context_problems(&problems, error);
	else
		code = examine(&doctor, error);
	running_unref(doctor.running);
	mortise_close(doctor.context);
	assembly_unref(doctor.assembly);
	return code;
}
