/* A customer's purchases become the history that the literature defines, under each unit and policy. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "io/history.h"
#include "io/time_format.h"

#define DAY CLV_MICROS_PER_DAY

static int64_t at(const char *text) {
  clv_time_format *iso    = NULL;
  int64_t          micros = 0;
  assert_int_equal(clv_time_format_new(NULL, &iso), CLV_OK);
  assert_int_equal(clv_time_format_parse(iso, text, strlen(text), &micros, NULL), CLV_TIME_READ);
  clv_time_format_free(&iso);
  return micros;
}

static clv_history_rules rules_of(clv_merge_unit merge, double unit_days, const char *end) {
  const int64_t day = at(end);
  return (clv_history_rules){.merge_unit   = merge,
                             .unit_micros  = unit_days * (double)DAY,
                             .last         = day + DAY - 1,
                             .end          = clv_history_floor(merge, day),
                             .holdout_last = day + DAY - 1,
                             .holdout_end  = clv_history_floor(merge, day),
                             .returns      = CLV_NET,
                             .zero_amounts = CLV_KEEP,
                             .has_spend    = true};
}

static clv_history_kind make(const clv_history_rules *rules, const char *const *date, const double *amount,
                             size_t n, clv_history *out) {
  clv_purchase      p[16];
  clv_history_tally tally = {0};
  for (size_t i = 0; i < n; i++) p[i] = (clv_purchase){at(date[i]), amount == NULL ? 1.0 : amount[i]};
  return clv_history_make(rules, p, n, out, &tally);
}

typedef struct expected {
  const char *date[4];
  double      x, t_x, T;
} expected;

static void check(const clv_history_rules *rules, const expected *e, size_t n) {
  for (size_t i = 0; i < n; i++) {
    clv_history h;
    size_t      k = 0;
    while (k < 4 && e[i].date[k] != NULL) k++;
    assert_int_equal(make(rules, e[i].date, NULL, k, &h), CLV_HISTORY_MADE);
    assert_true(h.x == e[i].x && h.t_x == e[i].t_x && h.T == e[i].T);
  }
}

/* lifetimes, tests/test_utils.py: rfm_summary, unit D (reference/oracle.csv). */
static void days_agree_with_lifetimes(void **state) {
  const clv_history_rules rules = rules_of(CLV_MERGE_DAY, 1.0, "2015-02-07");
  const expected          e[]   = {{{"2015-02-01", "2015-02-06"}, 1, 5, 6},
                                   {{"2015-01-01"}, 0, 0, 37},
                                   {{"2015-01-01", "2015-01-02", "2015-01-05"}, 2, 4, 37}};
  (void)state;
  check(&rules, e, 3);
}

/* The same, unit W: calendar weeks that end on Sunday are our merge unit week, counted in weeks. */
static void calendar_weeks_agree_with_lifetimes(void **state) {
  const clv_history_rules rules = rules_of(CLV_MERGE_WEEK, 7.0, "2015-02-07");
  const expected          e[]   = {{{"2015-01-01", "2015-02-06"}, 1, 5, 5},
                                   {{"2015-01-01"}, 0, 0, 5},
                                   {{"2015-01-01", "2015-01-02", "2015-01-05"}, 1, 1, 5},
                                   {{"2015-01-16", "2015-02-02", "2015-02-05"}, 1, 3, 3},
                                   {{"2015-01-16", "2015-01-17", "2015-01-18"}, 0, 0, 3},
                                   {{"2015-02-02"}, 0, 0, 0}};
  (void)state;
  check(&rules, e, 6);
}

/* Merge unit and time unit are separate: the same merged days, counted in weeks and in months. */
static void merging_and_counting_are_separate(void **state) {
  const expected week[] = {{{"2015-02-01T09:00", "2015-02-01T17:00", "2015-02-06"}, 1, 5.0 / 7.0, 6.0 / 7.0}};
  const expected month[]         = {{{"2015-01-01", "2015-02-01"}, 1, 31.0 / 30.4375, 37.0 / 30.4375}};
  const clv_history_rules weeks  = rules_of(CLV_MERGE_DAY, 7.0, "2015-02-07"),
                          months = rules_of(CLV_MERGE_DAY, 365.25 / 12.0, "2015-02-07");
  (void)state;
  check(&weeks, week, 1);
  check(&months, month, 1);
}

