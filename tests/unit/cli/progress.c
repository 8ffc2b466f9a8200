/* A progress line fits its width, tells the facts it has, has no escape codes, and comes when it is due. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "jobs/progress.h"

static void tells_the_facts(void **state) {
  (void)state;
  char              text[256];
  clv_progress_view v = {.label   = "fit",
                         .done    = 250,
                         .total   = 1000,
                         .seconds = 10.0,
                         .width   = 200,
                         .has_bar = true,
                         .facts   = {.divergences = 1, .step_size = 0.5, .ess = 123.4, .is_sampling = true}};
  clv_progress_format(&v, text, sizeof text);
  assert_string_equal(
      text, "fit [######..................]  25% 250/1000, 30s left, 1 divergence, step 0.5, ESS 123");
  v.facts   = (clv_progress_facts){.step_size = NAN, .ess = NAN};
  v.has_bar = false, v.done = 2000, v.seconds = 3725.0;
  clv_progress_format(&v, text, sizeof text);
  assert_string_equal(text, "fit 100% 1000/1000, 1h02m");
}

static void fits_every_width(void **state) {
  (void)state;
  char text[256];
  for (size_t width = 0; width < 120; width++) {
    clv_progress_view v = {.label   = "predict",
                           .done    = UINT64_MAX / 64,
                           .total   = UINT64_MAX / 32,
                           .seconds = 1e9,
                           .width   = width,
                           .has_bar = true,
                           .facts   = {.step_size = 1e-300, .ess = 1e9, .is_sampling = true}};
    clv_progress_format(&v, text, sizeof text);
    assert_true(strlen(text) <= width);
    assert_null(strchr(text, '\033'));
  }
}

static bool due(uint64_t done, double seconds, uint64_t tenth, double silent) {
  const clv_progress_view v = {.label = "fit", .done = done, .total = 1000, .seconds = seconds};
  return clv_progress_is_due(&v, tenth, silent);
}

static void comes_when_it_is_due(void **state) {
  (void)state;
  assert_true(due(100, 1.0, 0, 1.0));
  assert_true(due(350, 9.0, 2, 0.1));
  assert_false(due(199, 50.0, 1, 20.0));
  assert_false(due(1000, 50.0, 9, 20.0)); /* the last line is another's */
  assert_false(due(20, 59.0, 0, 59.0));
  assert_true(due(20, 60.0, 0, 60.0)); /* the first minute */
  assert_false(due(0, 60.0, 0, 60.0)); /* nothing to say how long it takes */
  assert_false(due(40, 659.0, 0, 599.0));
  assert_true(due(40, 660.0, 0, 600.0)); /* ten more */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tells_the_facts), cmocka_unit_test(fits_every_width),
                                     cmocka_unit_test(comes_when_it_is_due)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
