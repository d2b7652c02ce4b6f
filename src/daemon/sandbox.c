/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sandbox.h"

#include "base/attr.h"
#include "base/log.h"

#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What a port plugged later may need, beyond what files' modes already give. */
static const int kept_capabilities[] = {
	CAP_NET_ADMIN,	      /* TAPs, addresses, routes */
	CAP_SYS_ADMIN,	      /* setns(2), for ports in another namespace */
	CAP_NET_BIND_SERVICE, /* forwards from ports below 1024 */
	CAP_NET_RAW,	      /* echo sockets where ping_group_range forbids the others */
	CAP_SYS_PTRACE,	      /* /proc/PID/ns/net of another user's process */
	CAP_CHOWN,	      /* the API socket's group */
	CAP_DAC_OVERRIDE,     /* state files that another user left */
};

static void drop_capabilities(void)
{
	if (geteuid() != 0)
		return;
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < ARRAY_SIZE(kept_capabilities); i++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
			(unsigned)kept_capabilities[i]);
	/* In a container some are not ours to begin with: then we keep what we have. */
	if (capng_apply(CAPNG_SELECT_BOTH) != 0)
		log_debug("capabilities stay as they are: %s", strerror(errno));
}

static const char *const refused_calls[] = {
	"acct",
	"add_key",
	"bpf",
	"clock_adjtime",
	"clock_settime",
	"delete_module",
	"finit_module",
	"init_module",
	"ioperm",
	"iopl",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"lookup_dcookie",
	"nfsservctl",
	"open_by_handle_at",
	"perf_event_open",
	"personality",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"quotactl",
	"reboot",
	"request_key",
	"setdomainname",
	"sethostname",
	"settimeofday",
	"swapoff",
	"swapon",
	"syslog",
	"uselib",
	"userfaultfd",
	"vhangup",
};

/* The leak checker of a sanitizer looks at its own process that way. */
#ifdef __SANITIZE_ADDRESS__
static const char needed_call[] = "ptrace";
#else
static const char needed_call[] = "";
#endif

static void refuse_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(refused_calls) && !err; i++) {
		int call = seccomp_syscall_resolve_name(refused_calls[i]);

		/* One that this architecture does not have needs no refusing. */
		if (call >= 0 && strcmp(refused_calls[i], needed_call) != 0)
			err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
	}
	if (!err)
		err = seccomp_load(filter);
	if (err)
		log_debug("no filter on system calls: %s", strerror(-err));
	seccomp_release(filter);
}

void sandbox_enter(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	drop_capabilities();
	refuse_calls();
}
