/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU time of one `mortise get` from the local store, in a process of its own,
 * against a secret manager's own program.  BENCH_RIVAL is a command that reads one
 * secret with that, say "bao kv get -field=value secret/x" beside its server; it is
 * run in turns with ours.  Without it the rival is what bao took where it was
 * measured: 62 ms.
 */
#include "bench.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store.h"

#define RUNS 20
#define RECORDED_MS 62.0

/* CPU milliseconds that all children have used so far. */
static double
children_ms(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

/* Of one run of a shell's command. */
static double
cpu_of(const char *command)
{
	double before = children_ms();

	for (int i = 0; i < RUNS; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			give_up(command);
	}
	return (children_ms() - before) / RUNS;
}

int
main(void)
{
	const char *build = getenv("builddir"), *rival = getenv("BENCH_RIVAL");
	struct mortise_secret *value = new_value();
	char ours[512], theirs[512];
	double ratios[PAIRS];
	struct mortise *context;

	make_directory();
	context = open_store(directory, "store", true);
	put_number(context, 1, value);
	mortise_close(context);
	mortise_secret_free(value);
	/* Past libtool's script, and without a shell between (exec). */
	(void)snprintf(ours, sizeof(ours), "LD_LIBRARY_PATH=%s/core/.libs exec %s/.libs/mortise "
	    "--config %s/store.yaml get app/1 >/dev/null", build, build, directory);
	(void)snprintf(theirs, sizeof(theirs), "exec %s >/dev/null", rival == NULL ? "" : rival);
	for (size_t i = 0; i < PAIRS; i++) {
		double our_ms = cpu_of(ours);
		double their_ms = rival == NULL ? RECORDED_MS : cpu_of(theirs);

		ratios[i] = their_ms / our_ms;
		fprintf(stderr, "cli: %.2f ms against %.2f ms%s\n", our_ms, their_ms,
		    rival == NULL ? " (recorded)" : "");
	}
	bench_ratios("CPU of `mortise get`, cold, less than bao's by", ratios, AT_LEAST, 10);
	return 0;
}
