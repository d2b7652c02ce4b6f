/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A front end that lies: its port goes away with a reason, takes nothing with it, and nobody else
 * notices. */
#include "port/vhost/port_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define PACKED (1ull << VIRTIO_F_RING_PACKED)

struct table_message {
	uint32_t count, padding;
	struct guest_range ranges[9];
};

static void say_table(const struct table_message *table, unsigned ranges, int fd, unsigned fds)
{
	int all[16] = {0};

	for (unsigned i = 0; i < fds; i++)
		all[i] = fd;
	front_say(&stage.front, VHOST_SET_MEM_TABLE, table, 8 + 32 * ranges, all, fds);
}

static void say_range(struct guest_range range)
{
	const struct table_message table = {.count = 1, .ranges = {range}};

	say_table(&table, 1, stage.front.memory_fd, 1);
}

static struct guest_range whole(void)
{
	return (struct guest_range){FRONT_GUEST_BASE, FRONT_MEMORY_SIZE, FRONT_USER_BASE, 0};
}

static void overlapping_guest_addresses(void)
{
	struct table_message table = {.count = 2, .ranges = {whole(), whole()}};

	table.ranges[1].user += 1ull << 40;
	table.ranges[1].guest += FRONT_MEMORY_SIZE - 1;
	say_table(&table, 2, stage.front.memory_fd, 2);
}

static void overlapping_user_addresses(void)
{
	struct table_message table = {.count = 2, .ranges = {whole(), whole()}};

	table.ranges[1].guest += 1ull << 40;
	say_table(&table, 2, stage.front.memory_fd, 2);
}

static void an_empty_region(void)
{
	say_range((struct guest_range){FRONT_GUEST_BASE, 0, FRONT_USER_BASE, 0});
}

static void a_region_beyond_its_file(void)
{
	say_range((struct guest_range){FRONT_GUEST_BASE, FRONT_MEMORY_SIZE, FRONT_USER_BASE, 1});
}

static void a_region_that_wraps(void)
{
	say_range((struct guest_range){UINT64_MAX - 4096, 8192, FRONT_USER_BASE, 0});
}

static void an_offset_that_wraps(void)
{
	say_range((struct guest_range){0, 8192, FRONT_USER_BASE, UINT64_MAX - 4096});
}

static void a_region_of_everything(void)
{
	say_range((struct guest_range){0, UINT64_MAX, 0, 0});
}

static void a_region_that_is_a_socket(void)
{
	const struct table_message table = {.count = 1, .ranges = {whole()}};

	say_table(&table, 1, stage.front.socket, 1);
}

static void a_region_of_proc(void)
{
	const struct table_message table = {.count = 1, .ranges = {whole()}};
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	say_table(&table, 1, fd, 1);
	close(fd);
}

static void a_region_that_may_not_be_written(void)
{
	const struct table_message table = {.count = 1, .ranges = {whole()}};
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", stage.front.memory_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	say_table(&table, 1, fd, 1);
	close(fd);
}

static void more_regions_than_said(void)
{
	const struct table_message table = {.count = 2, .ranges = {whole()}};

	say_table(&table, 1, stage.front.memory_fd, 2);
}

static void regions_without_descriptors(void)
{
	const struct table_message table = {.count = 1, .ranges = {whole()}};

	say_table(&table, 1, -1, 0);
}

static void nine_regions(void)
{
	const struct table_message table = {.count = 9};

	say_table(&table, 9, stage.front.memory_fd, 8);
}

static void many_descriptors(void)
{
	const struct table_message table = {.count = 1, .ranges = {whole()}};

	say_table(&table, 1, stage.front.memory_fd, 16);
}

static void descriptors_where_none_belong(void)
{
	front_say(&stage.front, VHOST_GET_FEATURES, NULL, 0, &stage.front.memory_fd, 1);
}

static void regions_without_end(void)
{
	for (uint64_t i = 1; i < 40; i++) {
		const struct {
			uint64_t padding;
			struct guest_range range;
		} slot = {0, {i << 40, 4096, i << 41, 0}};

		front_say(&stage.front, VHOST_ADD_MEM_REG, &slot, sizeof(slot),
			&stage.front.memory_fd, 1);
	}
	turn();
}

