/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that options name. */
#include <stdlib.h>
#include <string.h>

#include "config/forms.h"
#include "config/value.h"

/* {file: PATH}, or a list in which it is. */
static void
tell_forms(const struct yaml_node *node, options_file_fn *each, void *arg)
{
	const struct yaml_node *text = yaml_member(node, "file");
	char *path _cleanup_(free_pointer) = text == NULL || text->kind != YAML_SCALAR ? NULL :
	    form_path(&text->place, text->text);

	if (path != NULL)
		each(arg, path, true, &text->place);
	for (size_t i = 0; node->kind == YAML_LIST && i < node->count; i++)
		tell_forms(node->values[i], each, arg);
}

void
options_files(const struct mortise_options *options, options_file_fn *each, void *arg)
{
	unsigned int flags = options->option == NULL ? 0 : options->option->flags;

	if ((flags & MORTISE_OPTION_SECRET) != 0 && options->node != NULL)
		tell_forms(options->node, each, arg);
	else if ((flags & MORTISE_OPTION_PATH) != 0 && options->text != NULL)
		each(arg, options->text, false, &options->place);
	for (size_t i = 0; i < options->count; i++) {
		if (options->children[i] != NULL)
			options_files(options->children[i], each, arg);
	}
}
