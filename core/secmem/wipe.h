/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wipe.h: free and realloc that wipe first, for our own programs only.  A
 * program gets them by linking wipe.c; what it loads is covered too.  Not in
 * sanitizer builds, and not seen under valgrind, which both bring their own.
 */
#ifndef SECMEM_WIPE_H
#define SECMEM_WIPE_H

/* No core files, not dumpable.  Called first in main().  Keeps the old core
 * limit for children of `run`. */
void process_harden(void);

#endif
