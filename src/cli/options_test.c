/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 16

struct line {
	struct call call;
	char *words[WORDS_MAX + 1];
	const char *hub, *file;
	bool is_fast;
};

static int read_line(struct line *line, enum operands operands)
{
	const struct option options[] = {
		{"hub", .value = &line->hub},
		{"w", .value = &line->file},
		{"fast", .flag = &line->is_fast},
	};

	line->call.name = "test";
	line->call.usage = "WORDS";
	line->call.args = line->words;
	for (line->call.arg_count = 0; line->words[line->call.arg_count];)
		line->call.arg_count++;
	return options_read(&line->call, options, ARRAY_SIZE(options), operands);
}

static void reads_values_both_ways(void **)
{
	struct line line = {.words = {"--hub", "hub1", "a", "-w", "-", "--fast", "b"}};

	assert_int_equal(read_line(&line, OPERANDS_ANYWHERE), EXIT_FINE);
	assert_string_equal(line.hub, "hub1");
	assert_string_equal(line.file, "-");
	assert_true(line.is_fast);
	assert_int_equal(line.call.arg_count, 2);
	assert_string_equal(line.call.args[0], "a");
	assert_string_equal(line.call.args[1], "b");
	assert_null(line.call.args[2]);

	line = (struct line){.words = {"--hub=hub2=x"}};
	assert_int_equal(read_line(&line, OPERANDS_ANYWHERE), EXIT_FINE);
	assert_string_equal(line.hub, "hub2=x");
}

static void every_command_takes_json_and_api(void **)
{
	struct line line = {.words = {"a", "--json", "--api", "/x"}};

	assert_int_equal(read_line(&line, OPERANDS_ANYWHERE), EXIT_FINE);
	assert_true(line.call.wants_json);
	assert_string_equal(line.call.api_path, "/x");
	assert_int_equal(line.call.arg_count, 1);
}

static void leaves_another_commands_options_alone(void **)
{
	struct line line = {.words = {"--fast", "--", "ls", "--json", "-w"}};

	assert_int_equal(read_line(&line, OPERANDS_END_OPTIONS), EXIT_FINE);
	assert_int_equal(line.call.arg_count, 3);
	assert_string_equal(line.call.args[1], "--json");
	assert_false(line.call.wants_json);

	line = (struct line){.words = {"--fast", "ls", "--json", "--", "x"}};
	assert_int_equal(read_line(&line, OPERANDS_END_OPTIONS), EXIT_FINE);
	assert_int_equal(line.call.arg_count, 4);
	assert_string_equal(line.call.args[2], "--");
	assert_false(line.call.wants_json);

	line = (struct line){.words = {"a", "--", "--json", "--"}};
	assert_int_equal(read_line(&line, OPERANDS_ANYWHERE), EXIT_FINE);
	assert_int_equal(line.call.arg_count, 3);
}

static void refuse(const char *word, const char *sentence)
{
	struct line line = {.words = {(char *)word}};

	assert_int_equal(read_line(&line, OPERANDS_ANYWHERE), EXIT_BAD_INPUT);
	if (!strstr(line.call.error.text, sentence))
		fail_msg("'%s' is not in '%s'", sentence, line.call.error.text);
	assert_non_null(strstr(line.call.error.text, "usage: lanyard test WORDS"));
}

static void refuses_the_rest(void **)
{
	refuse("--hubs", "--hubs is no option of it");
	refuse("-f", "-f is no option of it");
	refuse("-fast", "-fast is no option of it");
	refuse("--w", "--w is no option of it");
	refuse("--fast=1", "--fast=1: it takes no value");
	refuse("--hub", "--hub needs a value");
}

static void counts_operands(void **)
{
	char *words[] = {"a", "b", NULL};
	struct call call = {.name = "test", .usage = "", .args = words, .arg_count = 2};

	assert_int_equal(options_read_between(&call, NULL, 0, 0, 1), EXIT_BAD_INPUT);
	assert_non_null(strstr(call.error.text, "'b' is too much"));
	call.error.text[0] = '\0';
	assert_int_equal(options_read_between(&call, NULL, 0, 3, 4), EXIT_BAD_INPUT);
	assert_int_equal(options_read_between(&call, NULL, 0, 2, 2), EXIT_FINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_values_both_ways),
		cmocka_unit_test(every_command_takes_json_and_api),
		cmocka_unit_test(leaves_another_commands_options_alone),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(counts_operands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
