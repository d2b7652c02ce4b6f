/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/lease_file.h"
#include "service/lease_text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEADER	    "# lanyard leases 1\n"
#define HEADER_LEN  (sizeof(HEADER) - 1)
#define FILE_MAX    (64 << 20) /* bytes; what is longer is something else */
#define NAME_SIZE   256
#define SLACK_LINES 256 /* a journal this much longer than twice its leases is written anew */

/* What the writing thread does in one go. */
struct batch {
	char *bytes;
	size_t len, size;
	uint64_t ticket; /* of the last note in it; 0: nothing to do */
	bool is_whole;	 /* replaces the file instead of adding to it */
	bool has_holes;	 /* a line found no memory */
};

struct lease_file {
	struct lease_store store;
	struct lease_file_owner owner;
	char name[NAME_SIZE], new_name[NAME_SIZE + 4];
	int dir_fd;

	/* The loop's thread. */
	uint64_t ticket;
	size_t line_count;
	bool must_replace; /* lines were lost: only the whole table mends that */
	bool is_in_trouble;
	unsigned ignored_count;
	struct task task;

	/* Both threads', under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct batch next;
	uint64_t written;
	int err;
	bool is_posted, is_closing;

	/* The writing thread's, once there is one. */
	pthread_t thread;
	bool has_thread;
	int fd;
	off_t len; /* up to the end of the last whole line */
};

static struct lease_clock clock_at(nsec now)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct lease_clock){now, wall.tv_sec * NSEC_PER_SEC + wall.tv_nsec};
}

static void batch_add(struct batch *batch, const void *bytes, size_t len)
{
	if (batch->size - batch->len < len) {
		size_t size = MAX(batch->size * 2, batch->len + len + 4096);
		char *grown = realloc(batch->bytes, size);

		if (!grown) {
			batch->has_holes = true;
			return;
		}
		batch->bytes = grown;
		batch->size = size;
	}
	memcpy(batch->bytes + batch->len, bytes, len);
	batch->len += len;
}

/* The table in place of all that was noted: what waits to be written is in it already. */
static void add_table(struct lease_file *file, nsec now)
{
	struct lease_clock clock = clock_at(now);
	struct map_cursor cursor = {0};
	char line[LEASE_LINE_SIZE];
	struct lease *lease;

	file->next.len = 0;
	file->next.is_whole = true;
	file->next.has_holes = false;
	file->line_count = 0;
	batch_add(&file->next, HEADER, HEADER_LEN);
	while ((lease = lease_walk(file->owner.table, &cursor))) {
		if (!lease->was_bound && lease_state(lease, now) != LEASE_DECLINED)
			continue;
		batch_add(&file->next, line, lease_write_line(lease, &clock, line));
		file->line_count++;
	}
}

static uint64_t add(struct lease_file *file, const char *line, size_t len, nsec now)
{
	bool is_long = file->line_count > 2 * file->owner.table->by_ip.count + SLACK_LINES;

	pthread_mutex_lock(&file->lock);
	if (file->must_replace || is_long) {
		add_table(file, now);
	} else {
		batch_add(&file->next, line, len);
		file->line_count++;
	}
	file->must_replace = file->next.has_holes;
	file->next.ticket = ++file->ticket;
	pthread_cond_signal(&file->changed);
	pthread_mutex_unlock(&file->lock);
	return file->ticket;
}

static uint64_t on_note(struct lease_store *store, const struct lease *lease, nsec now)
{
	struct lease_file *file = CONTAINER_OF(store, struct lease_file, store);
	struct lease_clock clock = clock_at(now);
	char line[LEASE_LINE_SIZE];

	return add(file, line, lease_write_line(lease, &clock, line), now);
}

static uint64_t on_forget(struct lease_store *store, struct ip4 ip)
{
	struct lease_file *file = CONTAINER_OF(store, struct lease_file, store);
	char line[LEASE_LINE_SIZE];

	return add(file, line, lease_write_free(ip, line), loop_now(file->owner.loop));
}

static void on_posted(struct task *task)
{
	struct lease_file *file = CONTAINER_OF(task, struct lease_file, task);
	uint64_t written;
	int err;

	pthread_mutex_lock(&file->lock);
	file->is_posted = false;
	written = file->written;
	err = file->err;
	file->err = 0;
	pthread_mutex_unlock(&file->lock);

	file->must_replace |= err != 0;
	if (file->is_in_trouble != (err != 0) && file->owner.on_trouble)
		file->owner.on_trouble(file->owner.context, err);
	file->is_in_trouble = err != 0;
	if (file->store.on_written)
		file->store.on_written(file->store.owner, written, loop_now(file->owner.loop));
}

