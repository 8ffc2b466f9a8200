/* refit does what is not done, skips what is, and passes "not converged" on, with steps that only write a
 * file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/files.h"
#include "jobs/refit.h"
#include "jobs/run_directory.h"

static clv_comm *world;
static int       runs[2];
static bool      converges, fails;

static clv_status put(const clv_job_context *c, const char *name, const char *text) {
  char      *path = NULL;
  clv_status st   = CLV_OK;
  if (clv_comm_rank(c->world) == 0) {
    st = clv_config_run_path(c->config, name, &path);
    if (st >= 0) st = clv_file_write(path, text, strlen(text));
    free(path);
  }
  return clv_comm_agree(c->world, st);
}

static clv_status first_run(const clv_job_context *c) {
  runs[0]++;
  return put(c, "one", c->config->sampler.seed == 1 ? "a" : "b");
}

static clv_status second_run(const clv_job_context *c) {
  runs[1]++;
  if (fails) return clv_fail(CLV_EDATA, "as told");
  const clv_status st = put(c, "two", "t");
  return st < 0 || converges ? st : clv_fail(CLV_ECONVERGE, "R-hat is large");
}

static const char *const NONE[] = {NULL}, *const ONE[] = {"one", NULL}, *const TWO[] = {"two", NULL};
static const char *const SEED[] = {"sampler.seed", NULL}, *const LIMITS[] = {"diagnostics", NULL};
static const clv_step STEP[] = {{.job = "first", .section = SEED, .input = NONE, .output = ONE},
                                {.job = "second", .section = LIMITS, .input = ONE, .output = TWO}};
static const clv_job  JOB[]  = {{.name = "first", .run = first_run}, {.name = "second", .run = second_run}};

static clv_status refit(const char *set, clv_refit_options options) {
  const clv_refit_step  steps[] = {{&STEP[0], &JOB[0]}, {&STEP[1], &JOB[1]}};
  clv_config           *config  = NULL;
  clv_run_directory    *run     = NULL;
  const char           *all[]   = {"output.directory=/tmp/clv_refit_test", set};
  char                  size[8];
  const clv_config_text text = {.file = size, .text = "", .length = 0};
  snprintf(size, sizeof size, "r%d",
           clv_comm_size(world)); /* a directory per rank count: they run side by side */
  clv_message_clear();
  runs[0] = runs[1] = 0;
  assert_int_equal(clv_config_parse(&text, all, 2, &config), CLV_OK);
  const clv_job_context context = {.world = world, .config = config, .quiet = true};
  assert_int_equal(clv_run_directory_open(world, config, &run), CLV_OK);
  const clv_status st = clv_refit_run(steps, 2, &options, &context);
  clv_run_directory_close(&run);
  clv_config_free(&config);
  return st;
}

#define EXPECT(status, first, second)  \
  do {                                 \
    assert_int_equal(st, status);      \
    assert_int_equal(runs[0], first);  \
    assert_int_equal(runs[1], second); \
  } while (0)

static void does_only_what_is_needed(void **state) {
  const clv_refit_options plain = {0};
  (void)state;
  converges = true, fails = false;
  clv_status st = refit("sampler.seed=1", (clv_refit_options){.is_fresh = true});
  EXPECT(CLV_OK, 1, 1);
  st = refit("sampler.seed=1", plain);
  EXPECT(CLV_OK, 0, 0);
  st = refit("sampler.num_chains=7", plain); /* no step depends on it */
  EXPECT(CLV_OK, 0, 0);
  st = refit("sampler.seed=2", plain); /* first changes its output, so second's input changed */
  EXPECT(CLV_OK, 1, 1);
  st = refit("sampler.seed=3", plain); /* first runs but writes the same bytes */
  EXPECT(CLV_OK, 1, 0);
  st = refit("sampler.seed=3", (clv_refit_options){.from = "second"});
  EXPECT(CLV_OK, 0, 1);
}

static void not_converged_is_told_again(void **state) {
  const clv_refit_options plain = {0};
  (void)state;
  converges = false, fails = false;
  clv_status st = refit("diagnostics.min_ess=500", (clv_refit_options){.is_fresh = true});
  EXPECT(CLV_ECONVERGE, 1, 1);
  st = refit("diagnostics.min_ess=500", plain);
  EXPECT(CLV_ECONVERGE, 0, 0);
}

static void a_failed_step_is_not_done(void **state) {
  const clv_refit_options plain = {0};
  (void)state;
  converges = true, fails = true;
  clv_status st = refit("diagnostics.min_ess=600", plain);
  assert_int_equal(st, CLV_EDATA);
  assert_string_equal(clv_message(), "as told");
  fails = false;
  st    = refit("diagnostics.min_ess=600", plain);
  assert_int_equal(st, CLV_OK);
  assert_int_equal(runs[1], 1);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(does_only_what_is_needed),
                                     cmocka_unit_test(not_converged_is_told_again),
                                     cmocka_unit_test(a_failed_step_is_not_done)};
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  clv_comm_free(&world);
  clv_comm_finalize();
  return failed;
}
