/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is on a hub, what it says about itself, and who watches. */
#include "hub/fake_port.h"

#include <errno.h>

static void test_slots_and_names(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, "a"), *b = plug(hub, ""), *c = plug(hub, "fake9"), *d;
	struct fake other = {.port = {.ops = &fake_ops, .name = "a"}};

	assert_string_equal(hub_name(hub), "hub8");
	assert_int_equal(c->port.slot, 2);
	assert_string_equal(b->port.name, "fake1");
	assert_ptr_equal(hub_find(hub, "fake1"), &b->port);
	assert_ptr_equal(hub_find(hub, "2"), &c->port);
	assert_null(hub_find(hub, "3"));
	assert_null(hub_find(hub, "2x"));
	assert_null(hub_find(hub, ""));
	assert_null(hub_find(hub, "99999999999999999999"));
	assert_int_equal(hub_attach(hub, &other.port, NOW), -EEXIST);
	hub_detach(&b->port);
	assert_null(hub_port(hub, 1));
	assert_int_equal(hub_slot_count(hub), 3);
	snprintf(c->port.name, sizeof(c->port.name), "fake1");
	d = plug(hub, ""); /* the lowest hole; a name that nobody has */
	assert_int_equal(d->port.slot, 1);
	assert_string_equal(d->port.name, "fake1-2");
	fake_free(&b->port);
	assert_ptr_equal(hub_port(hub, 0), &a->port);
	assert_null(hub_port(hub, 3));
	hub_free(hub);
}

static void test_ports_max(void **)
{
	struct hub *hub = open_hub();
	struct fake other = {.port = {.ops = &fake_ops, .name = "one-too-many"}};
	char name[16];

	for (unsigned i = 0; i < HUB_PORTS_MAX; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		plug(hub, name);
	}
	assert_int_equal(hub_attach(hub, &other.port, NOW), -ENOSPC);
	assert_int_equal(hub_slot_count(hub), HUB_PORTS_MAX);
	hub_free(hub);
}

static void test_detach_forgets(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};

	introduce(f, 3);
	hub_detach(&f[1]->port);
	hub_detach(&f[1]->port); /* twice is once */
	assert_null(hub_lookup(hub, mac_of(2), NOW));
	receive(f[0], frame_of(2, 1), NOW);
	assert_int_equal(f[1]->frames, 0);
	assert_int_equal(f[2]->frames, 1);
	receive(f[1], frame_of(0xff, 2), NOW); /* late: nobody listens */
	assert_int_equal(f[2]->frames, 1);
	fake_free(&f[1]->port);
	hub_free(hub);
}

/* tx of a slot goes on counting when another port takes it. */
static void test_slot_frames_survive_a_port(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b;

	receive(a, frame_of(0xff, 1), NOW);
	receive(a, frame_of(0xff, 1), NOW);
	assert_int_equal(hub_slot_frames(hub, 0), 2);
	hub_detach(&a->port);
	fake_free(&a->port);
	assert_int_equal(hub_slot_frames(hub, 0), 2);
	b = plug(hub, "");
	assert_int_equal(b->port.in.frames, 0);
	receive(b, frame_of(0xff, 1), NOW);
	assert_int_equal(hub_slot_frames(hub, 0), 3);
	assert_int_equal(hub_frames(hub), 3);
	assert_int_equal(hub_slot_frames(hub, 7), 0);
	hub_free(hub);
}

static void test_addresses(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b = plug(hub, "");
	struct hub_address list[8];

	receive(a, frame_of(0xff, 1), NOW);
	receive(a, frame_of(0xff, 2), NOW + 10 * NSEC_PER_SEC);
	receive(b, frame_of(0xff, 3), NOW + 10 * NSEC_PER_SEC);
	assert_int_equal(hub_addresses(hub, HUB_PORTS_MAX, NOW + 10 * NSEC_PER_SEC, list, 8), 3);
	assert_true(mac_equal(list[0].mac, mac_of(2)) && list[0].slot == 0 && !list[0].age);
	assert_true(mac_equal(list[1].mac, mac_of(1)));
	assert_int_equal(list[1].age, 10 * NSEC_PER_SEC);
	assert_true(mac_equal(list[2].mac, mac_of(3)) && list[2].slot == 1);
	assert_int_equal(hub_addresses(hub, 1, NOW + 10 * NSEC_PER_SEC, list, 8), 1);
	assert_int_equal(hub_addresses(hub, HUB_PORTS_MAX, NOW + 10 * NSEC_PER_SEC, list, 2), 2);
	assert_int_equal(hub_addresses(hub, HUB_PORTS_MAX, NOW + HUB_MAC_AGE, list, 8), 2);
	hub_free(hub);
}

static unsigned attached_slot;

static void on_attach(struct port *port)
{
	assert_non_null(port->hub);
	attached_slot = port->slot;
}

static int company = -1; /* as it was told last */

