/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases: time, threads, and what is left behind. */
#define _GNU_SOURCE		/* struct ucred */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "kit/sink.h"
#include "secmem/secret.h"

#define THREADS 8
#define ROUNDS 20
#define SPELLS 32			/* in each of which a leak shows; other growth ends */
#define SPELL_ROUNDS 40
#define SIGNALS 65
#define LEAK_SIZE 16			/* bytes a round that are one */

/* --- deadlines --------------------------------------------------------------------- */

/* Whatever it answers: it is back. */
bool
case_deadline(struct kit *kit)
{
	static const uint64_t times[] = {0, 1, 50};
	uint64_t can = backend_can(kit->backend);
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct kit_name name = kit_name(kit, "deadline");

	for (size_t i = 0; seen != NULL && i < ARRAY_SIZE(times); i++) {
		struct mortise_secret *value _cleanup_(secret_cleanup) = NULL;
		struct mortise_call call = kit_call(kit, &kit->error);
		struct mortise_out out = kit_out(seen);
		struct mortise_version found;

		call.deadline = deadline_in_ms(times[i]);
		kit_ask(kit, &call, "get");
		if ((can & MORTISE_CAN_SECRET_GET) != 0)
			(void)backend_get(kit->backend, &call, name.text, NULL, &value, &found);
		kit_answered(kit, &call, "get");
		call.deadline = deadline_in_ms(times[i]);
		kit_ask(kit, &call, "list");
		if ((can & MORTISE_CAN_SECRET_LIST) != 0)
			(void)backend_list(kit->backend, &call, name.text, &out);
		kit_answered(kit, &call, "list");
		call.deadline = deadline_in_ms(times[i]);
		kit_ask(kit, &call, "get of a record");
		if ((can & MORTISE_CAN_STATE_GET) != 0)
			(void)backend_state_get(kit->backend, &call, name.text, &out);
		kit_answered(kit, &call, "get of a record");
		if (!kit_sink_hurries(kit, times[i]))
			return false;
	}
	return kit->report->verdict == KIT_OK;
}

/* --- rounds of all that it offers -------------------------------------------------- */

/* A call of each operation, with a name and a value of one's own. */
static bool
secret_round(struct kit *kit, const char *name, const char *text, struct kit_seen *seen)
{
	uint64_t can = backend_can(kit->backend);

	if ((can & MORTISE_CAN_SECRET_GET) == 0)
		return true;
	if (kit->settings->read_only || (can & MORTISE_CAN_SECRET_PUT) == 0)
		return kit_misses(kit, name);
	return kit_keeps(kit, name, kit_text(text)) && ((can & MORTISE_CAN_SECRET_LIST) == 0 ||
	    kit_expect(kit, kit_list(kit, name, seen), KIT_CODE(OK), "list")) &&
	    ((can & MORTISE_CAN_SECRET_DESCRIBE) == 0 ||
	    kit_expect(kit, kit_describe(kit, name, seen), KIT_CODE(OK), "describe")) &&
	    ((can & MORTISE_CAN_SECRET_DELETE) == 0 ||
	    (kit_expect(kit, kit_delete(kit, name), KIT_CODE(OK), "delete") &&
	    kit_misses(kit, name)));
}

static bool
state_round(struct kit *kit, const char *key, const char *text, struct kit_seen *seen)
{
	uint64_t can = backend_can(kit->backend);

	if (kit->settings->read_only || (can & MORTISE_CAN_STATE_PUT) == 0)
		return (can & MORTISE_CAN_STATE_GET) == 0 || kit_expect(kit,
		    kit_state_get(kit, key, seen), KIT_CODE(NOT_FOUND), "get of no record");
	return kit_expect(kit, kit_state_put(kit, key, kit_text(text), NULL, NULL),
	    KIT_CODE(OK), "put of a record") && ((can & MORTISE_CAN_STATE_GET) == 0 ||
	    kit_state_gets(kit, key, kit_text(text))) &&
	    ((can & MORTISE_CAN_STATE_TAKE) == 0 ||
	    kit_expect(kit, kit_state_take(kit, key, seen), KIT_CODE(OK), "take"));
}

static bool
rounds(struct kit *kit, const char *name, const char *text, unsigned int count)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	bool good = seen != NULL;

	for (unsigned int i = 0; good && i < count; i++)
		good = secret_round(kit, name, text, seen) && state_round(kit, name, text, seen);
	return good;
}

