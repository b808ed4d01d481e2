/* SPDX-License-Identifier: BSD-2-Clause */
/* code.h: the words of codes and reasons, and what statuses they become. */
#ifndef BASE_CODE_H
#define BASE_CODE_H

#include <mortise/mortise.h>

/* false: no such word. */
bool code_parse(const char *word, enum mortise_code *code);

/* Any value that is not a code is MORTISE_ERROR. */
static inline enum mortise_code
code_known(enum mortise_code code)
{
	return (unsigned int)code < MORTISE_CODES ? code : MORTISE_ERROR;
}


#endif
