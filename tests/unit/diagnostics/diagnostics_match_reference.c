/* The 17 statistics of reference/diagnostics for 48 parameters of two Stan chains, to 1e-8; and what is
 * undefined is NaN. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/posterior/diagnostics.h"

/* cmocka takes truth as an unsigned number. */
static bool is_nan(double x) { return x != x; }

enum { MOST_DRAWS = 4000, MOST_COLUMNS = 80, LINE_BYTES = 1 << 16, N_STATISTIC = 17 };

typedef struct chain_file {
  char    name[MOST_COLUMNS][64];
  size_t  n_column, n_draw;
  double *value; /* [n_draw][MOST_COLUMNS] */
} chain_file;

static void chain_read(const char *file, chain_file *out) {
  char  path[4096];
  char *line = malloc(LINE_BYTES);
  snprintf(path, sizeof path, "%s/reference/diagnostics/%s", getenv("CLV_SHARED_DATA"), file);
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  out->value    = calloc((size_t)MOST_DRAWS * MOST_COLUMNS, sizeof *out->value);
  out->n_column = out->n_draw = 0;
  while (fgets(line, LINE_BYTES, in) != NULL) {
    if (line[0] == '#' || line[0] == '\n') continue;
    size_t column               = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *field = line; field != NULL; column++) {
      char *next = strchr(field, ',');
      if (next != NULL) *next++ = '\0';
      if (out->n_column == 0 || out->n_draw == SIZE_MAX)
        snprintf(out->name[column], sizeof out->name[0], "%s", field);
      else
        out->value[out->n_draw * MOST_COLUMNS + column] = strtod(field, NULL);
      field = next;
    }
    if (out->n_column == 0)
      out->n_column = column;
    else
      out->n_draw++;
  }
  fclose(in);
  free(line);
}

/* "delta.1" in Stan's CSV is "delta[1]" in the reference. */
static long column_of(const chain_file *f, const char *name) {
  char stan[64];
  snprintf(stan, sizeof stan, "%s", name);
  for (char *c = stan; *c != '\0'; c++)
    if (*c == '[' || *c == ',') *c = '.';
  stan[strcspn(stan, "]")] = '\0';
  for (size_t i = 0; i < f->n_column; i++)
    if (strcmp(f->name[i], stan) == 0) return (long)i;
  return -1;
}

static void statistics_of(const clv_series *s, double *out) {
  const double all[N_STATISTIC] = {clv_rhat_rank(s),
                                   clv_rhat_raw(s),
                                   clv_ess_bulk(s),
                                   clv_ess_tail(s),
                                   clv_ess_mean(s),
                                   clv_ess_sd(s),
                                   clv_ess_median(s),
                                   clv_ess_raw(s),
                                   clv_ess_quantile(s, 0.01),
                                   clv_ess_quantile(s, 0.1),
                                   clv_ess_quantile(s, 0.3),
                                   clv_mcse_mean(s),
                                   clv_mcse_sd(s),
                                   clv_mcse_quantile(s, 0.5),
                                   clv_mcse_quantile(s, 0.01),
                                   clv_mcse_quantile(s, 0.1),
                                   clv_mcse_quantile(s, 0.3)};
  memcpy(out, all, sizeof all);
}

static size_t row_check(char *line, const chain_file *chain, double *data, char header[][32]) {
  char  *field  = line + (line[0] == '"');
  char  *end    = field + strcspn(field, line[0] == '"' ? "\"" : ",");
  size_t failed = 0;
  double got[N_STATISTIC];
  *end++            = '\0';
  const long column = column_of(&chain[0], field);
  assert_true(column >= 0);
  for (size_t c = 0; c < 2; c++)
    for (size_t d = 0; d < chain[c].n_draw; d++)
      data[c * chain[0].n_draw + d] = chain[c].value[d * MOST_COLUMNS + (size_t)column];
  const clv_series series = {.data         = data,
                             .n_chain      = 2,
                             .n_draw       = chain[0].n_draw,
                             .chain_stride = chain[0].n_draw,
                             .draw_stride  = 1};
  statistics_of(&series, got);
  end = strchr(end, ',');
  for (size_t k = 0; k < N_STATISTIC; k++) {
    const double expected = strtod(end + 1, &end);
    if (fabs(got[k] - expected) <= 1e-8 * (1.0 + fabs(expected))) continue;
    failed++;
    print_error("%s %s: got %.15g, expected %.15g\n", field, header[k], got[k], expected);
  }
  return failed;
}

static void matches_reference(void **state) {
  (void)state;
  static const char *const NAME[N_STATISTIC] = {
      "rhat_rank",  "rhat_raw",    "ess_bulk",        "ess_tail",        "ess_mean",       "ess_sd",
      "ess_median", "ess_raw",     "ess_quantile01",  "ess_quantile10",  "ess_quantile30", "mcse_mean",
      "mcse_sd",    "mcse_median", "mcse_quantile01", "mcse_quantile10", "mcse_quantile30"};
  char       header[N_STATISTIC][32], path[4096], line[4096];
  chain_file chain[2];
  size_t     failed = 0, rows = 0;
  for (size_t k = 0; k < N_STATISTIC; k++) snprintf(header[k], sizeof header[k], "%s", NAME[k]);
  chain_read("blocker.1.csv", &chain[0]);
  chain_read("blocker.2.csv", &chain[1]);
  assert_int_equal(chain[0].n_draw, chain[1].n_draw);
  double *data = calloc(2 * chain[0].n_draw, sizeof *data);
  snprintf(path, sizeof path, "%s/reference/diagnostics/reference_posterior.csv", getenv("CLV_SHARED_DATA"));
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  assert_non_null(fgets(line, sizeof line, in));
  while (fgets(line, sizeof line, in) != NULL) {
    failed += row_check(line, chain, data, header);
    rows++;
  }
  fclose(in);
  free(data);
  free(chain[0].value);
  free(chain[1].value);
  assert_true(rows >= 48);
  assert_int_equal(failed, 0);
}

static void undefined_is_nan(void **state) {
  (void)state;
  double      data[200];
  clv_series  s = {.data = data, .n_chain = 2, .n_draw = 100, .chain_stride = 100, .draw_stride = 1};
  clv_summary summary;
  for (size_t i = 0; i < 200; i++) data[i] = 3.0;
  assert_true(is_nan(clv_rhat_rank(&s)) && is_nan(clv_ess_bulk(&s)));
  for (size_t i = 0; i < 200; i++) data[i] = (double)((i * i) % 37u);
  assert_false(is_nan(clv_rhat_rank(&s)));
  data[150] = INFINITY;
  assert_true(is_nan(clv_rhat_rank(&s)) && is_nan(clv_ess_tail(&s)) && is_nan(clv_mcse_sd(&s)));
  s.n_draw = 3;
  assert_true(is_nan(clv_ess_bulk(&s)));
  s.n_draw = 0;
  assert_int_equal(clv_summarise(&s, &summary), CLV_OK);
  assert_true(is_nan(summary.mean));
}

int main(void) {
  const char             *shared   = getenv("CLV_SHARED_DATA");
  const struct CMUnitTest always[] = {cmocka_unit_test(undefined_is_nan)};
  const struct CMUnitTest all[] = {cmocka_unit_test(undefined_is_nan), cmocka_unit_test(matches_reference)};
  if (shared != NULL && shared[0] != '\0') return cmocka_run_group_tests(all, NULL, NULL);
  const int failed = cmocka_run_group_tests(always, NULL, NULL);
  printf("skipped in part: CLV_SHARED_DATA names no folder with reference/diagnostics\n");
  return failed != 0 ? failed : 77;
}