/* Opened and closed again, too.  Sinks are written by one thread at a time, so only here. */
static bool
opened_rounds(struct kit *kit, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct backend *first = kit->backend, *second = NULL;
		bool good;

		if (!kit_expect(kit, kit_open(kit, &second), KIT_CODE(OK),
		    "open of a second instance"))
			return false;
		kit->backend = second;
		good = kit_sink_round(kit, "kit@agency.example");
		kit->backend = first;
		kit_close(kit, second);
		if (!good || !kit_sink_round(kit, "kit@agency.example"))
			return false;
	}
	return rounds(kit, kit_name(kit, "round").text, "value", count);
}

/* --- threads ----------------------------------------------------------------------- */

struct worker {
	struct kit kit;			/* a view of its own; the report is shared */
	struct kit_report report;
	struct kit_name name;
	pthread_t thread;
};

static void *
work(void *arg)
{
	struct worker *worker = arg;

	(void)rounds(&worker->kit, worker->name.text, worker->name.text, ROUNDS);
	return NULL;
}

/* Each has names and a report of its own, so that a mixture shows. */
bool
case_threads(struct kit *kit)
{
	struct worker *workers _cleanup_(free_pointer) = calloc(THREADS, sizeof(*workers));
	struct mortise_call whole = kit_call(kit, &kit->error);
	uint64_t can = backend_can(kit->backend);
	int started = 0;

	if (workers == NULL)
		return kit_fail(kit, "out of memory");
	whole.deadline = deadline_in_ms(backend_timeout_ms(kit->backend) * ROUNDS);
	kit_ask(kit, &whole, "calls of several threads");
	for (; started < THREADS; started++) {
		struct worker *worker = &workers[started];

		worker->kit = *kit;
		worker->kit.report = &worker->report;
		(void)pthread_mutex_init(&worker->kit.lock, NULL);
		worker->name = kit_name(kit, "threads/%d", started);
		if ((can & MORTISE_CAN_SECRET_PUT) != 0)
			kit_note(kit, worker->name.text, false, true);
		if ((can & MORTISE_CAN_STATE_PUT) != 0)
			kit_note(kit, worker->name.text, true, true);
		if (pthread_create(&worker->thread, NULL, work, worker) != 0)
			break;
	}
	for (int i = 0; i < started; i++)
		(void)pthread_join(workers[i].thread, NULL);
	kit_answered(kit, &whole, "calls of several threads");
	for (int i = 0; i < started; i++) {
		if (workers[i].report.verdict != KIT_OK)
			return kit_fail(kit, "with %d threads: %.900s", THREADS,
			    workers[i].report.words);
	}
	return started == THREADS || kit_fail(kit, "cannot start %d threads", THREADS);
}

/* --- what is left behind ----------------------------------------------------------- */

/* Entries of a directory of /proc/self. */
static size_t
entries(const char *path)
{
	DIR *stream = opendir(path);
	size_t count = 0;

	if (stream == NULL)
		return 0;
	while (readdir(stream) != NULL)
		count++;
	(void)closedir(stream);
	return count;
}

/* A pair of sockets without a name between the threads of this process, as libcurl has
 * one to be woken by, and lets nobody at: it leads nowhere. */
static bool
leads_nowhere(int fd)
{
	struct sockaddr_un name = {.sun_family = AF_UNSPEC}, peer = name;
	socklen_t name_size = sizeof(name), peer_size = sizeof(peer), size = sizeof(struct ucred);
	struct ucred who = {0};

	return getsockname(fd, (struct sockaddr *)&name, &name_size) == 0 &&
	    getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
	    name.sun_family == AF_UNIX && name_size == sizeof(name.sun_family) &&
	    peer_size == sizeof(peer.sun_family) &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid == getpid();
}

/* Those that were there before the plugin was are not its own. */
static bool
closes_on_exec(struct kit *kit)
{
	for (int fd = STDERR_FILENO + 1; fd < (int)ARRAY_SIZE(kit->inherited); fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && (flags & FD_CLOEXEC) == 0 && !kit->inherited[fd] &&
		    !leads_nowhere(fd))
			return kit_fail(kit, "descriptor %d is not CLOEXEC", fd);
	}
	return true;
}