static void a_region_that_is_not_there_to_remove(void)
{
	const struct {
		uint64_t padding;
		struct guest_range range;
	} slot = {0, {1, 2, 3, 4}};

	front_say(&stage.front, VHOST_REM_MEM_REG, &slot, sizeof(slot), NULL, 0);
}

static void the_memory_of_running_queues_removed(void)
{
	const struct {
		uint64_t padding;
		struct guest_range range;
	} slot = {0, whole()};

	front_say(&stage.front, VHOST_REM_MEM_REG, &slot, sizeof(slot), NULL, 0);
}

static void say_bytes(const void *bytes, size_t len)
{
	assert_int_equal(send(stage.front.socket, bytes, len, MSG_NOSIGNAL), len);
}

static void a_message_of_another_version(void)
{
	say_bytes(&(struct vhost_header){VHOST_GET_FEATURES, 2, 0}, sizeof(struct vhost_header));
}

static void an_answer_to_nothing(void)
{
	say_bytes(&(struct vhost_header){VHOST_GET_FEATURES, 5, 0}, sizeof(struct vhost_header));
}

static void a_message_too_long(void)
{
	say_bytes(&(struct vhost_header){VHOST_SET_FEATURES, 1, 9}, sizeof(struct vhost_header));
}

static void an_unknown_message_too_long(void)
{
	say_bytes(&(struct vhost_header){99, 1, UINT32_MAX}, sizeof(struct vhost_header));
}

static void half_a_message(void)
{
	say_bytes(&(struct vhost_header){VHOST_SET_FEATURES, 1, 8}, sizeof(struct vhost_header));
	turn();
	assert_string_equal(stage.gone, "");
	shutdown(stage.front.socket, SHUT_WR);
}

static void answers_that_nobody_reads(void)
{
	const struct vhost_header header = {VHOST_GET_FEATURES, 1, 0};
	ssize_t sent;

	do {
		sent = send(
			stage.front.socket, &header, sizeof(header), MSG_DONTWAIT | MSG_NOSIGNAL);
		turn();
	} while (sent == sizeof(header) && stage.port);
}

static void features_not_offered(void)
{
	front_say_value(&stage.front, VHOST_SET_FEATURES, 1ull << VIRTIO_F_ACCESS_PLATFORM);
}

static void protocol_features_not_offered(void)
{
	front_say_value(&stage.front, VHOST_SET_PROTOCOL_FEATURES, 1ull << 63);
}

static void another_layout_while_queues_run(void)
{
	front_say_value(&stage.front, VHOST_SET_FEATURES, stage.front.features ^ PACKED);
}

static void a_queue_beyond_all(void)
{
	front_say_state(&stage.front, VHOST_SET_VRING_ENABLE, 32, 1);
}

static void a_kick_for_a_queue_beyond_all(void)
{
	front_say(&stage.front, VHOST_SET_VRING_KICK, &(uint64_t){0xff}, 8,
		&stage.front.queues[0].kick_fd, 1);
}

static void a_queue_of_no_size(void)
{
	front_say_state(&stage.front, VHOST_SET_VRING_NUM, 2, 0);
}

static void a_queue_of_great_size(void)
{
	front_say_state(&stage.front, VHOST_SET_VRING_NUM, 2, 32768);
}

static void another_size_while_it_runs(void)
{
	front_say_state(&stage.front, VHOST_SET_VRING_NUM, 1, 128);
}

static void another_base_while_it_runs(void)
{
	front_say_state(&stage.front, VHOST_SET_VRING_BASE, 1, 128);
}

