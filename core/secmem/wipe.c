/* SPDX-License-Identifier: BSD-2-Clause */
/* For explicit_bzero. */
#define _GNU_SOURCE
#include "secmem/wipe.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#if defined(__GLIBC__) && !defined(MORTISE_SANITIZED)

/* glibc's own, under the names that it keeps for those who replace them. */
extern void __libc_free(void *);
extern void *__libc_realloc(void *, size_t);

/* -fvisibility=hidden would keep them from the libraries. */
__attribute__((visibility("default"))) void
free(void *p)
{
	/* What was usable may have been used: all of it goes. */
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	__libc_free(p);
}

/* The real realloc frees the old place by itself when it moves, so a move is
 * made here, and a block that shrinks is wiped where it ends. */
__attribute__((visibility("default"))) void *
realloc(void *p, size_t size)
{
	size_t old;
	void *bigger;

	if (p == NULL)
		return malloc(size);
	if (size == 0) {
		free(p);
		return NULL;
	}
	old = malloc_usable_size(p);
	if (size <= old) {
		explicit_bzero((char *)p + size, old - size);
		return __libc_realloc(p, size);
	}
	bigger = malloc(size);
	if (bigger == NULL)
		return NULL;
	memcpy(bigger, p, old);
	free(p);
	return bigger;
}

#endif

/* The limit belongs to the process, as this does; set once, before there are
 * threads. */
static struct rlimit core_limit = {RLIM_INFINITY, RLIM_INFINITY};

void
process_harden(void)
{
	struct rlimit none;

	/* Both cannot fail with these arguments.  The hard limit stays, so that
	 * the old one can be given back. */
	(void)getrlimit(RLIMIT_CORE, &core_limit);
	none = core_limit;
	none.rlim_cur = 0;
	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef MORTISE_SANITIZED
	/* LeakSanitizer attaches to the process as a debugger does. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void
process_restore_core_limit(void)
{
	(void)setrlimit(RLIMIT_CORE, &core_limit);
}
