/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS by OpenSSL: the hiredis of Debian 12 has none.  Bytes go through functions of ours,
 * as OpenSSL's own for sockets would raise SIGPIPE.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "redis.h"

/* --- the socket ----------------------------------------------------------------------- */

static int
socket_write(BIO *bio, const char *bytes, int size)
{
	const struct connection *connection = BIO_get_data(bio);
	ssize_t n = send(connection->fd, bytes, (size_t)size, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int
socket_read(BIO *bio, char *bytes, int size)
{
	const struct connection *connection = BIO_get_data(bio);
	ssize_t n = recv(connection->fd, bytes, (size_t)size, 0);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	return (int)n;
}

static long
socket_control(BIO *bio, int what, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return what == BIO_CTRL_FLUSH;
}

/* --- the instance --------------------------------------------------------------------- */

/* A key that has a passphrase is one that cannot be used: nobody is asked at a terminal. */
static int
no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static enum mortise_code
take_trusted(struct redis *redis, struct mortise_call *call)
{
	const struct mortise_host *host = redis->host;
	const char *file = host->option_string(redis->options, "tls.ca-file");
	const char *directory = host->option_string(redis->options, "tls.ca-dir");

	if (file == NULL && directory == NULL &&
	    SSL_CTX_set_default_verify_paths(redis->tls.context) != 1)
		return redis_no_memory(redis, call);
	if (file != NULL && SSL_CTX_load_verify_file(redis->tls.context, file) != 1)
		return host->option_fail(call, redis->options, "tls.ca-file",
		    "%s has no certificates in PEM that can be read", file);
	if (directory != NULL && SSL_CTX_load_verify_dir(redis->tls.context, directory) != 1)
		return host->option_fail(call, redis->options, "tls.ca-dir",
		    "%s is no directory of certificates", directory);
	return MORTISE_OK;
}

static enum mortise_code
take_certificate(struct redis *redis, struct mortise_call *call)
{
	const struct mortise_host *host = redis->host;
	const char *cert = host->option_string(redis->options, "tls.cert");
	const char *key = host->option_string(redis->options, "tls.key");

	if (cert == NULL && key == NULL)
		return MORTISE_OK;
	if (cert == NULL || key == NULL)
		return host->option_fail(call, redis->options, "tls",
		    "a certificate and its key belong together; give both, cert and key");
	if (SSL_CTX_use_certificate_chain_file(redis->tls.context, cert) != 1)
		return host->option_fail(call, redis->options, "tls.cert",
		    "%s has no certificate in PEM that can be read", cert);
	if (SSL_CTX_use_PrivateKey_file(redis->tls.context, key, SSL_FILETYPE_PEM) != 1)
		return host->option_fail(call, redis->options, "tls.key",
		    "%s is no key in PEM, without a passphrase, of that certificate", key);
	return MORTISE_OK;
}

enum mortise_code
tls_open(struct redis *redis, struct mortise_call *call)
{
	struct tls *tls = &redis->tls;
	enum mortise_code code;

	tls->name = redis->host->option_string(redis->options, "tls.server-name");
	tls->context = SSL_CTX_new(TLS_client_method());
	tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mortise");
	if (tls->context == NULL || tls->method == NULL ||
	    BIO_meth_set_write(tls->method, socket_write) != 1 ||
	    BIO_meth_set_read(tls->method, socket_read) != 1 ||
	    BIO_meth_set_ctrl(tls->method, socket_control) != 1 ||
	    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
		return redis_no_memory(redis, call);
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(tls->context, no_passphrase);
	(void)SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	code = take_trusted(redis, call);
	if (code == MORTISE_OK)
		code = take_certificate(redis, call);
	ERR_clear_error();
	return code;
}

void
tls_close(struct tls *tls)
{
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->method);
}

/* --- connections ---------------------------------------------------------------------- */

/* The certificate must have this name or, of a numeric address, this address. */
static bool
expect_name(SSL *ssl, const char *name)
{
	unsigned char numeric[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, name, numeric) == 1 || inet_pton(AF_INET6, name, numeric) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

bool
tls_begin(const struct tls *tls, struct connection *connection, const char *host)
{
	SSL *ssl = SSL_new(tls->context);
	BIO *bio = BIO_new(tls->method);

	if (ssl == NULL || bio == NULL || !expect_name(ssl, tls->name == NULL ? host : tls->name)) {
		SSL_free(ssl);
		(void)BIO_free(bio);
		ERR_clear_error();
		return false;
	}
	BIO_set_data(bio, connection);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_connect_state(ssl);
	connection->tls = ssl;
	return true;
}

/* What came of a call of OpenSSL's, whose queue of errors was empty before. */
static ssize_t
result_of(struct connection *connection, int result, size_t done, short *events)
{
	int error;

	if (result == 1)
		return (ssize_t)done;
	error = SSL_get_error(connection->tls, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		*events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return 0;
	}
	connection->error = error == SSL_ERROR_SYSCALL ? errno :
	    error == SSL_ERROR_SSL ? EPROTO : 0;
	return -1;
}

ssize_t
tls_handshake(struct connection *connection, short *events)
{
	ERR_clear_error();
	return result_of(connection, SSL_do_handshake(connection->tls), 1, events);
}

ssize_t
tls_write(struct connection *connection, const void *bytes, size_t size, short *events)
{
	size_t done = 0;
	int result;

	ERR_clear_error();
	result = SSL_write_ex(connection->tls, bytes, size, &done);
	return result_of(connection, result, done, events);
}

ssize_t
tls_read(struct connection *connection, void *bytes, size_t size, short *events)
{
	size_t done = 0;
	int result;

	ERR_clear_error();
	result = SSL_read_ex(connection->tls, bytes, size, &done);
	return result_of(connection, result, done, events);
}

void
tls_why(const struct connection *connection, char *words, size_t size)
{
	long verdict = SSL_get_verify_result(connection->tls);
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (verdict != X509_V_OK)
		reason = X509_verify_cert_error_string(verdict);
	else if (reason == NULL)
		reason = connection->error == 0 ? "the server closed it" :
		    strerror(connection->error);
	(void)snprintf(words, size, "%s", reason);
	ERR_clear_error();
}