bool
case_descriptors(struct kit *kit)
{
	size_t before, after;

	if (!opened_rounds(kit, 5))
		return false;
	before = entries("/proc/self/fd");
	if (!opened_rounds(kit, ROUNDS))
		return false;
	after = entries("/proc/self/fd");
	return after <= before + 1 ? closes_on_exec(kit) :
	    kit_fail(kit, "%zu more descriptors are open after %d rounds of calls", after - before,
	    ROUNDS);
}

/* Bytes of the heap that are in use; 0: nobody knows. */
static size_t
allocated(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	return mallinfo2().uordblks;
#else
	return 0;
#endif
}

/* A leak is steady; what a library keeps for later is not. */
bool
case_memory(struct kit *kit)
{
	size_t least = SIZE_MAX;

	if (allocated() == 0)
		return kit_skip(kit, "this C library does not say how much is allocated");
	if (!opened_rounds(kit, SPELL_ROUNDS))
		return false;
	for (int i = 0; i < SPELLS; i++) {
		size_t before = allocated(), after;

		if (!opened_rounds(kit, SPELL_ROUNDS))
			return false;
		after = allocated();
		if (after < before + SPELL_ROUNDS * LEAK_SIZE)
			return true;
		if (after - before < least)
			least = after - before;
	}
	return kit_fail(kit, "%zu more bytes are allocated after each %d rounds of open, calls and "
	    "close", least, SPELL_ROUNDS);
}

/* Lines and messages are looked at as they come; this makes some. */
bool
case_silence(struct kit *kit)
{
	const struct mortise_secret_put absent = {.size = sizeof(absent), .only_if_absent = true};
	struct kit_name name = kit_name(kit, "silence");
	char text[128];

	(void)snprintf(text, sizeof(text), "{\"access_token\":\"%s\"}", kit->canary);
	if (!rounds(kit, name.text, text, 1) || !kit_sink_round(kit, kit->canary))
		return false;
	if (kit->settings->read_only || (backend_can(kit->backend) & MORTISE_CAN_SECRET_PUT) == 0)
		return true;
	(void)kit_put(kit, name.text, kit_text(text), NULL, NULL);
	(void)kit_put(kit, name.text, kit_text(text), &absent, NULL);
	(void)kit_put(kit, kit_name(kit, "silence/of/another").text, kit_text(text), &absent, NULL);
	return kit->report->verdict == KIT_OK;
}

/* --- manners ----------------------------------------------------------------------- */

struct surroundings {
	char directory[4096], locale[256];
	mode_t umask;
	void (*handlers[SIGNALS])(int);
	size_t threads;
};

static void
look_around(struct surroundings *seen)
{
	*seen = (struct surroundings){.threads = entries("/proc/self/task")};
	if (getcwd(seen->directory, sizeof(seen->directory)) == NULL)
		seen->directory[0] = '\0';
	(void)snprintf(seen->locale, sizeof(seen->locale), "%s", setlocale(LC_ALL, NULL));
	seen->umask = umask(077);
	(void)umask(seen->umask);
	for (int i = 1; i < SIGNALS; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) == 0)
			seen->handlers[i] = action.sa_handler;
	}
}

/* Threads may be on their way out when close is back. */
static bool
threads_end(size_t before)
{
	for (int i = 0; i < 40; i++) {
		if (entries("/proc/self/task") <= before)
			return true;
		kit_sleep(50);
	}
	return false;
}

bool
case_manners(struct kit *kit)
{
	struct surroundings before, after;

	look_around(&before);
	if (!opened_rounds(kit, 3))
		return false;
	look_around(&after);
	if (strcmp(before.directory, after.directory) != 0)
		return kit_fail(kit, "it changes the working directory");
	if (strcmp(before.locale, after.locale) != 0)
		return kit_fail(kit, "it changes the locale");
	if (before.umask != after.umask)
		return kit_fail(kit, "it changes the umask");
	for (int i = 1; i < SIGNALS; i++) {
		if (before.handlers[i] != after.handlers[i])
			return kit_fail(kit, "it changes what signal %d does", i);
	}
	if (waitpid(-1, NULL, WNOHANG) != -1)
		return kit_fail(kit, "it leaves a child process behind");
	return threads_end(before.threads) || kit_fail(kit, "it leaves threads behind close");
}
