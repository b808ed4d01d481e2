/* SPDX-License-Identifier: BSD-2-Clause */
/* Values and names out of answers. */
#include <stdlib.h>
#include <string.h>

#include "rest.h"
#include "sdk/json.h"

#define PART_MAX 256			/* bytes of a part of a pointer */

static enum mortise_code
fail_answer(const struct rest *rest, struct mortise_call *call, const char *what,
    const char *pointer)
{
	return rest->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE, "the answer %s%s", what,
	    pointer);
}

/* The part behind a "/", with ~1 and ~0 as what they stand for; NULL: it is no pointer. */
static const char *
next_part(const char *pointer, char part[PART_MAX])
{
	size_t n = 0;

	if (*pointer != '/')
		return NULL;
	for (pointer++; *pointer != '\0' && *pointer != '/' && n + 1 < PART_MAX; pointer++) {
		bool escaped = *pointer == '~' && (pointer[1] == '0' || pointer[1] == '1');

		part[n++] = escaped ? (pointer[1] == '0' ? '~' : '/') : *pointer;
		pointer += escaped;
	}
	part[n] = '\0';
	return pointer;
}

static const json_t *
step(const json_t *at, const char *part)
{
	if (json_is_array(at))
		return part[0] == '\0' || part[strspn(part, "0123456789")] != '\0' ? NULL :
		    json_array_get(at, strtoul(part, NULL, 10));
	return json_object_get(at, part);
}

enum mortise_code
json_value(const struct rest *rest, struct mortise_call *call, const char *pointer,
    const struct mortise_secret *body, struct mortise_secret **value)
{
	json_t *tree = json_of(rest->host, body);
	const json_t *at = tree;
	const char *rest_of = pointer;
	char part[PART_MAX];
	enum mortise_code code;

	while (at != NULL && rest_of != NULL && *rest_of != '\0') {
		rest_of = next_part(rest_of, part);
		at = rest_of == NULL ? NULL : step(at, part);
	}
	if (tree == NULL)
		code = fail_answer(rest, call, "is no JSON", "");
	else if (at == NULL)
		code = fail_answer(rest, call, "has nothing at ", pointer);
	else if (json_is_null(at))
		code = rest->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "the value at %s is null", pointer);
	else {
		*value = json_secret(rest->host, at);
		code = *value != NULL ? MORTISE_OK : rest->host->fail(call, MORTISE_ERROR,
		    MORTISE_REASON_NONE, "out of memory");
	}
	json_forget(tree);
	return code;
}

/* All that the rest of a pointer finds below a place. */
static enum mortise_code
walk(const struct rest *rest, struct mortise_call *call, const json_t *at, const char *pointer,
    struct mortise_out *out)
{
	enum mortise_code code = MORTISE_OK;
	char part[PART_MAX];
	const char *behind;

	if (*pointer == '\0' && json_is_array(at)) {
		for (size_t i = 0; code == MORTISE_OK && i < json_array_size(at); i++)
			code = walk(rest, call, json_array_get(at, i), "", out);
		return code;
	}
	if (*pointer == '\0')
		return json_is_string(at) ? rest->host->add_name(out, json_string_value(at)) :
		    fail_answer(rest, call, "has something else than names where they are asked for", "");
	behind = next_part(pointer, part);
	if (behind == NULL)
		return fail_answer(rest, call, "cannot be searched by the pointer ", pointer);
	if (strcmp(part, "*") == 0 && json_is_array(at)) {
		for (size_t i = 0; code == MORTISE_OK && i < json_array_size(at); i++)
			code = walk(rest, call, json_array_get(at, i), behind, out);
		return code;
	}
	at = step(at, part);
	return at == NULL ? fail_answer(rest, call, "has nothing at ", pointer) :
	    walk(rest, call, at, behind, out);
}

enum mortise_code
json_names(const struct rest *rest, struct mortise_call *call, const char *pointer,
    const struct mortise_secret *body, struct mortise_out *out)
{
	json_t *tree = json_of(rest->host, body);
	enum mortise_code code = tree == NULL ? fail_answer(rest, call, "is no JSON", "") :
	    walk(rest, call, tree, pointer == NULL ? "" : pointer, out);

	json_forget(tree);
	return code;
}
