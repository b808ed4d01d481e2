/* SPDX-License-Identifier: BSD-2-Clause */
/* A library that is there when its user is linked, and not when it is loaded:
 * its -rpath leads nowhere. */
#include <mortise/plugin.h>

MORTISE_PLUGIN_EXPORT void mock_absent(void);

void
mock_absent(void)
{
}