static void start_queue_2(uint16_t size, uint32_t base, uint64_t move)
{
	struct vhost_vring_addr addr = front_addr(&stage.front, 1);

	addr.index = 2;
	addr.used_user_addr += move;
	front_say_state(&stage.front, VHOST_SET_VRING_NUM, 2, size);
	front_say_state(&stage.front, VHOST_SET_VRING_BASE, 2, base);
	front_say(&stage.front, VHOST_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	front_say(&stage.front, VHOST_SET_VRING_KICK, &(uint64_t){2}, 8,
		&stage.front.queues[0].kick_fd, 1);
}

static void an_odd_size(void)
{
	start_queue_2(100, 0, 0);
}

static void rings_nowhere(void)
{
	start_queue_2(256, 0, 1ull << 42);
}

static void rings_that_reach_out(void)
{
	start_queue_2(256, 0,
		FRONT_USER_BASE + FRONT_MEMORY_SIZE - 8 -
			front_addr(&stage.front, 1).used_user_addr);
}

static void rings_between_words(void)
{
	start_queue_2(256, 0, 1);
}

static void a_packed_base_beyond_the_ring(void)
{
	start_queue_2(256, 256, 0);
}

static void a_kick_that_is_a_file(void)
{
	front_say(&stage.front, VHOST_SET_VRING_KICK, &(uint64_t){1}, 8, &stage.front.memory_fd, 1);
}

static void a_call_that_is_a_pipe(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	front_say(&stage.front, VHOST_SET_VRING_CALL, &(uint64_t){1}, 8, &ends[1], 1);
	close(ends[0]);
	close(ends[1]);
}

static void a_kick_that_is_to_be_polled(void)
{
	front_say_value(&stage.front, VHOST_SET_VRING_KICK, 1 | VHOST_NO_FD);
}

static void a_kick_without_a_descriptor(void)
{
	front_say_value(&stage.front, VHOST_SET_VRING_KICK, 1);
}

/* Rings. */

static uint8_t *descriptor(unsigned queue, unsigned place)
{
	return stage.front.queues[queue].descriptors + 16 * place;
}

static void write_descriptor(unsigned queue, unsigned place, uint64_t addr, uint32_t len,
	uint16_t third, uint16_t fourth)
{
	uint8_t *at = descriptor(queue, place);

	memcpy(at, &addr, 8);
	memcpy(at + 8, &len, 4);
	memcpy(at + 12, &third, 2);
	memcpy(at + 14, &fourth, 2);
}

static void kick(unsigned queue)
{
	const uint64_t one = 1;

	assert_int_equal(write(stage.front.queues[queue].kick_fd, &one, 8), 8);
}

/* The chain that begins at `head` is available. */
static void show_split(unsigned queue, uint16_t head)
{
	uint16_t *available = (uint16_t *)stage.front.queues[queue].driver;

	available[2] = head;
	available[1] = 1;
	kick(queue);
}

static const uint64_t GOOD = FRONT_GUEST_BASE + FRONT_BUFFERS;

static void a_loop(void)
{
	write_descriptor(1, 0, GOOD, 20, VRING_DESC_F_NEXT, 1);
	write_descriptor(1, 1, GOOD, 20, VRING_DESC_F_NEXT, 0);
	show_split(1, 0);
}

static void a_loop_of_nothing(void)
{
	write_descriptor(1, 7, 0, 0, VRING_DESC_F_NEXT, 7);
	show_split(1, 7);
}

static void a_head_beyond_the_table(void)
{
	show_split(1, 256);
}

static void a_next_beyond_the_table(void)
{
	write_descriptor(1, 0, GOOD, 20, VRING_DESC_F_NEXT, 60000);
	show_split(1, 0);
}

static void more_chains_than_fit(void)
{
	((uint16_t *)stage.front.queues[1].driver)[1] = 300;
	kick(1);
}

static void a_buffer_nowhere(void)
{
	write_descriptor(1, 0, 0x1000, 200, 0, 0);
	show_split(1, 0);
}

static void a_buffer_that_reaches_out(void)
{
	write_descriptor(1, 0, FRONT_GUEST_BASE + FRONT_MEMORY_SIZE - 100, 101, 0, 0);
	show_split(1, 0);
}

static void a_buffer_that_wraps(void)
{
	write_descriptor(1, 0, UINT64_MAX - 10, 4000, 0, 0);
	show_split(1, 0);
}

static void a_buffer_of_4_gib(void)
{
	write_descriptor(1, 0, GOOD, UINT32_MAX, 0, 0);
	show_split(1, 0);
}

static void a_buffer_to_write_where_we_read(void)
{
	write_descriptor(1, 0, GOOD, 100, VRING_DESC_F_WRITE, 0);
	show_split(1, 0);
}

static void a_table_in_itself(void)
{
	write_descriptor(1, 0, GOOD, 16, VRING_DESC_F_INDIRECT, 0);
	memcpy(stage.front.memory + FRONT_BUFFERS, descriptor(1, 0), 16);
	show_split(1, 0);
}

static void the_ring_as_a_table(void)
{
	const uint64_t at = (uint64_t)(descriptor(1, 0) - stage.front.memory);

	write_descriptor(1, 0, FRONT_GUEST_BASE + at, 16, VRING_DESC_F_INDIRECT, 0);
	show_split(1, 0);
}

static void a_table_of_odd_size(void)
{
	write_descriptor(1, 0, GOOD, 17, VRING_DESC_F_INDIRECT, 0);
	show_split(1, 0);
}

static void a_table_of_great_size(void)
{
	write_descriptor(1, 0, GOOD, 16 * 257, VRING_DESC_F_INDIRECT, 0);
	show_split(1, 0);
}

static void a_table_nowhere(void)
{
	write_descriptor(1, 0, 0x1000, 16, VRING_DESC_F_INDIRECT, 0);
	show_split(1, 0);
}

static void a_table_with_a_next(void)
{
	write_descriptor(1, 0, GOOD, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 0);
	show_split(1, 0);
}

static void a_loop_in_a_table(void)
{
	write_descriptor(1, 0, GOOD, 10, VRING_DESC_F_NEXT, 0);
	memcpy(stage.front.memory + FRONT_BUFFERS, descriptor(1, 0), 16);
	write_descriptor(1, 0, GOOD, 16, VRING_DESC_F_INDIRECT, 0);
	show_split(1, 0);
}

static void other_says_hello(void)
{
	uint8_t bytes[60];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));

	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 3);
	other_says(&frame, 1);
}

