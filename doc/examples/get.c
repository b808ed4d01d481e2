/* SPDX-License-Identifier: BSD-2-Clause */
/* get NAME: a secret, byte for byte, on stdout. */
#include <mortise/mortise.h>
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	/* Where the configuration is: $MORTISE_CONFIG, /etc/mortise/mortise.yaml, ... */
	const struct mortise_open_options options = {.size = sizeof(options), .program = "get 1"};
	/* Who asks, for the audit trail. */
	const struct mortise_request request = {.size = sizeof(request),
	    .user_email = getenv("USER_EMAIL")};
	struct mortise_error *error = mortise_error_new();
	struct mortise_secret *value = NULL;
	struct mortise *context = NULL;
	enum mortise_code code;
	int status;
	size_t size;

	if (argc != 2 || error == NULL)
		return 2;
	code = mortise_open(&options, &context, error);
	if (code == MORTISE_OK)
		code = mortise_get(context, &request, argv[1], NULL, &value, NULL, error);
	if (code == MORTISE_OK) {
		const void *bytes = mortise_secret_peek(value, &size);

		(void)fwrite(bytes, 1, size, stdout);
	} else
		fprintf(stderr, "%s: %s\n", mortise_code_name(code), mortise_error_message(error));
	mortise_secret_free(value);		/* wipes it */
	status = mortise_exit_status(code, mortise_error_reason(error));
	mortise_close(context);
	mortise_error_free(error);
	return status;
}
