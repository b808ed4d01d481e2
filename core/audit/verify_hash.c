/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/verify_hash.h"

#include "base/bytes.h"
#include "base/digest.h"

static bool
hash_parts(const struct digest_part *parts, size_t count, char hash[VERIFY_HASH_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	if (!digest_sha256(parts, count, digest))
		return false;
	hex_encode(digest, sizeof(digest), hash);
	return true;
}

bool
verify_digest(const char *c, size_t size, char hash[VERIFY_HASH_SIZE])
{
	static const char tag[] = "mortise-trail-v1\0record\0";
	const struct digest_part parts[] = {{tag, sizeof(tag) - 1}, {c, size}};

	return hash_parts(parts, ARRAY_SIZE(parts), hash);
}

bool
verify_commitment(const char *p, size_t size, char hash[VERIFY_HASH_SIZE])
{
	static const char tag[] = "mortise-trail-v1\0personal\0";
	const struct digest_part parts[] = {{tag, sizeof(tag) - 1}, {p, size}};

	return hash_parts(parts, ARRAY_SIZE(parts), hash);
}

bool
verify_link(const char *trail, const char *before, const char *digest,
    char hash[VERIFY_HASH_SIZE])
{
	static const char tag[] = "mortise-trail-v1\0link\0";
	unsigned char id[16], h[DIGEST_SIZE], d[DIGEST_SIZE];
	const struct digest_part parts[] = {{tag, sizeof(tag) - 1}, {id, sizeof(id)},
	    {h, sizeof(h)}, {d, sizeof(d)}};

	(void)hex_decode(trail, id, sizeof(id));
	(void)hex_decode(before, h, sizeof(h));
	(void)hex_decode(digest, d, sizeof(d));
	return hash_parts(parts, ARRAY_SIZE(parts), hash);
}
