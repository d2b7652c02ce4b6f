/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The third of config/value.h that is about links and what wires do to frames. */
#include "config/excerpt.h"
#include "config/model.h"
#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE	      "none"
#define DIGITS	      "0123456789"
#define WHOLE_MAX     9 /* digits */
#define DECIMALS_MAX  6
#define DECIMAL_SCALE 1000000
#define DELAY_MAX     (60 * NSEC_PER_SEC)
#define ALWAYS	      1000000
#define RATE_MIN      8000
#define RATE_MAX      1000000000000

/* The largest first. */
struct unit {
	const char *name;
	uint64_t size;
};

/* What a number with a unit can be. */
struct measure {
	struct unit units[4];
	uint64_t min, max;
	const char *wanted; /* "is not ..." */
};

static const struct measure times = {
	.units = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}},
	.max = DELAY_MAX,
	.wanted = "is not a time of at most 60s, such as 50ms, 0.5s or 200us",
};
static const struct measure probabilities = {
	.units = {{"%", ALWAYS / 100}},
	.max = ALWAYS,
	.wanted = "is not a probability, from 0.0001% to 100%",
};
static const struct measure rates = {
	.units = {{"gbit", 1000000000}, {"mbit", 1000000}, {"kbit", 1000}, {"bit", 1}},
	.min = RATE_MIN,
	.max = RATE_MAX,
	.wanted = "is not a rate from 8kbit to 1000gbit, such as 100mbit or 1.5mbit; or none",
};

static const struct unit *unit_find(const struct measure *measure, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(measure->units) && measure->units[i].name; i++)
		if (!strcmp(measure->units[i].name, name))
			return &measure->units[i];
	return NULL;
}

/* "12.5" in millionths; *text moves behind it. 0: not a number, or none. */
static uint64_t number_take(const char **text)
{
	size_t whole = strspn(*text, DIGITS), decimals = 0;
	uint64_t number = strtoull(*text, NULL, 10);
	const char *at = *text + whole;

	if (!whole || whole > WHOLE_MAX)
		return 0;
	if (*at == '.') {
		decimals = strspn(++at, DIGITS);
		if (!decimals || decimals > DECIMALS_MAX)
			return 0;
	}
	for (size_t i = 0; i < DECIMALS_MAX; i++)
		number = number * 10 + (i < decimals ? (uint64_t)(at[i] - '0') : 0);
	*text = at + decimals;
	return number;
}

static int amount_parse(
	const struct measure *measure, const char *text, uint64_t *ret, struct error *error)
{
	const char *rest = text;
	uint64_t number = number_take(&rest), amount;
	const struct unit *unit = unit_find(measure, rest);

	if (!number || !unit)
		return value_refuse(error, text, measure->wanted);
	if (number / DECIMAL_SCALE > measure->max / unit->size)
		return value_refuse(error, text, measure->wanted);
	amount = (uint64_t)((unsigned __int128)number * unit->size / DECIMAL_SCALE);
	if (!amount || amount < measure->min || amount > measure->max)
		return value_refuse(error, text, measure->wanted);
	*ret = amount;
	return 0;
}

/* The largest unit in which a number with as many decimals as are read is exact. */
static const struct unit *unit_for(const struct measure *measure, uint64_t amount)
{
	const struct unit *unit = measure->units;

	while (unit[1].name &&
		(amount < unit->size || (unsigned __int128)amount * DECIMAL_SCALE % unit->size))
		unit++;
	return unit;
}

static void amount_format(const struct measure *measure, uint64_t amount, char text[32])
{
	const struct unit *unit = unit_for(measure, amount);
	uint64_t part = amount % unit->size * DECIMAL_SCALE / unit->size;
	int decimals = part ? DECIMALS_MAX : 0;

	for (; part && part % 10 == 0; part /= 10)
		decimals--;
	if (decimals)
		snprintf(text, 32, "%llu.%0*llu%s", (unsigned long long)(amount / unit->size),
			decimals, (unsigned long long)part, unit->name);
	else
		snprintf(text, 32, "%llu%s", (unsigned long long)(amount / unit->size), unit->name);
}

int rate_parse(const char *text, void *ret, struct error *error)
{
	if (strcmp(text, NONE) != 0)
		return amount_parse(&rates, text, ret, error);
	*(uint64_t *)ret = 0;
	return 0;
}

void rate_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	uint64_t rate = *(const uint64_t *)value;

	text[0] = '\0';
	if (rate)
		amount_format(&rates, rate, text);
}

