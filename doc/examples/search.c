/* SPDX-License-Identifier: BSD-2-Clause */
/* search ACTION: the newest ten records of an action, as they stand in the trail. */
#include <mortise/mortise.h>
#include <stdio.h>

static void
print_line(void *arg, const char *line, size_t size)
{
	(void)arg;
	printf("%.*s\n", (int)size, line);
}

int
main(int argc, char **argv)
{
	const struct mortise_open_options open = {.size = sizeof(open), .program = "search 1"};
	struct mortise_audit_filter filter = {.size = sizeof(filter), .last = 10};
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = NULL;
	enum mortise_code code;
	int status;

	if (argc != 2 || error == NULL)
		return 2;
	filter.action = argv[1];
	code = mortise_open(&open, &context, error);
	if (code == MORTISE_OK)
		code = mortise_audit_search(context, NULL, &filter, print_line, NULL, error);
	if (code != MORTISE_OK)
		fprintf(stderr, "%s: %s\n", mortise_code_name(code), mortise_error_message(error));
	status = mortise_exit_status(code, mortise_error_reason(error));
	mortise_close(context);
	mortise_error_free(error);
	return status;
}
