/* Numbers are correctly rounded and times are what the calendar says; anything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "io/csv_number.h"
#include "io/time_format.h"

static void numbers_are_correctly_rounded(void **state) {
  static const char *const GOOD[] = {"0",
                                     "-0",
                                     "1",
                                     "12.34",
                                     "+5",
                                     ".5",
                                     "5.",
                                     "1e3",
                                     "1E-3",
                                     "  7 ",
                                     "0.1",
                                     "1e22",
                                     "1e23",
                                     "9007199254740993",
                                     "1e-22",
                                     "123456789012345678",
                                     "0.30000000000000004",
                                     "1.7976931348623157e308",
                                     "2.2250738585072011e-308",
                                     "4.9e-324",
                                     "000000000000000000012.5",
                                     "0.000000000000000000001"};
  (void)state;
  for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
    double       value;
    const double wanted = strtod(GOOD[i], NULL);
    assert_true(clv_csv_number(GOOD[i], strlen(GOOD[i]), &value));
    assert_memory_equal(&value, &wanted, sizeof value);
  }
}

/* Random decimals of all lengths against the C library. */
static void numbers_agree_with_the_library(void **state) {
  uint64_t seed = 1;
  (void)state;
  for (int i = 0; i < 200000; i++) {
    char   text[64];
    double value, wanted;
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    snprintf(text, sizeof text, "%.*g", 1 + (int)(seed >> 60),
             (double)(int64_t)seed * 1e-9 * (double)(seed >> 50 & 1023));
    wanted = strtod(text, NULL);
    assert_true(clv_csv_number(text, strlen(text), &value));
    assert_memory_equal(&value, &wanted, sizeof value);
  }
}

static void what_is_not_a_number_is_refused(void **state) {
  static const char *const BAD[] = {
      "",     " ",   "NaN",   "nan",   "inf",
      "-inf", "1,5", "1 5",   "0x10",  "1e",
      "e5",   "--1", "1.2.3", "$5",    "5€",
      ".",    "+",   "1e999", "1_000", "11111111111111111111111111111111111111111111111111111111111111111"};
  (void)state;
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    double value = 7.0;
    assert_false(clv_csv_number(BAD[i], strlen(BAD[i]), &value));
    assert_true(value == 7.0);
  }
}

static clv_time_result read_as(const char *format, const char *text, int64_t *micros) {
  clv_time_format *f = NULL;
  clv_time_result  got;
  assert_int_equal(clv_time_format_new(format, &f), CLV_OK);
  got = clv_time_format_parse(f, text, strlen(text), micros, NULL);
  clv_time_format_free(&f);
  return got;
}

#define S INT64_C(1000000)

static void times_are_read(void **state) {
  static const struct {
    const char *format, *text;
    int64_t     micros;
  } CASE[] = {{NULL, "1970-01-01", 0},
              {NULL, "1997-09-30", 875577600 * S},
              {NULL, " 1997-09-30 ", 875577600 * S},
              {NULL, "2000-02-29T12:30:15", 951827415 * S},
              {NULL, "2000-02-29 12:30", 951827400 * S},
              {NULL, "2000-02-29T12:30:15.25Z", 951827415 * S + 250000},
              {NULL, "2000-02-29T12:30:15,1234567+01:00", 951823815 * S + 123456},
              {NULL, "2000-02-29T12:30:15-0530", 951847215 * S},
              {NULL, "1969-12-31T23:59:59", -1 * S},
              {"", "1997-09-30", 875577600 * S},
              {"%Y%m%d", "19970930", 875577600 * S},
              {"%d.%m.%Y", "30.9.1997", 875577600 * S},
              {"%m/%d/%y %H:%M", "9/30/97 01:02", 875581320 * S},
              {"%s", "875577600", 875577600 * S},
              {"%s", "-1.5", -1500000},
              {"%Y-%j", "1997-273", 875577600 * S},
              {"%d %b %Y", "30 Sep 1997", 875577600 * S},
              {"%d %B %Y", "30 september 1997", 875577600 * S},
              {"%FT%T%z", "1997-09-30T00:00:00+02:00", 875570400 * S},
              {"%Y-%m-%d %H:%M:%S.%f", "1997-09-30 00:00:01.5", 875577601 * S + 500000},
              {"%Y%%%m%%%d", "1997%09%30", 875577600 * S}};
  (void)state;
  for (size_t i = 0; i < sizeof CASE / sizeof CASE[0]; i++) {
    int64_t micros = -7;
    assert_int_equal(read_as(CASE[i].format, CASE[i].text, &micros), CLV_TIME_READ);
    assert_true(micros == CASE[i].micros);
  }
}