static void a_buffer_to_read_where_we_write(void)
{
	write_descriptor(0, 0, GOOD, 100, 0, 0);
	show_split(0, 0);
	other_says_hello();
}

static void a_tiny_buffer_to_receive_in(void)
{
	write_descriptor(0, 0, GOOD, 3, VRING_DESC_F_WRITE, 0);
	show_split(0, 0);
	other_says_hello();
}

/* Each available chain is the same long one, of hardly any bytes. */
static void buffers_that_cost_more_than_they_hold(void)
{
	uint16_t *available = (uint16_t *)stage.front.queues[0].driver;

	for (unsigned i = 0; i < 200; i++)
		write_descriptor(0, i, GOOD, i < 12, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT,
			(uint16_t)(i + 1));
	write_descriptor(0, 200, GOOD, 0, VRING_DESC_F_WRITE, 0);
	available[1] = 256;
	other_says_hello();
}

static void show_packed(unsigned queue, uint16_t flags)
{
	show_u16(descriptor(queue, 0) + 14, flags | 1u << VRING_PACKED_DESC_F_AVAIL);
	kick(queue);
}

static void a_packed_chain_without_end(void)
{
	for (unsigned i = 0; i < 256; i++)
		write_descriptor(1, i, GOOD, 0, 0, VRING_DESC_F_NEXT | 1u << 7);
	show_packed(1, VRING_DESC_F_NEXT);
}

static void a_packed_buffer_nowhere(void)
{
	write_descriptor(1, 0, 0, 100, 0, 0);
	show_packed(1, 0);
}

static void a_packed_table_with_a_next(void)
{
	write_descriptor(1, 0, GOOD, 16, 0, 0);
	show_packed(1, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT);
}

/* The file behind the memory gets shorter. */

static void memory_cut_under_the_rings(void)
{
	assert_int_equal(ftruncate(stage.front.memory_fd, 0), 0);
	kick(1);
}

static void memory_cut_under_a_header(void)
{
	write_descriptor(1, 0, FRONT_GUEST_BASE + FRONT_MEMORY_SIZE - 4096, 2000, 0, 0);
	assert_int_equal(ftruncate(stage.front.memory_fd, FRONT_MEMORY_SIZE - 8192), 0);
	show_split(1, 0);
}

static void memory_cut_under_a_body(void)
{
	write_frame(
		stage.front.memory + FRONT_MEMORY_SIZE - 8192 - 1000 + 12, GUEST, OTHER, 988, 1);
	write_descriptor(1, 0, FRONT_GUEST_BASE + FRONT_MEMORY_SIZE - 8192 - 1000, 2000, 0, 0);
	assert_int_equal(ftruncate(stage.front.memory_fd, FRONT_MEMORY_SIZE - 8192), 0);
	show_split(1, 0);
}

