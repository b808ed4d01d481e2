/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/digest.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "base/bytes.h"

/* What libcrypto says of a failure stays in the thread, where a program that uses
 * libssl would take it for its own. */
static bool
done(bool good)
{
	if (!good)
		ERR_clear_error();
	return good;
}

bool
digest_sha256(const struct digest_part *parts, size_t count, unsigned char digest[DIGEST_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; good && i < count; i++)
		good = EVP_DigestUpdate(context, parts[i].bytes, parts[i].size) == 1;
	good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
	EVP_MD_CTX_free(context);
	return done(good);
}

bool
digest_file(int fd, char text[DIGEST_TEXT_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char bytes[16384], digest[DIGEST_SIZE];
	bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
	ssize_t n = 1;

	errno = good ? 0 : ENOMEM;
	for (off_t at = 0; good && n > 0; at += n) {
		do
			n = pread(fd, bytes, sizeof(bytes), at);
		while (n < 0 && errno == EINTR);
		good = n >= 0 && EVP_DigestUpdate(context, bytes, (size_t)n) == 1;
	}
	good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
	EVP_MD_CTX_free(context);
	if (good)
		hex_encode(digest, sizeof(digest), text);
	return done(good);
}

bool
random_bytes(void *bytes, size_t size)
{
	return done(RAND_bytes(bytes, (int)size) == 1);
}
