/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wipe.h: free and realloc that wipe first, for our own programs only.  A
 * program gets them by linking wipe.c; what it loads is covered too, and what
 * the C library builds on them (reallocarray, getline, fclose).  Not in
 * sanitizer builds, not seen under valgrind, which both bring their own, and
 * not with another C library than glibc.
 */
#ifndef SECMEM_WIPE_H
#define SECMEM_WIPE_H

/* No core files, not dumpable.  Called first in main(), once. */
void process_harden(void);
/* Gives a child of `run` the core limit that there was before; between fork
 * and exec, after process_harden. */
void process_restore_core_limit(void);

#endif
