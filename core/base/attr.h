/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base: the few helpers that every room uses.  Any room may include it; it
 * includes nothing but the public types.
 *
 * attr.h: the GNU attributes that gcc and clang share.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define _printf_(text, first) __attribute__((format(printf, text, first)))
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _unused_ __attribute__((unused))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
