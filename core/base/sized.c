/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sized.h"

#include <string.h>

bool
sized_copy(void *copy, size_t known, const void *given)
{
	size_t size;

	memcpy(&size, given, sizeof(size));
	/* Every such struct is aligned as a pointer is, so its size is a multiple. */
	if (size < sizeof(size) || size % sizeof(void *) != 0)
		return false;
	memset(copy, 0, known);
	memcpy(copy, given, size < known ? size : known);
	memcpy(copy, &known, sizeof(known));
	return true;
}

void
sized_give(void *to, size_t known, const void *from)
{
	size_t size, first = sizeof(size);

	memcpy(&size, to, sizeof(size));
	if (size > known)
		size = known;
	if (size > first)
		memcpy((char *)to + first, (const char *)from + first, size - first);
}
