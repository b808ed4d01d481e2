/* SPDX-License-Identifier: BSD-2-Clause */
/* delete: every version of a secret.  Prints nothing. */
#include "cli/verbs.h"

int
verb_delete(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);

	return status != 0 ? status : cli_status(cli, mortise_delete(cli->context, &request,
	    cli_word(cli, 0), cli->error));
}
