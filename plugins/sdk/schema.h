/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * schema.h: options of a plugin, a line each.  Every macro makes a static
 * struct mortise_option called `variable`; what the fields say is in mortise/plugin.h.
 */
#ifndef SDK_SCHEMA_H
#define SDK_SCHEMA_H

#include <mortise/plugin.h>

#define SCHEMA_OPTION(variable, name_, doc_, type_, ...) \
	static const struct mortise_option variable = { \
		.size = sizeof(variable), .name = name_, .doc = doc_, .type = type_, __VA_ARGS__ \
	}

#define SCHEMA_TEXT(variable, name_, doc_, initial_, flags_) \
	SCHEMA_OPTION(variable, name_, doc_, MORTISE_OPTION_STRING, .initial = initial_, \
	    .flags = flags_)
#define SCHEMA_BOOL(variable, name_, doc_, initial_) \
	SCHEMA_OPTION(variable, name_, doc_, MORTISE_OPTION_BOOL, .initial = initial_)
#define SCHEMA_ENUM(variable, name_, doc_, words_, initial_) \
	SCHEMA_OPTION(variable, name_, doc_, MORTISE_OPTION_ENUM, .words = words_, \
	    .initial = initial_)
#define SCHEMA_LIST(variable, name_, doc_, members_) \
	SCHEMA_OPTION(variable, name_, doc_, MORTISE_OPTION_LIST, .members = members_)
#define SCHEMA_MAP(variable, name_, doc_, members_) \
	SCHEMA_OPTION(variable, name_, doc_, MORTISE_OPTION_MAP, .members = members_)
#define SCHEMA_GROUP(variable, name_, doc_, members_) \
	SCHEMA_OPTION(variable, name_, doc_, MORTISE_OPTION_GROUP, .members = members_)
/* For some words of another option of the same group. */
#define SCHEMA_CHOSEN(variable, name_, doc_, type_, initial_, flags_, by_, for_) \
	SCHEMA_OPTION(variable, name_, doc_, type_, .initial = initial_, .flags = flags_, \
	    .chosen_by = by_, .chosen_for = for_)

#endif
