/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE	/* pipe2, environ */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/instance.h"
#include "base/clock.h"
#include "base/file.h"
#include "secmem/secret.h"

#define REAP_PAUSE_MAX_MS 16

/*
 * stdin and stderr are /dev/null: a helper that asks questions gets no answer,
 * and what it says to the terminal could hold the secret.
 */
static int
prepare_files(posix_spawn_file_actions_t *actions, int output)
{
	int failed = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
	    O_RDONLY, 0);

	if (failed == 0)
		failed = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
	if (failed == 0)
		failed = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null",
		    O_WRONLY, 0);
	return failed;
}

/* No signal blocked or ignored, and a process group of its own, so that all
 * that the helper starts can be ended with it. */
static int
prepare_signals(posix_spawnattr_t *attributes)
{
	sigset_t set;
	int failed;

	(void)sigemptyset(&set);
	failed = posix_spawnattr_setsigmask(attributes, &set);
	(void)sigfillset(&set);
	if (failed == 0)
		failed = posix_spawnattr_setsigdefault(attributes, &set);
	if (failed == 0)
		failed = posix_spawnattr_setpgroup(attributes, 0);
	if (failed == 0)
		failed = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
		    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	return failed;
}

/* 0 or an error number, as posix_spawn has it. */
static int
start(const char *const argv[], int output, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int failed = posix_spawn_file_actions_init(&actions);

	if (failed != 0)
		return failed;
	failed = posix_spawnattr_init(&attributes);
	if (failed == 0) {
		failed = prepare_files(&actions, output);
		if (failed == 0)
			failed = prepare_signals(&attributes);
		/* posix_spawn does not write to the strings; its type is older than const. */
		if (failed == 0)
			failed = posix_spawn(pid, argv[0], &actions, &attributes,
			    (char *const *)(uintptr_t)argv, environ);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return failed;
}

static enum mortise_code
late(struct mortise_call *call, const char *helper)
{
	return error_set(call->error, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
	    "the helper %s was not done by the deadline and was ended; raise the timeout, or see "
	    "what it waits for", helper);
}

/* Reads to the end, straight into locked memory. */
static enum mortise_code
read_output(struct mortise_call *call, const char *helper, int fd, size_t limit,
    struct mortise_secret *output)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	/* One byte more than may come: that is how too much is seen. */
	char *bytes = secret_resize(output, limit + 1);
	size_t done = 0;
	ssize_t n = 1;
	int left;

	if (bytes == NULL)
		return error_memory(call->error);
	while (n > 0 && done <= limit) {
		left = deadline_left_ms(call->deadline);
		if (left == 0)
			return late(call, helper);
		if (poll(&wait, 1, left) <= 0)
			continue;
		n = file_read_some(fd, bytes + done, limit + 1 - done);
		done += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return error_errno(call->error, errno, "the output of the helper %s", helper);
	if (done > limit)
		return error_set(call->error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the helper %s writes more than %zu bytes; it must write the secret alone",
		    helper, limit);
	return secret_resize(output, done) == NULL ? error_memory(call->error) : MORTISE_OK;
}

/* POSIX has no wait for a child with a deadline, so: looks in growing pauses. */
static enum mortise_code
reap(struct mortise_call *call, const char *helper, pid_t *pid)
{
	int pause = 1, left, status = 0;
	pid_t gone;

	while ((gone = waitpid(*pid, &status, WNOHANG)) == 0) {
		left = deadline_left_ms(call->deadline);
		if (left == 0)
			return late(call, helper);
		(void)poll(NULL, 0, pause < left ? pause : left);
		if (pause < REAP_PAUSE_MAX_MS)
			pause *= 2;
	}
	*pid = -1;
	if (gone < 0)
		return error_set(call->error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "how the helper %s ended is not known: this program collects the status of "
		    "children that are not its own", helper);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return MORTISE_OK;
	return error_set(call->error, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "the helper %s failed with %s %d; run it by hand to see why", helper,
	    WIFEXITED(status) ? "status" : "signal",
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static void
end(pid_t pid)
{
	pid_t gone;

	if (pid <= 0)
		return;
	(void)kill(-pid, SIGKILL);
	do
		gone = waitpid(pid, NULL, 0);
	while (gone < 0 && errno == EINTR);
}

enum mortise_code
host_spawn(struct mortise_call *call, const char *const argv[], size_t limit,
    struct mortise_secret **result)
{
	struct mortise_secret *output _cleanup_(secret_cleanup) = NULL;
	int read_end _cleanup_(file_close) = -1, write_end _cleanup_(file_close) = -1;
	enum mortise_code code;
	pid_t pid = -1;
	int ends[2], failed;

	if (argv[0] == NULL || argv[0][0] != '/' || limit >= SECRET_MAX)
		return error_set(call->error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "a helper is named by its whole path, and its output is below 16 MiB");
	output = mortise_secret_new(limit + 1);
	if (output == NULL)
		return error_memory(call->error);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(call->error, errno, "a pipe to the helper %s", argv[0]);
	read_end = ends[0];
	write_end = ends[1];
	failed = start(argv, write_end, &pid);
	if (failed != 0)
		return error_errno(call->error, failed, "the helper %s", argv[0]);
	/* Ours must go, or there is no end to read to. */
	file_close(&write_end);
	code = read_output(call, argv[0], read_end, limit, output);
	if (code == MORTISE_OK)
		code = reap(call, argv[0], &pid);
	if (code != MORTISE_OK) {
		end(pid);
		return code;
	}
	*result = output;
	output = NULL;
	return MORTISE_OK;
}
