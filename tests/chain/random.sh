#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The machine and a second implementation of its rules, on chains that nobody
# thought of.  Always the same ones, unless CHAIN_SEED says otherwise.
. "$srcdir/tests/cli/lib.sh"
[ "$PYTHON" != : ] || skip_all "no Python here"
seed=${CHAIN_SEED:-1}
echo "# CHAIN_SEED=$seed"
"$PYTHON" "$srcdir/tests/chain/second.py" 10000 "$seed" | "$builddir/tests/chain/rows" 10000