static void memory_cut_under_a_buffer(void)
{
	write_descriptor(
		0, 0, FRONT_GUEST_BASE + FRONT_MEMORY_SIZE - 4096, 2000, VRING_DESC_F_WRITE, 0);
	assert_int_equal(ftruncate(stage.front.memory_fd, FRONT_MEMORY_SIZE - 8192), 0);
	show_split(0, 0);
	other_says_hello();
}

enum needs {
	A_SOCKET, /* nothing was said */
	QUEUES,	  /* split, and running */
	PACKED_QUEUES,
};

static const struct lie {
	const char *reason; /* some of it */
	void (*tell)(void);
	enum needs needs;
} lies[] = {
	{"memory region 1 overlaps region 0", overlapping_guest_addresses},
	{"memory region 1 overlaps region 0", overlapping_user_addresses},
	{"memory region 0 is empty", an_empty_region},
	{"ends at 8388609 in a file of 8388608 bytes", a_region_beyond_its_file},
	{"wraps around", a_region_that_wraps},
	{"wraps around", an_offset_that_wraps},
	{"above 1024 GiB", a_region_of_everything},
	{"is no file that can be mapped", a_region_that_is_a_socket},
	{"neither memory nor a local disk", a_region_of_proc},
	{"Permission denied", a_region_that_may_not_be_written},
	{"SET_MEM_TABLE of 2 regions in 40 bytes", more_regions_than_said},
	{"with 0 descriptors", regions_without_descriptors},
	{"SET_MEM_TABLE of 296 bytes", nine_regions},
	{"more descriptors than a message can have", many_descriptors},
	{"GET_FEATURES with 1 descriptors", descriptors_where_none_belong},
	{"more than 32 memory regions", regions_without_end},
	{"no memory region of 2 bytes at 0x1", a_region_that_is_not_there_to_remove},
	{"queue 0: its rings are not in the guest's memory", the_memory_of_running_queues_removed,
		QUEUES},
	{"request 1 comes with flags 0x2", a_message_of_another_version},
	{"request 1 comes with flags 0x5", an_answer_to_nothing},
	{"SET_FEATURES of 9 bytes", a_message_too_long},
	{"request 99 of 4294967295 bytes", an_unknown_message_too_long},
	{"the front end disconnected", half_a_message},
	{"does not read its answers", answers_that_nobody_reads},
	{"features 0x200000000 were not offered", features_not_offered},
	{"protocol features 0x8000000000000000 were not", protocol_features_not_offered},
	{"features change while a queue runs", another_layout_while_queues_run, QUEUES},
	{"queue 32 of 32", a_queue_beyond_all},
	{"queue 255 of 32", a_kick_for_a_queue_beyond_all},
	{"queue 2: of 0 descriptors", a_queue_of_no_size},
	{"queue 2: of 32768 descriptors, at most 1024", a_queue_of_great_size},
	{"queue 1: another size", another_size_while_it_runs, QUEUES},
	{"queue 1: another base", another_base_while_it_runs, QUEUES},
	{"queue 2: a split ring of 100 descriptors", an_odd_size, QUEUES},
	{"queue 2: its rings are not in the guest's memory", rings_nowhere, QUEUES},
	{"queue 2: its rings are not in the guest's memory", rings_that_reach_out, QUEUES},
	{"queue 2: its rings are not in the guest's memory", rings_between_words, QUEUES},
	{"queue 2: begins at 256 of 256", a_packed_base_beyond_the_ring, PACKED_QUEUES},
	{"SET_VRING_KICK with a descriptor that is no eventfd", a_kick_that_is_a_file},
	{"SET_VRING_CALL with a descriptor that is no eventfd", a_call_that_is_a_pipe},
	{"queue 1 is to be polled", a_kick_that_is_to_be_polled},
	{"SET_VRING_KICK 0x1 with 0 descriptors", a_kick_without_a_descriptor},
	{"queue 1: a chain is longer than the queue, or a loop", a_loop, QUEUES},
	{"queue 1: a chain is longer than the queue, or a loop", a_loop_of_nothing, QUEUES},
	{"queue 1: descriptor 256 in a table of 256", a_head_beyond_the_table, QUEUES},
	{"queue 1: descriptor 60000 in a table of 256", a_next_beyond_the_table, QUEUES},
	{"queue 1: 300 chains are said to wait", more_chains_than_fit, QUEUES},
	{"a buffer of 200 bytes at 0x1000 is not in", a_buffer_nowhere, QUEUES},
	{"a buffer of 101 bytes at 0x407fff9c is not in", a_buffer_that_reaches_out, QUEUES},
	{"a buffer of 4000 bytes at 0xfffffffffffffff5", a_buffer_that_wraps, QUEUES},
	{"a buffer of 4294967295 bytes", a_buffer_of_4_gib, QUEUES},
	{"a buffer is for writing, where the guest sends", a_buffer_to_write_where_we_read, QUEUES},
	{"an indirect table in an indirect table", a_table_in_itself, QUEUES},
	{"an indirect table in an indirect table", the_ring_as_a_table, QUEUES},
	{"an indirect table of 17 bytes", a_table_of_odd_size, QUEUES},
	{"an indirect table of 4112 bytes", a_table_of_great_size, QUEUES},
	{"an indirect table at 0x1000, not in", a_table_nowhere, QUEUES},
	{"an indirect table that is not the chain's end", a_table_with_a_next, QUEUES},
	{"queue 1: a chain is longer than the queue, or a loop", a_loop_in_a_table, QUEUES},
	{"a buffer is for reading, where the guest receives", a_buffer_to_read_where_we_write,
		QUEUES},
	{"a buffer of 3 bytes to receive in", a_tiny_buffer_to_receive_in, QUEUES},
	{"more buffers than the queue has descriptors", buffers_that_cost_more_than_they_hold,
		QUEUES},
	{"a chain is longer than the queue", a_packed_chain_without_end, PACKED_QUEUES},
	{"a buffer of 100 bytes at 0x0 is not in", a_packed_buffer_nowhere, PACKED_QUEUES},
	{"an indirect table where none may be", a_packed_table_with_a_next, PACKED_QUEUES},
	{"the guest's memory was cut short", memory_cut_under_the_rings, QUEUES},
	{"the guest's memory was cut short", memory_cut_under_a_header, QUEUES},
	{"the guest's memory was cut short", memory_cut_under_a_body, QUEUES},
	{"the guest's memory was cut short", memory_cut_under_a_buffer, QUEUES},
};

static unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static unsigned count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned count = 0;
	char line[4096];

	while (fgets(line, sizeof(line), file))
		count += strstr(line, "memfd:guest") != NULL;
	fclose(file);
	return count;
}

static void plug_for(enum needs needs)
{
	const struct front_settings settings = {.features = FEATURES_PLAIN, .size = 256};

	if (needs == A_SOCKET)
		plug(&settings);
	else
		plug_running(FEATURES_PLAIN | (needs == PACKED_QUEUES ? PACKED : 0), 1);
}

static void tell(const struct lie *lie)
{
	const unsigned before = count_entries("/proc/self/fd");

	plug_for(lie->needs);
	lie->tell();
	turn();
	if (!strstr(stage.gone, lie->reason))
		fail_msg("lie %zu: '%s' was to be '%s'", (size_t)(lie - lies), stage.gone,
			lie->reason);
	assert_null(stage.port);
	front_close(&stage.front);
	assert_int_equal(count_entries("/proc/self/fd"), before);
	assert_int_equal(count_mappings(), 0);
}

static void test_lies(void **)
{
	for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
		tell(&lies[i]);
		stage.gone[0] = 0;
	}
}

/* As on a worker, which is born like that; and another guest's memory stays whole. */
static void test_a_cut_is_survived_where_signals_are_blocked(void **)
{
	int fd = memfd_create("mine", MFD_CLOEXEC);
	struct guest_memory mine = {0};
	struct error error = {0};
	struct iovec part;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(
		guest_memory_add(&mine, fd, &(struct guest_range){0, 8192, 0, 0}, &error), 0);
	tell(&lies[ARRAY_SIZE(lies) - 1]);
	assert_int_equal(guest_memory_find(&mine, 4096, 1, &part, 1), 1);
	*(uint8_t *)part.iov_base = 1;
	assert_false(mine.is_broken);
	assert_int_equal(ftruncate(fd, 4096), 0);
	*(uint8_t *)part.iov_base = 1;
	assert_true(mine.is_broken);
	guest_memory_clear(&mine);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_lies),
		PORT_TEST(test_a_cut_is_survived_where_signals_are_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
