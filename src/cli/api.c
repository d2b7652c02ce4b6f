/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/api.h"

#include "cli/api_socket.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_SECONDS 30	  /* a daemon that thinks longer is taken for stuck */
#define REPLY_MAX     (256 << 20) /* bytes; flows of a large world are some tens of megabytes */

struct api {
	CURL *curl;
	char path[API_PATH_SIZE];
	bool is_chosen;
};

/* What one request says, and what comes back. */
struct exchange {
	struct api *api;
	const char *method;
	const char *body, *content_type; /* body NULL: none */
	int fd;				 /* to hand over, or -1 */
	int socket;			 /* of the connection, where one was made for it */
	char *reply;			 /* malloc'ed, reply_len bytes and a zero */
	size_t reply_len;
	struct api_sink *sink; /* takes the reply of a request that went well */
	bool is_ended;	       /* by the sink */
};

struct api *api_open(const char *path)
{
	struct api *api = calloc(1, sizeof(*api));

	if (!api)
		return NULL;
	api->is_chosen = api_socket_path(path, api->path);
	/* Nothing: the socket speaks plain HTTP, and starting TLS would take longer than we do. */
	if (curl_global_init(CURL_GLOBAL_NOTHING) || !(api->curl = curl_easy_init())) {
		api_close(api);
		return NULL;
	}
	return api;
}

void api_close(struct api *api)
{
	if (!api)
		return;
	curl_easy_cleanup(api->curl);
	free(api);
}

const char *api_path(const struct api *api)
{
	return api->path;
}

bool api_is_chosen(const struct api *api)
{
	return api->is_chosen;
}

bool api_answers(const struct api *api)
{
	int fd = api_socket_connect(api->path);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static curl_socket_t on_socket(void *data, curlsocktype, struct curl_sockaddr *address)
{
	struct exchange *exchange = data;

	exchange->socket = socket(address->family, address->socktype | SOCK_CLOEXEC, 0);
	return exchange->socket;
}

/* The connection is there, and nothing of the request has been said. */
static int on_connected(void *data, char *, char *, int, int)
{
	struct exchange *exchange = data;

	if (exchange->fd >= 0 && api_socket_send(exchange->socket, exchange->fd))
		return CURL_PREREQFUNC_ABORT;
	return CURL_PREREQFUNC_OK;
}

static bool went_well(const struct exchange *exchange)
{
	long status = 0;

	curl_easy_getinfo(exchange->api->curl, CURLINFO_RESPONSE_CODE, &status);
	return status < 400;
}

static size_t on_reply(char *bytes, size_t, size_t len, void *data)
{
	struct exchange *exchange = data;
	char *grown;

	if (exchange->sink && went_well(exchange)) {
		exchange->is_ended = !exchange->sink->on_bytes(exchange->sink, bytes, len);
		return exchange->is_ended ? 0 : len;
	}
	if (exchange->reply_len + len > REPLY_MAX)
		return 0;
	grown = realloc(exchange->reply, exchange->reply_len + len + 1);
	if (!grown)
		return 0;
	memcpy(grown + exchange->reply_len, bytes, len);
	exchange->reply = grown;
	exchange->reply_len += len;
	grown[exchange->reply_len] = '\0';
	return len;
}

static int unreachable(const struct api *api, struct error *error)
{
	long code = 0;

	curl_easy_getinfo(api->curl, CURLINFO_OS_ERRNO, &code);
	return error_set(error, ENOTCONN,
		"no daemon answers at %s: %s; start one with 'lanyardd'%s", api->path,
		strerror(code ? (int)code : ECONNREFUSED),
		geteuid() ? "" : " or 'systemctl start lanyardd'");
}

/* RFC 9457: detail is the sentence for people. */
static int refused(const struct exchange *exchange, long status, struct error *error)
{
	json_t *problem = json_loads(exchange->reply ? exchange->reply : "", 0, NULL);
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *title = json_string_value(json_object_get(problem, "title"));
	/* The request itself was wrong; 409 and 5xx say that the world was in the way. */
	int code = status == 400 || status == 404 || status == 405 || status == 413 ||
				   status == 415 || status == 422
			   ? EINVAL
			   : EIO;

	if (detail || title)
		error_set(error, code, "%s", detail ? detail : title);
	else
		error_set(error, code, "the daemon answered %s %ld", exchange->method, status);
	json_decref(problem);
	return -code;
}

static void set_options(struct exchange *exchange, const char *url, struct curl_slist *headers)
{
	CURL *curl = exchange->api->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, exchange->api->path);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(curl, CURLOPT_PREREQDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_reply);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	if (exchange->body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body);
	if (!exchange->sink)
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)REPLY_SECONDS);
	/* A descriptor rides on the first bytes of a connection, so the request must open one. */
	if (exchange->fd >= 0)
		curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
}

/* What came of it, in words. */
static int judge(const struct exchange *exchange, CURLcode result, struct error *error)
{
	const struct api *api = exchange->api;
	long status = 0;

	if (exchange->is_ended)
		return 0;
	if (result == CURLE_COULDNT_CONNECT)
		return unreachable(api, error);
	if (result == CURLE_OPERATION_TIMEDOUT)
		return error_set(error, EIO, "the daemon at %s did not answer within %d s",
			api->path, REPLY_SECONDS);
	if (result)
		return error_set(error, EIO, "the daemon at %s hung up: %s", api->path,
			curl_easy_strerror(result));
	curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &status);
	return status < 400 ? 0 : refused(exchange, status, error);
}

