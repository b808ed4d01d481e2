/* SPDX-License-Identifier: BSD-2-Clause */
/* token PLATFORM CONNECTION AGENCY: keeps a provider's answer, which comes on stdin,
 * and prints the reference: all that an application's database needs.  Then it reads
 * the tokens back by that reference. */
#include <mortise/mortise.h>
#include <stdio.h>
#include <string.h>

static void
keep_reference(void *arg, const struct mortise_authorization *authorization)
{
	(void)snprintf(arg, MORTISE_NAME_MAX + 1, "%s", authorization->secret_id);
}

static struct mortise_secret *
read_answer(void)
{
	struct mortise_secret *answer = mortise_secret_new(4096);
	char piece[512];
	size_t size;

	while (answer != NULL && (size = fread(piece, 1, sizeof(piece), stdin)) > 0) {
		if (mortise_secret_append(answer, piece, size) != MORTISE_OK) {
			mortise_secret_free(answer);
			return NULL;
		}
	}
	return answer;
}

int
main(int argc, char **argv)
{
	const struct mortise_open_options open = {.size = sizeof(open), .program = "token 1"};
	struct mortise_token_store_options store = {.size = sizeof(store)};
	struct mortise_error *error = mortise_error_new();
	struct mortise_secret *answer = read_answer(), *tokens = NULL;
	struct mortise *context = NULL;
	char reference[MORTISE_NAME_MAX + 1];
	enum mortise_code code;
	int status;

	if (argc != 4 || error == NULL || answer == NULL)
		return 2;
	store.platform = argv[1];
	store.connection_id = argv[2];
	store.agency_id = argv[3];
	code = mortise_open(&open, &context, error);
	if (code == MORTISE_OK)
		code = mortise_token_store(context, NULL, &store, answer, keep_reference, reference,
		    error);
	if (code == MORTISE_OK)
		code = mortise_token_get(context, NULL, reference, &tokens, error);
	if (code == MORTISE_OK)
		printf("%s\n", reference);
	else
		fprintf(stderr, "%s: %s\n", mortise_code_name(code), mortise_error_message(error));
	mortise_secret_free(answer);
	mortise_secret_free(tokens);
	status = mortise_exit_status(code, mortise_error_reason(error));
	mortise_close(context);
	mortise_error_free(error);
	return status;
}
