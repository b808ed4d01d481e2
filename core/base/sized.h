/* SPDX-License-Identifier: BSD-2-Clause */
/* sized.h: structs that begin with their size, as both public headers have them. */
#ifndef BASE_SIZED_H
#define BASE_SIZED_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies such a struct from somebody who may know fewer or more fields than the
 * `known` bytes here: what the giver lacks is zero, what is not known here is
 * left out, and the copy's size is `known`.  false: a size that is none.
 */
bool sized_copy(void *copy, size_t known, const void *given);

/* Fills such a struct of somebody's from one of `known` bytes: no more than it has room
 * for, and not its size. */
void sized_give(void *to, size_t known, const void *from);

#endif
