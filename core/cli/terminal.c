/* SPDX-License-Identifier: BSD-2-Clause */
/* A hidden prompt.  Signals that would leave the terminal mute are taken as
 * data, through a descriptor, and raised anew once the echo is back. */
/* For signalfd and explicit_bzero. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/input.h"

static const int held[] = {SIGINT, SIGTERM, SIGTSTP, SIGHUP, SIGQUIT};

struct prompt {
	const char *what;
	struct termios shown;		/* as it was */
	sigset_t signals, before;
	int fd;				/* of the signals */
};

static void
write_text(const char *text)
{
	(void)file_write(STDERR_FILENO, text, strlen(text), NULL);
}

static int
hide(struct prompt *prompt)
{
	struct termios hidden;

	if (tcgetattr(STDIN_FILENO, &prompt->shown) < 0)
		return -1;
	hidden = prompt->shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	/* What was typed ahead was seen; it is no part of the answer. */
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) < 0)
		return -1;
	write_text("mortise: type ");
	write_text(prompt->what);
	write_text(" (hidden), then Enter: ");
	return 0;
}

static void
show(const struct prompt *prompt)
{
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &prompt->shown);
	write_text("\n");
}

/* Lets a signal do what it does; comes back after a stop, or where it is
 * ignored. */
static int
pass_signal(struct prompt *prompt)
{
	struct signalfd_siginfo info;
	sigset_t one;
	int number;

	if (file_read_some(prompt->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return -1;
	number = (int)info.ssi_signo;
	(void)sigemptyset(&one);
	(void)sigaddset(&one, number);
	show(prompt);
	(void)raise(number);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	(void)sigprocmask(SIG_BLOCK, &one, NULL);
	return hide(prompt);
}

/* Bytes of the line: 1 = more to come, 0 = the line is whole, -1 = errno. */
static int
take_piece(struct mortise_secret *value)
{
	char piece[512];
	ssize_t n = file_read_some(STDIN_FILENO, piece, sizeof(piece));
	bool whole = n == 0 || (n > 0 && piece[n - 1] == '\n');
	enum mortise_code code = MORTISE_OK;

	if (n < 0)
		return -1;
	code = mortise_secret_append(value, piece, (size_t)n - (n > 0 && whole));
	explicit_bzero(piece, sizeof(piece));
	errno = ENOMEM;
	return code != MORTISE_OK ? -1 : whole ? 0 : 1;
}

static int
read_line(struct prompt *prompt, struct mortise_secret *value)
{
	struct pollfd fds[] = {
		{.fd = prompt->fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN},
	};
	int more = 1;

	while (more > 0) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			more = errno == EINTR ? 1 : -1;
			continue;
		}
		if (fds[0].revents != 0)
			more = pass_signal(prompt) < 0 ? -1 : 1;
		else
			more = take_piece(value);
	}
	return more;
}

static int
prompt_for(struct prompt *prompt, struct mortise_secret *value)
{
	int result = hide(prompt);

	if (result < 0)
		return system_error("cannot hide what is typed");
	result = read_line(prompt, value);
	show(prompt);
	if (result < 0)
		return system_error("cannot read from the terminal");
	return 0;
}

int
terminal_read(const char *what, struct mortise_secret *value)
{
	struct prompt prompt = {.what = what};
	size_t size;
	int status;

	(void)sigemptyset(&prompt.signals);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		(void)sigaddset(&prompt.signals, held[i]);
	(void)sigprocmask(SIG_BLOCK, &prompt.signals, &prompt.before);
	prompt.fd = signalfd(-1, &prompt.signals, SFD_CLOEXEC);
	status = prompt.fd < 0 ? system_error("cannot wait for signals") :
	    prompt_for(&prompt, value);
	file_close(&prompt.fd);
	(void)sigprocmask(SIG_SETMASK, &prompt.before, NULL);
	(void)mortise_secret_peek(value, &size);
	if (status == 0 && size == 0)
		return usage_error("nothing was typed; an empty value is piped in");
	if (status == 0 && size > MORTISE_VALUE_MAX)
		return usage_error("the value is longer than %d bytes, which is the limit; "
		    "give a shorter one", MORTISE_VALUE_MAX);
	return status;
}
