/* SPDX-License-Identifier: BSD-2-Clause */
/* A case in its process, and the one that waits for it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "kit/kit.h"

#define LOOK_MS 50
#define SHOWN 4096			/* bytes of what a plugin writes */

/* --- inside ------------------------------------------------------------------------- */

/* Every line is looked at, and those that are wanted are shown. */
static void
take_line(void *arg, enum mortise_level level, const char *line)
{
	struct kit *kit = arg;

	if (strstr(line, kit->canary) != NULL)
		(void)kit_fail(kit, "a line that it logs has a value in it");
	else if (level <= kit->settings->log_level)
		(void)dprintf(kit->settings->log, "mortise-plugin-test: %s: %s\n",
		    kit->one == NULL ? "open" : kit->one->name, line);
}

static void
remove_made(struct kit *kit)
{
	struct kit_report *report = kit->report;

	for (size_t i = 0; i < report->made_count; i++) {
		struct kit_made *made = &report->made[i];
		enum mortise_code code;

		if (!made->there)
			continue;
		code = made->state ? kit_state_delete(kit, made->name, NULL) :
		    kit_delete(kit, made->name);
		if (code == MORTISE_NOT_FOUND)
			made->there = false;
	}
}

/* The case is over: its verdict stays as it was. */
static void
clean(struct kit *kit)
{
	enum kit_verdict verdict = kit->report->verdict;
	char words[sizeof(kit->report->words)];

	memcpy(words, kit->report->words, sizeof(words));
	remove_made(kit);
	kit->report->verdict = verdict;
	memcpy(kit->report->words, words, sizeof(words));
}

static bool
runnable(struct kit *kit)
{
	uint64_t missing = kit->one->needs & ~backend_can(kit->backend);
	struct buffer names _cleanup_(buffer_free) = {0};

	if (missing != 0) {
		plugin_operations(missing, &names);
		return kit_skip(kit, "it does not offer %s", names.failed ? "it" : names.data);
	}
	return (kit->one->flags & KIT_WRITES) == 0 || !kit->settings->read_only ||
	    kit_skip(kit, "it writes, and --read-only is given");
}

static void
run_here(struct kit *kit)
{
	unsigned char random[16] = {0};

	for (int fd = 0; fd < (int)ARRAY_SIZE(kit->inherited); fd++)
		kit->inherited[fd] = fcntl(fd, F_GETFD) >= 0;
	(void)random_bytes(random, sizeof(random));
	hex_encode(random, sizeof(random), kit->canary);
	kit->logger = (struct logger){take_line, kit, MORTISE_LOG_DEBUG};
	if (kit_load(kit) != MORTISE_OK || kit_open(kit, &kit->backend) != MORTISE_OK) {
		(void)kit_fail(kit, "%s", mortise_error_message(&kit->error));
		return;
	}
	if (kit->one != NULL && runnable(kit))
		(void)kit->one->run(kit);
	clean(kit);
	kit_close(kit, kit->backend);
}

/* Until it is gone it is waited for as for a call. */
static _Noreturn void
be_the_case(struct kit *kit, int output)
{
	struct mortise_call end = {.error = &kit->error};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	run_here(kit);
	plugin_free(kit->plugin);
	end.deadline = clock_monotonic_ns();
	kit_ask(kit, &end, "exit");
	exit(0);
}

/* --- outside ------------------------------------------------------------------------ */

static bool
hung(struct kit_report *report)
{
	uint64_t now = clock_monotonic_ns(), deadline = report->deadline;

	return report->asked != report->answered && now > deadline &&
	    now - deadline > KIT_HUNG_MS * NS_PER_MS;
}

/* The other end of the pipe is the case's alone.  false: it was killed. */
static bool
wait_for(struct kit_report *report, pid_t pid, int end)
{
	struct pollfd poll_end = {.fd = end};

	while (poll(&poll_end, 1, LOOK_MS) <= 0 || poll_end.revents == 0) {
		if (hung(report)) {
			(void)kill(pid, SIGKILL);
			return false;
		}
	}
	return true;
}

static void
say_ended(struct kit *kit, int status)
{
	struct kit_report *report = kit->report;

	/* What it found before is of no account beside that. */
	report->verdict = KIT_OK;
	if (WIFSIGNALED(status))
		(void)kit_fail(kit, "it crashed in %s: %s", report->asking,
		    strsignal(WTERMSIG(status)));
	else
		(void)kit_fail(kit, "its process ended in %s, with status %d", report->asking,
		    WEXITSTATUS(status));
}

/* Standard output and error are not a plugin's. */
static void
look_at_output(struct kit *kit, int output)
{
	char text[SHOWN + 1];
	ssize_t n = file_read_at(output, text, SHOWN, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	(void)file_write(kit->settings->log, text, (size_t)n, NULL);
	text[strcspn(text, "\n")] = '\0';
	(void)kit_fail(kit, "it wrote to standard output or error: %.200s", text);
}

static void
watch(struct kit *kit, pid_t pid, int end, int output)
{
	bool came_back = wait_for(kit->report, pid, end);
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!came_back) {
		kit->report->verdict = KIT_OK;
		(void)kit_fail(kit, "%s did not come back, %d s after its deadline",
		    kit->report->asking, KIT_HUNG_MS / 1000);
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		say_ended(kit, status);
	look_at_output(kit, output);
}

void
kit_run(const struct kit_settings *settings, const struct kit_case *one,
    struct kit_report *report)
{
	struct kit kit = {.settings = settings, .report = report, .one = one,
	    .lock = PTHREAD_MUTEX_INITIALIZER};
	FILE *output = tmpfile();
	int ends[2] = {-1, -1};
	pid_t pid = -1;

	report->verdict = KIT_OK;
	report->words[0] = report->asking[0] = '\0';
	report->asked = report->answered = 0;
	(void)fflush(NULL);
	if (output != NULL && pipe(ends) == 0) {
		(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
		(void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
		pid = fork();
	}
	if (pid == 0) {
		file_close(&ends[0]);
		be_the_case(&kit, fileno(output));
	}
	file_close(&ends[1]);
	if (pid < 0)
		(void)kit_fail(&kit, "cannot start a process: %s", strerror(errno));
	else
		watch(&kit, pid, ends[0], fileno(output));
	file_close(&ends[0]);
	if (output != NULL)
		(void)fclose(output);
}
