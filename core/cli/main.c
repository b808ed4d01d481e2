/* SPDX-License-Identifier: BSD-2-Clause */
/* mortise: from the command line to a verb, and from its result to a status. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "secmem/wipe.h"

/* A standard descriptor that is closed would be given to the next file that is
 * opened, say the trail, and a value would be written into it.  Each gets one
 * that fails as a closed one does. */
static int
guard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* Opened in order, so it is this one. */
		if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return EXIT_FAILURE;
	}
	return 0;
}

/* What was typed too much may be a value: it is not repeated. */
static int
check_words(const struct verb *verb, size_t count)
{
	if (count < verb->least)
		return usage_error("%s needs more than that; `mortise %s --help` shows what",
		    verb->name, verb->name);
	if (count > verb->most && verb->run == verb_put)
		return usage_error("put takes a name only; a value comes from stdin, a hidden "
		    "prompt or --file, never from the command line");
	if (count > verb->most)
		return usage_error("%s takes less than that; `mortise %s --help` shows what",
		    verb->name, verb->name);
	return 0;
}

static int
run(struct cli *cli)
{
	const struct verb *verb = cli->options.verb;
	int status = cli_begin(cli);

	if (status != 0)
		return status;
	if (option_given(&cli->options, OPTION_HELP)) {
		help_print(cli);
		return 0;
	}
	if (verb == NULL)
		return usage_error("%s%swhat to do is missing; `mortise %s%s--help` lists it",
		    cli->options.group == NULL ? "" : cli->options.group,
		    cli->options.group == NULL ? "" : ": ",
		    cli->options.group == NULL ? "" : cli->options.group,
		    cli->options.group == NULL ? "" : " ");
	if (cli->output.form == OUTPUT_ENV && verb->run != verb_get)
		return usage_error("%s has no --output env; get has", verb->name);
	status = check_words(verb, cli->options.words_count);
	return status == 0 ? verb->run(cli) : status;
}

int
main(int argc, char **argv)
{
	struct cli cli = {.context = NULL};
	int status, lost;

	process_harden();
	/* A reader that goes away ends us, also where our starter ignored that. */
	(void)signal(SIGPIPE, SIG_DFL);
	status = guard_descriptors();
	if (status == 0)
		status = options_parse(&cli.options, argc, argv);
	if (status == 0)
		status = run(&cli);
	cli_end(&cli);
	lost = output_finish(&cli.output);
	return status != 0 ? status : lost;
}