static int write_all(int fd, const char *bytes, size_t len, off_t at)
{
	while (len) {
		ssize_t written = pwrite(fd, bytes, len, at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		len -= written;
		at += written;
	}
	return 0;
}

static int append(struct lease_file *file, const struct batch *batch)
{
	int err = write_all(file->fd, batch->bytes, batch->len, file->len);

	if (!err && fdatasync(file->fd) < 0)
		err = -errno;
	if (!err)
		file->len += batch->len;
	else if (ftruncate(file->fd, file->len) < 0)
		return -errno; /* the next batch is written over what could not be cut off */
	return err;
}

static int write_new(struct lease_file *file, const struct batch *batch, int fd)
{
	int err = write_all(fd, batch->bytes, batch->len, 0);

	if (err)
		return err;
	if (fsync(fd) < 0 || renameat(file->dir_fd, file->new_name, file->dir_fd, file->name) < 0)
		return -errno;
	/* The new name is on the disk when its directory is. */
	return fsync(file->dir_fd) < 0 ? -errno : 0;
}

static int replace(struct lease_file *file, const struct batch *batch)
{
	int fd, err;

	fd = openat(file->dir_fd, file->new_name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_new(file, batch, fd);
	if (err) {
		close(fd);
		return err;
	}
	close(file->fd);
	file->fd = fd;
	file->len = batch->len;
	return 0;
}

static int write_batch(struct lease_file *file, const struct batch *batch)
{
	if (batch->is_whole)
		return batch->has_holes ? -ENOMEM : replace(file, batch);
	return append(file, batch) ?: batch->has_holes ? -ENOMEM : 0;
}

static void report(struct lease_file *file, uint64_t ticket, int err)
{
	file->written = ticket;
	file->err = err ?: file->err;
	if (!file->is_posted)
		loop_post(file->owner.loop, &file->task);
	file->is_posted = true;
}

static void *run_thread(void *argument)
{
	struct lease_file *file = argument;
	struct batch batch;
	int err;

	pthread_mutex_lock(&file->lock);
	while (file->next.ticket || !file->is_closing) {
		if (!file->next.ticket) {
			pthread_cond_wait(&file->changed, &file->lock);
			continue;
		}
		batch = file->next;
		file->next = (struct batch){0};
		pthread_mutex_unlock(&file->lock);
		err = write_batch(file, &batch);
		free(batch.bytes);
		pthread_mutex_lock(&file->lock);
		report(file, batch.ticket, err);
	}
	pthread_mutex_unlock(&file->lock);
	return NULL;
}

/* Signals are for the thread that waits for them. */
static int start_thread(struct lease_file *file)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&file->thread, NULL, run_thread, file);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	pthread_setname_np(file->thread, "leases");
	file->has_thread = true;
	return 0;
}

static void read_lines(struct lease_file *file, char *text, size_t len)
{
	struct lease_clock clock = clock_at(loop_now(file->owner.loop));
	char *line = text + HEADER_LEN, *end;

	for (; (end = memchr(line, '\n', text + len - line)); line = end + 1) {
		*end = '\0';
		file->line_count++;
		if (!lease_read_line(file->owner.table, line, &clock))
			file->ignored_count++;
	}
	file->len = line - text;
}

static int start_empty(struct lease_file *file)
{
	int err = write_all(file->fd, HEADER, HEADER_LEN, 0);

	file->len = HEADER_LEN;
	if (!err && (fsync(file->fd) < 0 || fsync(file->dir_fd) < 0))
		err = -errno;
	return err;
}

/* A file that was killed in its first moment holds a part of the header. */
static int read_text(struct lease_file *file, char *text, size_t len)
{
	if (memcmp(text, HEADER, MIN(len, HEADER_LEN)) != 0)
		return -EINVAL;
	if (len < HEADER_LEN)
		return start_empty(file);
	read_lines(file, text, len);
	return ftruncate(file->fd, file->len) < 0 ? -errno : 0;
}

static int load(struct lease_file *file)
{
	struct stat status;
	ssize_t len;
	char *text;
	int err;

	if (fstat(file->fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
		return -EINVAL;
	text = malloc(status.st_size + 1);
	if (!text)
		return -ENOMEM;
	len = pread(file->fd, text, status.st_size, 0);
	err = len < 0 ? -errno : read_text(file, text, len);
	free(text);
	return err;
}

static int open_paths(struct lease_file *file, const char *path)
{
	char for_dir[4096], for_name[4096];

	if (strlen(path) >= sizeof(for_dir))
		return -ENAMETOOLONG;
	strcpy(for_dir, path);
	strcpy(for_name, path);
	snprintf(file->name, sizeof(file->name), "%s", basename(for_name));
	snprintf(file->new_name, sizeof(file->new_name), "%s.new", file->name);
	file->dir_fd = open(dirname(for_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->dir_fd < 0)
		return -errno;
	file->fd = openat(file->dir_fd, file->name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return file->fd < 0 ? -errno : 0;
}

int lease_file_open(const char *path, const struct lease_file_owner *owner,
	struct lease_file **ret_file, struct error *error)
{
	struct lease_file *file = calloc(1, sizeof(*file));
	int err;

	if (!file)
		return error_set(error, ENOMEM, "lease file %s: out of memory", path);
	file->owner = *owner;
	file->store.note = on_note;
	file->store.forget = on_forget;
	file->task.run = on_posted;
	file->fd = file->dir_fd = -1;
	pthread_mutex_init(&file->lock, NULL);
	pthread_cond_init(&file->changed, NULL);
	err = open_paths(file, path);
	if (!err)
		err = load(file);
	if (!err)
		err = start_thread(file);
	if (err == -EINVAL)
		error_set(
			error, EINVAL, "lease file %s: this is not a lease file of lanyard", path);
	if (err) {
		error_set(error, -err, "lease file %s: %s", path, strerror(-err));
		lease_file_close(file);
		return err;
	}
	*ret_file = file;
	return 0;
}

struct lease_store *lease_file_store(struct lease_file *file)
{
	return &file->store;
}

unsigned lease_file_ignored(const struct lease_file *file)
{
	return file->ignored_count;
}

static void stop_thread(struct lease_file *file)
{
	pthread_mutex_lock(&file->lock);
	file->is_closing = true;
	pthread_cond_signal(&file->changed);
	pthread_mutex_unlock(&file->lock);
	pthread_join(file->thread, NULL);
	loop_undefer(file->owner.loop, &file->task);
}

void lease_file_close(struct lease_file *file)
{
	if (!file)
		return;
	if (file->has_thread)
		stop_thread(file);
	if (file->fd >= 0)
		close(file->fd);
	if (file->dir_fd >= 0)
		close(file->dir_fd);
	pthread_cond_destroy(&file->changed);
	pthread_mutex_destroy(&file->lock);
	free(file->next.bytes);
	free(file);
}