/* Merged by months or years and counted in them: those of the calendar, whatever their length. */
static void calendar_units_are_counted_on_the_calendar(void **state) {
  const expected    month[]           = {{{"2015-01-31", "2015-02-01", "2015-02-28"}, 1, 1, 26},
                                         {{"2017-02-28"}, 0, 0, 1}};
  const expected    year[]            = {{{"1996-02-29", "1996-12-31", "2015-01-01"}, 1, 19, 21},
                                         {{"2017-01-01"}, 0, 0, 0}};
  const expected    years_in_months[] = {{{"1996-02-29", "1998-12-31"}, 1, 24, 252}};
  const expected    months_in_days[]  = {{{"2016-02-29", "2016-03-31"}, 1, 29, 394}};
  clv_history_rules months            = rules_of(CLV_MERGE_MONTH, 365.25 / 12.0, "2017-03-31"),
                    years             = rules_of(CLV_MERGE_YEAR, 365.25, "2017-03-31");
  (void)state;
  months.unit_months = 1, years.unit_months = 12;
  check(&months, month, 2);
  check(&years, year, 2);
  years.unit_months = 1;
  check(&years, years_in_months, 1);
  months = rules_of(CLV_MERGE_MONTH, 1.0, "2017-03-31");
  check(&months, months_in_days, 1);
  assert_true(clv_history_floor(CLV_MERGE_YEAR, at("1969-07-20T20:17")) == at("1969-01-01"));
  assert_true(clv_history_floor(CLV_MERGE_MONTH, at("0001-03-31")) == at("0001-03-01"));
}

static void instants_keep_the_time_of_day(void **state) {
  const clv_history_rules rules = {.merge_unit   = CLV_MERGE_INSTANT,
                                   .unit_micros  = (double)DAY,
                                   .last         = at("2015-02-08") - 1,
                                   .end          = at("2015-02-08"),
                                   .holdout_last = at("2015-02-08") - 1,
                                   .holdout_end  = at("2015-02-08"),
                                   .has_spend    = true};
  const expected e[] = {{{"2015-02-01T06:00", "2015-02-01T06:00", "2015-02-01T18:00"}, 1, 0.5, 6.75}};
  (void)state;
  check(&rules, e, 1);
}

/* Mean repeat spend is over merged purchases after the first; litt is the sum of the logs between them. */
static void spend_and_litt_are_of_repeat_purchases(void **state) {
  const clv_history_rules rules    = rules_of(CLV_MERGE_DAY, 7.0, "2015-02-07");
  const char *const       date[]   = {"2015-01-01", "2015-01-04", "2015-01-04", "2015-01-18"};
  const double            amount[] = {100.0, 2.0, 3.0, 9.0};
  clv_history             h;
  (void)state;
  assert_int_equal(make(&rules, date, amount, 4, &h), CLV_HISTORY_MADE);
  assert_int_equal(h.x, 2);
  assert_true(h.spend == 7.0);
  assert_true(h.amount == 114.0);
  assert_true(fabs(h.litt - (log(3.0 / 7.0) + log(2.0))) < 1e-15 * 4);
}

/* The logs' mean and squared deviations are those of the merged repeat purchases; a purchase of nothing has
 * no log and is left out, and a million times the amounts moves the mean alone. */
static void logs_are_of_positive_repeat_amounts(void **state) {
  const clv_history_rules rules     = rules_of(CLV_MERGE_DAY, 7.0, "2015-02-07");
  const char *const       date[]    = {"2015-01-01", "2015-01-04", "2015-01-04", "2015-01-18", "2015-01-20"};
  double                  amount[]  = {100.0, 2.0, 3.0, 20.0, 0.0};
  const double            deviation = log(2.0);
  clv_history             h, scaled;
  (void)state;
  assert_int_equal(make(&rules, date, amount, 5, &h), CLV_HISTORY_MADE);
  assert_int_equal(h.x, 3);
  assert_int_equal(h.n_spend, 2);
  assert_true(h.positive_spend == 12.5);
  assert_true(fabs(h.log_spend - log(10.0)) < 1e-15 * 8);
  assert_true(fabs(h.log_spend_ss - 2.0 * deviation * deviation) < 1e-15 * 8);
  for (size_t i = 0; i < 5; i++) amount[i] *= 1e6;
  assert_int_equal(make(&rules, date, amount, 5, &scaled), CLV_HISTORY_MADE);
  assert_true(fabs(scaled.log_spend - log(1e7)) < 1e-15 * 32);
  assert_true(fabs(scaled.log_spend_ss - h.log_spend_ss) < 1e-15 * 32);
  assert_int_equal(make(&rules, date, amount, 1, &h), CLV_HISTORY_MADE);
  assert_true(h.n_spend == 0 && h.positive_spend == 0.0 && h.log_spend == 0.0 && h.log_spend_ss == 0.0);
}