/* The words that a wire is described in, in the order they are written in. */
enum trait {
	TRAIT_DELAY,
	TRAIT_JITTER,
	TRAIT_LOSS,
	TRAIT_DUPLICATE,
	TRAIT_REORDER,
	TRAIT_RATE,
	TRAIT_COUNT,
};

static const struct {
	const char *name;
	const struct measure *measure;
} traits[TRAIT_COUNT] = {
	[TRAIT_DELAY] = {"delay", &times},
	[TRAIT_JITTER] = {"jitter", &times},
	[TRAIT_LOSS] = {"loss", &probabilities},
	[TRAIT_DUPLICATE] = {"duplicate", &probabilities},
	[TRAIT_REORDER] = {"reorder", &probabilities},
	[TRAIT_RATE] = {"rate", &rates},
};

static enum trait trait_find(const char *name)
{
	enum trait trait = 0;

	while (trait < TRAIT_COUNT && strcmp(traits[trait].name, name) != 0)
		trait++;
	return trait;
}

static int read_trait(
	const char *name, const char *value, uint64_t amounts[TRAIT_COUNT], struct error *error)
{
	enum trait trait = trait_find(name);

	if (trait == TRAIT_COUNT)
		return value_refuse(error, name,
			"is none of delay, jitter, loss, duplicate, reorder and rate, each with a "
			"value behind it, such as 'delay 50ms loss 1%'; or none");
	if (!value)
		return value_refuse(error, name, "has no value behind it");
	if (amounts[trait])
		return value_refuse(error, name, "is given twice");
	return amount_parse(traits[trait].measure, value, &amounts[trait], error);
}

static int read_traits(const char *text, uint64_t amounts[TRAIT_COUNT], struct error *error)
{
	char words[VALUE_TEXT_SIZE], *rest = words, *name;
	int err = *text ? 0 : read_trait("", NULL, amounts, error);

	if (strlen(text) >= sizeof(words))
		return value_refuse(error, text, "is too long");
	strcpy(words, text);
	while (!err && (name = strtok_r(rest, " ", &rest)))
		err = read_trait(name, strtok_r(NULL, " ", &rest), amounts, error);
	return err ? error_wrap(error, err, "'%s'", excerpt(text).text) : 0;
}

int wire_parse(const char *text, void *ret, struct error *error)
{
	uint64_t amounts[TRAIT_COUNT] = {0};
	int err = strcmp(text, NONE) != 0 ? read_traits(text, amounts, error) : 0;

	if (err)
		return err;
	if (amounts[TRAIT_JITTER] > amounts[TRAIT_DELAY])
		return value_refuse(error, text, "has a jitter that is longer than its delay");
	if (amounts[TRAIT_REORDER] && !amounts[TRAIT_DELAY])
		return value_refuse(
			error, text, "has no delay: only frames that travel can be overtaken");
	*(struct wire_config *)ret = (struct wire_config){
		.delay = (nsec)amounts[TRAIT_DELAY],
		.jitter = (nsec)amounts[TRAIT_JITTER],
		.loss = (uint32_t)amounts[TRAIT_LOSS],
		.duplicate = (uint32_t)amounts[TRAIT_DUPLICATE],
		.reorder = (uint32_t)amounts[TRAIT_REORDER],
		.rate = amounts[TRAIT_RATE],
	};
	return 0;
}

void wire_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct wire_config *wire = value;
	const uint64_t amounts[TRAIT_COUNT] = {
		[TRAIT_DELAY] = (uint64_t)wire->delay,
		[TRAIT_JITTER] = (uint64_t)wire->jitter,
		[TRAIT_LOSS] = wire->loss,
		[TRAIT_DUPLICATE] = wire->duplicate,
		[TRAIT_REORDER] = wire->reorder,
		[TRAIT_RATE] = wire->rate,
	};
	size_t used = 0;
	char amount[32];

	text[0] = '\0';
	for (enum trait trait = 0; trait < TRAIT_COUNT; trait++) {
		if (!amounts[trait])
			continue;
		amount_format(traits[trait].measure, amounts[trait], amount);
		used += (size_t)snprintf(text + used, VALUE_TEXT_SIZE - used, "%s%s %s",
			used ? " " : "", traits[trait].name, amount);
	}
}

int link_state_parse(const char *text, void *ret, struct error *error)
{
	bool is_down = !strcmp(text, "down");

	if (!is_down && strcmp(text, "up") != 0)
		return value_refuse(error, text, "is not up or down");
	*(bool *)ret = is_down;
	return 0;
}

void link_state_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	strcpy(text, *(const bool *)value ? "down" : "up");
}