static int perform(struct exchange *exchange, const char *url, struct error *error)
{
	char content_type[64];
	struct curl_slist *headers;
	CURLcode result;

	snprintf(content_type, sizeof(content_type), "Content-Type: %s",
		exchange->body ? exchange->content_type : "");
	headers = curl_slist_append(NULL, content_type);
	if (!headers)
		return error_set(error, EIO, "out of memory");
	set_options(exchange, url, headers);
	result = curl_easy_perform(exchange->api->curl);
	curl_slist_free_all(headers);
	return judge(exchange, result, error);
}

static int request(struct exchange *exchange, struct error *error, const char *path, va_list args)
{
	char url[1024] = "http://lanyard";
	size_t used = strlen(url);
	int len = vsnprintf(url + used, sizeof(url) - used, path, args);

	if (len < 0 || (size_t)len >= sizeof(url) - used)
		return error_set(error, EINVAL, "%.40s...: too long", url + used);
	return perform(exchange, url, error);
}

/* Ends exchange->reply. */
static int read_json(struct exchange *exchange, json_t **ret_json, struct error *error)
{
	json_error_t where;
	json_t *json = NULL;
	int err = 0;

	if (ret_json && exchange->reply_len) {
		json = json_loadb(exchange->reply, exchange->reply_len, JSON_DECODE_ANY, &where);
		if (!json)
			err = error_set(
				error, EIO, "the daemon's reply is no JSON: %s", where.text);
	}
	free(exchange->reply);
	if (!err && ret_json)
		*ret_json = json;
	return err;
}

int api_get(struct api *api, json_t **ret_json, struct error *error, const char *path, ...)
{
	struct exchange exchange = {.api = api, .method = "GET", .fd = -1};
	va_list args;
	int err;

	va_start(args, path);
	err = request(&exchange, error, path, args);
	va_end(args);
	if (err) {
		free(exchange.reply);
		return err;
	}
	return read_json(&exchange, ret_json, error);
}

/* body: stolen. */
static int send_json(struct exchange *exchange, json_t *body, json_t **ret_json,
	struct error *error, const char *path, va_list args)
{
	char *text = json_dumps(body, JSON_COMPACT);
	int err;

	json_decref(body);
	if (!text)
		return error_set(error, EIO, "out of memory");
	exchange->body = text;
	exchange->content_type = "application/json";
	err = request(exchange, error, path, args);
	free(text);
	if (err) {
		free(exchange->reply);
		return err;
	}
	return read_json(exchange, ret_json, error);
}

int api_post(struct api *api, json_t *body, int fd, json_t **ret_json, struct error *error,
	const char *path, ...)
{
	struct exchange exchange = {.api = api, .method = "POST", .fd = fd};
	va_list args;
	int err;

	va_start(args, path);
	err = send_json(&exchange, body, ret_json, error, path, args);
	va_end(args);
	return err;
}

int api_patch(struct api *api, json_t *body, json_t **ret_json, struct error *error,
	const char *path, ...)
{
	struct exchange exchange = {.api = api, .method = "PATCH", .fd = -1};
	va_list args;
	int err;

	va_start(args, path);
	err = send_json(&exchange, body, ret_json, error, path, args);
	va_end(args);
	return err;
}

int api_delete(struct api *api, struct error *error, const char *path, ...)
{
	struct exchange exchange = {.api = api, .method = "DELETE", .fd = -1};
	va_list args;
	int err;

	va_start(args, path);
	err = request(&exchange, error, path, args);
	va_end(args);
	free(exchange.reply);
	return err;
}

int api_get_text(struct api *api, char **ret_text, struct error *error, const char *path, ...)
{
	struct exchange exchange = {.api = api, .method = "GET", .fd = -1};
	va_list args;
	int err;

	va_start(args, path);
	err = request(&exchange, error, path, args);
	va_end(args);
	if (!err && !exchange.reply && !(exchange.reply = strdup("")))
		err = error_set(error, EIO, "out of memory");
	if (err)
		free(exchange.reply);
	else
		*ret_text = exchange.reply;
	return err;
}

int api_put_yaml(struct api *api, const char *yaml, json_t **ret_json, struct error *error,
	const char *path, ...)
{
	struct exchange exchange = {.api = api,
		.method = "PUT",
		.fd = -1,
		.body = yaml,
		.content_type = "application/yaml"};
	va_list args;
	int err;

	va_start(args, path);
	err = request(&exchange, error, path, args);
	va_end(args);
	if (err) {
		free(exchange.reply);
		return err;
	}
	return read_json(&exchange, ret_json, error);
}

int api_stream(struct api *api, struct api_sink *sink, struct error *error, const char *path, ...)
{
	struct exchange exchange = {.api = api, .method = "GET", .fd = -1, .sink = sink};
	va_list args;
	int err;

	va_start(args, path);
	err = request(&exchange, error, path, args);
	va_end(args);
	free(exchange.reply);
	return err;
}

char *api_escape(struct api *api, const char *text)
{
	return curl_easy_escape(api->curl, text, 0);
}

void api_unescape(char *escaped)
{
	curl_free(escaped);
}