static void on_company(struct port *, bool has_company)
{
	company = has_company;
}

static void test_company(void **)
{
	static const struct port_ops ops = {.kind = "fake",
		.send = fake_send,
		.free = fake_free,
		.on_attach = on_attach,
		.on_company = on_company};
	struct fake *self = calloc(1, sizeof(*self)), *a, *b;
	struct hub *hub = open_hub();

	self->port.ops = &ops;
	assert_int_equal(hub_attach(hub, &self->port, NOW), 0);
	assert_int_equal(company, -1);
	a = plug(hub, "a");
	assert_int_equal(company, true);
	b = plug(hub, "b");
	hub_detach(&a->port);
	assert_int_equal(company, true);
	hub_detach(&b->port);
	assert_int_equal(company, false);
	hub_detach(&self->port);
	assert_int_equal(hub_attach(hub, &a->port, NOW), 0);
	assert_int_equal(hub_attach(hub, &self->port, NOW), 0);
	assert_int_equal(attached_slot, self->port.slot);
	assert_int_equal(attached_slot, 1);
	assert_int_equal(company, true);
	fake_free(&b->port);
	hub_free(hub);
}

static unsigned departures, departed;

static void on_departure(struct port *, struct mac mac)
{
	departures++;
	departed = mac.bytes[5];
}

static void test_departures(void **)
{
	static struct port_ops ops;
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};

	ops = fake_ops;
	ops.on_departure = on_departure;
	f[0]->port.ops = &ops;
	introduce(f, 3);
	departures = 0;
	hub_detach(&f[1]->port);
	assert_int_equal(departures, 1);
	assert_int_equal(departed, 2);
	hub_detach(&f[0]->port); /* not of itself */
	assert_int_equal(departures, 1);
	hub_detach(&f[2]->port);
	assert_int_equal(departures, 1);
	for (unsigned i = 0; i < 3; i++)
		fake_free(&f[i]->port);
	hub_free(hub);
}

static void test_free_frees_ports(void **)
{
	struct hub *hub = open_hub();
	bool freed[2] = {false, false};

	plug(hub, "")->freed = &freed[0];
	plug(hub, "")->freed = &freed[1];
	hub_free(hub);
	assert_true(freed[0] && freed[1]);
	hub_free(NULL);
}

struct seen {
	struct capture capture;
	char text[256];
	nsec now;
};

static void on_frame(struct capture *capture, const struct port *port, enum capture_point point,
	enum drop reason, const struct frame *, nsec now)
{
	struct seen *seen = CONTAINER_OF(capture, struct seen, capture);
	size_t used = strlen(seen->text);

	snprintf(seen->text + used, sizeof(seen->text) - used, "%s %s%s; ", port->name,
		point == CAPTURE_IN    ? "in"
		: point == CAPTURE_OUT ? "out"
				       : "drop ",
		point == CAPTURE_DROP ? drop_name(reason) : "");
	seen->now = now;
}

static void test_capture(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, "a"), plug(hub, "b"), plug(hub, "c")};
	struct seen seen = {.capture.on_frame = on_frame};

	introduce(f, 3);
	hub_capture_start(hub, &seen.capture);
	receive(f[0], frame_of(0xff, 1), NOW + 1);
	receive(f[0], frame_of(1, 1), NOW + 1);
	f[1]->drops = DROP_QUEUE_FULL;
	receive(f[0], frame_of(2, 1), NOW + 2);
	assert_string_equal(seen.text, "a in; b out; c out; a in; a drop hairpin; "
				       "a in; b out; b drop queue_full; ");
	assert_int_equal(seen.now, NOW + 2);
	hub_capture_stop(&seen.capture);
	receive(f[0], frame_of(0xff, 1), NOW + 3);
	assert_int_equal(seen.now, NOW + 2);
	hub_free(hub);
}

static void test_drop_names(void **)
{
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		assert_non_null(drop_name(i));
		for (unsigned other = 0; other < i; other++)
			assert_string_not_equal(drop_name(i), drop_name(other));
	}
}

static void test_drops_of_a_port_on_no_hub(void **)
{
	struct fake fake = {.port = {.ops = &fake_ops}};
	struct frame frame = frame_of(1, 2);

	port_drop(&fake.port, DROP_IO, &frame);
	port_drop_in(&fake.port, DROP_NO_MEMORY, &frame);
	assert_int_equal(fake.port.out.drops[DROP_IO], 1);
	assert_int_equal(fake.port.in.drops[DROP_NO_MEMORY], 1);
	assert_int_equal(port_mismatch(&fake.port), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_and_names),
		cmocka_unit_test(test_ports_max),
		cmocka_unit_test(test_detach_forgets),
		cmocka_unit_test(test_slot_frames_survive_a_port),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_company),
		cmocka_unit_test(test_departures),
		cmocka_unit_test(test_free_frees_ports),
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_drop_names),
		cmocka_unit_test(test_drops_of_a_port_on_no_hub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
