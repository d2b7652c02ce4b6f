/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/excerpt.h"
#include "config/test_support.h"

#define TEN   "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void shows_one_line_of_utf8(void **)
{
	static const struct {
		const char *text, *shown;
	} texts[] = {
		{"", ""},
		{"a b", "a b"},
		{"\u00e4\u20ac\U0001f600", "\u00e4\u20ac\U0001f600"},
		{"a\nb\x1b[0m\x7f", "a?b?[0m?"},
		{"a\xc2\x85z", "a?z"},
		{"a\u2028b\u202ec", "a?b?c"},
		{"a\xff"
		 "b\xc3",
			"a?b?"},
		{"a\xc0\xafz", "a?z"}, /* overlong */
		{"a\xc1\xbfz", "a?z"},
		{"a\xe0\x9f\xbfz", "a?z"},
		{"a\xf0\x8f\xbf\xbfz", "a?z"},
		{"a\xed\xa0\x80z", "a?z"},     /* half a surrogate pair */
		{"a\xf4\x90\x80\x80z", "a?z"}, /* past the last character */
		{SIXTY "0123", SIXTY "0123"},
		{SIXTY "01234", SIXTY "0123..."},
		{SIXTY "012\u00e4", SIXTY "012..."},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(excerpt(texts[i].text).text, texts[i].shown);
}

static void cleans_in_place(void **)
{
	char text[] = SIXTY SIXTY "\xff\x80 \u20ac\n\xe2\x82", empty[] = "";

	excerpt_clean(text);
	assert_string_equal(text, SIXTY SIXTY "? \u20ac??");
	excerpt_clean(empty);
	assert_string_equal(empty, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_one_line_of_utf8),
		cmocka_unit_test(cleans_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