/* Under net, a merge unit whose returns take all is no purchase; keep and drop differ as documented. */
static void returns_are_netted_within_the_merge_unit(void **state) {
  clv_history_rules rules    = rules_of(CLV_MERGE_DAY, 1.0, "2015-02-07");
  const char *const date[]   = {"2015-01-01", "2015-01-02", "2015-01-02", "2015-01-05", "2015-01-05"};
  const double      amount[] = {10.0, 20.0, -20.0, 8.0, -3.0};
  const double      all[]    = {-5.0};
  clv_history       h;
  (void)state;
  assert_int_equal(make(&rules, date, amount, 5, &h), CLV_HISTORY_MADE);
  assert_int_equal(h.x, 1);
  assert_true(h.t_x == 4.0 && h.spend == 5.0);
  assert_int_equal(make(&rules, date, all, 1, &h), CLV_HISTORY_CANCELLED);
  rules.returns = CLV_KEEP;
  assert_int_equal(make(&rules, date, amount, 5, &h), CLV_HISTORY_MADE);
  assert_int_equal(h.x, 2);
  assert_true(h.spend == 2.5);
}

static void zero_amounts_follow_their_policy(void **state) {
  clv_history_rules rules    = rules_of(CLV_MERGE_DAY, 1.0, "2015-02-07");
  const char *const date[]   = {"2015-01-01", "2015-01-02", "2015-01-03"};
  const double      amount[] = {10.0, 0.0, 6.0};
  clv_history       h;
  (void)state;
  assert_int_equal(make(&rules, date, amount, 3, &h), CLV_HISTORY_MADE);
  assert_int_equal(h.x, 2);
  rules.zero_amounts = CLV_NET;
  assert_int_equal(make(&rules, date, amount, 3, &h), CLV_HISTORY_MADE);
  assert_int_equal(h.x, 1);
}

static void windows_are_inclusive_and_late_customers_set_aside(void **state) {
  clv_history_rules rules    = rules_of(CLV_MERGE_DAY, 1.0, "2015-02-07");
  const char *const date[]   = {"2015-02-07T23:59:59.999999", "2015-02-08", "2015-02-08T10:00", "2015-03-01"};
  const double      amount[] = {1.0, 2.0, 3.0, 4.0};
  clv_history       h;
  (void)state;
  rules.holdout_last = at("2015-02-28") + DAY - 1;
  assert_int_equal(make(&rules, date, amount, 4, &h), CLV_HISTORY_MADE);
  assert_int_equal(h.x, 0);
  assert_true(h.T == 0.0 && h.spend == 0.0 && h.litt == 0.0);
  assert_int_equal(h.holdout_x, 1);
  assert_true(h.holdout_spend == 5.0);
  assert_int_equal(make(&rules, date + 1, amount, 2, &h), CLV_HISTORY_LATE);
}

static void the_logarithm_is_within_two_units(void **state) {
  double x = 1e-7;
  (void)state;
  assert_true(clv_history_log(1.0) == 0.0);
  for (int i = 0; i < 100000; i++, x *= 1.0004) {
    const double wanted = log(x), got = clv_history_log(x);
    assert_true(fabs(got - wanted) <= 2.0 * fabs(nextafter(wanted, INFINITY) - wanted));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(days_agree_with_lifetimes),
                                     cmocka_unit_test(calendar_weeks_agree_with_lifetimes),
                                     cmocka_unit_test(merging_and_counting_are_separate),
                                     cmocka_unit_test(calendar_units_are_counted_on_the_calendar),
                                     cmocka_unit_test(instants_keep_the_time_of_day),
                                     cmocka_unit_test(spend_and_litt_are_of_repeat_purchases),
                                     cmocka_unit_test(logs_are_of_positive_repeat_amounts),
                                     cmocka_unit_test(returns_are_netted_within_the_merge_unit),
                                     cmocka_unit_test(zero_amounts_follow_their_policy),
                                     cmocka_unit_test(windows_are_inclusive_and_late_customers_set_aside),
                                     cmocka_unit_test(the_logarithm_is_within_two_units)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
