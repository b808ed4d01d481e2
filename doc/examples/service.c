/* SPDX-License-Identifier: BSD-2-Clause */
/* service NAME: a program that serves from several threads, and reads its
 * configuration again on SIGHUP while they run.  It ends on SIGTERM. */
#define _XOPEN_SOURCE 700
#include <mortise/mortise.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define WORKERS 4

struct worker {
	pthread_t thread;
	struct mortise *context;	/* one for all of them */
	const char *name;
	unsigned long served, failed;
};

static atomic_bool stopping;

static void *
serve(void *arg)
{
	struct worker *worker = arg;
	struct mortise_error *error = mortise_error_new();	/* one for each thread */
	const struct timespec pause = {.tv_nsec = 5000000};

	while (error != NULL && !stopping) {
		struct mortise_secret *value = NULL;

		if (mortise_get(worker->context, NULL, worker->name, NULL, &value, NULL, error) ==
		    MORTISE_OK)
			worker->served++;
		else
			worker->failed++;
		mortise_secret_free(value);
		(void)nanosleep(&pause, NULL);
	}
	mortise_error_free(error);
	return NULL;
}

/* The library touches no signals; they are ours. */
static void
wait_for_signals(struct mortise *context, const sigset_t *signals, struct mortise_error *error)
{
	int number;

	while (sigwait(signals, &number) == 0 && number == SIGHUP) {
		if (mortise_reload(context, error) == MORTISE_OK)
			printf("reloaded\n");
		else	/* what ran goes on running */
			printf("kept: %s:%u: %s\n", mortise_error_file(error),
			    mortise_error_line(error), mortise_error_message(error));
		(void)fflush(stdout);
	}
	stopping = true;
}

int
main(int argc, char **argv)
{
	const struct mortise_open_options open = {.size = sizeof(open), .program = "service 1"};
	struct mortise_error *error = mortise_error_new();
	struct worker workers[WORKERS];
	struct mortise *context = NULL;
	unsigned long served = 0, failed = 0;
	sigset_t signals;

	if (argc != 2 || error == NULL || mortise_open(&open, &context, error) != MORTISE_OK) {
		fprintf(stderr, "%s\n", error == NULL ? "no memory" : mortise_error_message(error));
		return 2;
	}
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.context = context, .name = argv[1]};
		(void)pthread_create(&workers[i].thread, NULL, serve, &workers[i]);
	}
	printf("ready\n");
	(void)fflush(stdout);
	wait_for_signals(context, &signals, error);
	for (int i = 0; i < WORKERS; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		served += workers[i].served;
		failed += workers[i].failed;
	}
	printf("%s, %lu failed\n", served > 0 ? "served" : "nothing served", failed);
	mortise_close(context);
	mortise_error_free(error);
	return failed == 0 ? 0 : 1;
}
