/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/driver.h"

static void run(struct driver *driver)
{
	struct loop *loop = driver->loop;
	nsec next = driver->machine->run(driver->machine, loop_now(loop));

	if (next == NSEC_NEVER)
		timer_cancel(loop, &driver->timer);
	else
		timer_set(loop, &driver->timer, next);
}

static void on_task(struct task *task)
{
	run(CONTAINER_OF(task, struct driver, task));
}

static void on_deadline(struct timer *timer, nsec)
{
	run(CONTAINER_OF(timer, struct driver, timer));
}

static void on_wake(struct machine *machine)
{
	struct driver *driver = machine->driver;

	loop_defer(driver->loop, &driver->task);
}

void driver_start(struct driver *driver, struct loop *loop, struct machine *machine)
{
	*driver = (struct driver){
		.machine = machine,
		.loop = loop,
		.task.run = on_task,
		.timer.on_expire = on_deadline,
	};
	machine->wake = on_wake;
	machine->driver = driver;
}

void driver_stop(struct driver *driver)
{
	if (!driver->loop)
		return;
	timer_cancel(driver->loop, &driver->timer);
	loop_undefer(driver->loop, &driver->task);
	driver->machine->wake = NULL;
	driver->machine->driver = NULL;
	driver->loop = NULL;
}