static void impossible_times_are_refused(void **state) {
  static const char *const NO_SUCH[] = {
      "1997-02-31", "1900-02-29",          "1997-13-01",       "1997-00-01",       "1997-01-00",
      "0000-01-01", "1997-04-31T00:00:00", "1997-01-01T24:00", "1997-01-01T00:60", "1997-01-01T00:00:61"};
  static const char *const SHAPE[] = {"",
                                      "yesterday",
                                      "1997-1-1",
                                      "1997/01/01",
                                      "19970101",
                                      "1997-01-01x",
                                      "1997-01-01T",
                                      "1997-01-01T1",
                                      "1997-01-01T10:00+99",
                                      "1997-01-01T10:00:00."};
  (void)state;
  for (size_t i = 0; i < sizeof NO_SUCH / sizeof NO_SUCH[0]; i++) {
    int64_t micros = -7;
    assert_int_equal(read_as(NULL, NO_SUCH[i], &micros), CLV_TIME_NO_SUCH);
    assert_true(micros == -7);
  }
  for (size_t i = 0; i < sizeof SHAPE / sizeof SHAPE[0]; i++) {
    int64_t micros;
    assert_int_equal(read_as(NULL, SHAPE[i], &micros), CLV_TIME_SHAPE);
  }
}

static void formats_that_name_no_day_are_refused(void **state) {
  static const char *const BAD[] = {"%H:%M", "%Y-%m", "%Q", "%", "%d.%m", "%j"};
  (void)state;
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    clv_time_format *f = NULL;
    assert_int_equal(clv_time_format_new(BAD[i], &f), CLV_EUSAGE);
    assert_null(f);
    assert_non_null(strstr(clv_message(), BAD[i]));
    clv_message_clear();
  }
}

/* Every day of eight centuries, against the C library, and back to text. */
static void the_calendar_is_the_library_s(void **state) {
  (void)state;
  for (int64_t day = -146097; day < 146097; day += 13) {
    const time_t t = (time_t)(day * 86400);
    struct tm    when;
    char         text[CLV_TIME_TEXT_MAX], back[CLV_TIME_TEXT_MAX];
    int64_t      micros = 0;
    gmtime_r(&t, &when);
    strftime(text, sizeof text, "%Y-%m-%d", &when);
    assert_int_equal(read_as(NULL, text, &micros), CLV_TIME_READ);
    assert_true(micros == day * CLV_MICROS_PER_DAY);
    clv_time_print(micros + 1, true, back);
    assert_string_equal(text, back);
    assert_true(clv_time_day_floor(micros + 5) == micros);
    assert_true(clv_time_week_floor(micros + 5) == micros - (when.tm_wday + 6) % 7 * CLV_MICROS_PER_DAY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_correctly_rounded),
                                     cmocka_unit_test(numbers_agree_with_the_library),
                                     cmocka_unit_test(what_is_not_a_number_is_refused),
                                     cmocka_unit_test(times_are_read),
                                     cmocka_unit_test(impossible_times_are_refused),
                                     cmocka_unit_test(formats_that_name_no_day_are_refused),
                                     cmocka_unit_test(the_calendar_is_the_library_s)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
