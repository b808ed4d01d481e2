/* SPDX-License-Identifier: BSD-2-Clause */
/* message.h: what a record says.  For this folder only. */
#ifndef SYSLOG_MESSAGE_H
#define SYSLOG_MESSAGE_H

#include <mortise/plugin.h>

/* The first field of that name; "" where the record has none. */
const char *field_of(const struct mortise_line *, const char *name);
/* What happened: the action, or the type of a record that has none. */
const char *event_of(const struct mortise_line *);

#endif
