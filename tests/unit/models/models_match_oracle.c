/* Every row of reference/oracle*.csv about a model that is built in, within the row's own tolerance. */
#include <jansson.h>
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

#include "engine/models/pareto_nbd_ending.h"

enum { LINE_MAX_BYTES = 8192, COLUMNS = 7 };
enum { MODEL, FUNCTION, PARAMS, INPUTS, EXPECTED, TOLERANCE };

static int n_checked, n_failed, n_elsewhere;

/* Splits one RFC 4180 line in place. */
static int csv_split(char *line, char *field[COLUMNS]) {
  int   n                     = 0;
  char *in                    = line;
  line[strcspn(line, "\r\n")] = '\0';
  while (n < COLUMNS) {
    char *out  = in;
    field[n++] = in;
    if (*in == '"') {
      for (in++; *in != '\0'; in++) {
        if (*in == '"' && *++in != '"') break;
        *out++ = *in;
      }
    } else {
      while (*in != ',' && *in != '\0') *out++ = *in++;
    }
    const char end = *in;
    *out           = '\0';
    if (end == '\0') break;
    in++;
  }
  return n;
}

static double number_of(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  return value == NULL ? NAN : json_number_value(value);
}

/* "rel 1e-8 + abs 1e-10", "abs 1e-4", "rel 2e-3", "exact" */
static double allowed(const char *text, double expected) {
  double      total = 0.0;
  const char *at    = strstr(text, "rel");
  if (at != NULL) total += strtod(at + 3, NULL) * fabs(expected);
  at = strstr(text, "abs");
  if (at != NULL) total += strtod(at + 3, NULL);
  return total > 0.0 ? total : 1e-12;
}

static double bg_individual(const json_t *params, const json_t *inputs) {
  const double lambda = number_of(params, "lambda"), p = number_of(params, "p"), x = number_of(inputs, "x");
  const double t_x = number_of(inputs, "t_x"), T = number_of(inputs, "T");
  return x * log(lambda) + log(pow(1.0 - p, x) * exp(-lambda * T) +
                               (x > 0 ? p * pow(1.0 - p, x - 1.0) * exp(-lambda * t_x) : 0.0));
}

/* A0 = w int (alpha+tau)^-(r+x) (beta+tau)^-(s+1) dtau over (t_x, T), w = r+s+x. */
static double pareto_log_a0(const double *theta, const clv_customer *who) {
  clv_pareto_nbd_ending end;
  clv_pareto_nbd_ending_of(theta, who, &end);
  return log((theta[0] + theta[2] + who->x) * end.dead / theta[2]) + end.log_mass;
}

/* Purchases in (t0, t] of a new customer of the Pareto/NBD: he is alive at t0, or there are none. */
static double pareto_pmf_interval(const clv_process_ops *process, const double *theta, const json_t *inputs) {
  const double t0 = number_of(inputs, "t0"), later[] = {theta[0], theta[1], theta[2], theta[3] + t0};
  return pow(theta[3] / later[3], theta[2]) *
         process->pmf(later, (uint32_t)number_of(inputs, "n"), number_of(inputs, "t") - t0);
}

/* The BG/BB's columns are opportunities: n seen, m to come. A customer is alive in the next m periods if he
 * is alive now and stays at each. */
static double opportunities_value(const char *function, const double *theta, const json_t *inputs) {
  const clv_process_ops *process = clv_process_find("bg_bb");
  const clv_customer     who     = {
              .x = (uint32_t)number_of(inputs, "x"), .t_x = number_of(inputs, "t_x"), .T = number_of(inputs, "n")};
  const double m = number_of(inputs, "m");
  double       updated[CLV_PARAMETER_MAX];
  if (strcmp(function, "expected_transactions") == 0) return process->expected_new(theta, who.T);
  if (strcmp(function, "log_likelihood") == 0) return process->log_likelihood(theta, &who);
  process->update(theta, &who, updated);
  double alive = process->p_alive(theta, &who);
  if (strcmp(function, "cond_expected_transactions") == 0) return alive * process->expected(updated, m);
  if (strcmp(function, "DERT") == 0)
    return alive * process->discounted(updated, log1p(number_of(inputs, "d")), INFINITY);
  if (strcmp(function, "p_alive_next_period") != 0) return NAN;
  for (double i = 0.0; i < m; i += 1.0) alive *= (updated[3] + i) / (updated[2] + updated[3] + i);
  return alive;
}

static double process_value(const clv_process_ops *process, const char *function, const double *theta,
                            const json_t *inputs) {
  const clv_customer who = {
      .x = (uint32_t)number_of(inputs, "x"), .t_x = number_of(inputs, "t_x"), .T = number_of(inputs, "T")};
  const double t = number_of(inputs, "t");
  double       updated[CLV_PARAMETER_MAX];
  if (strcmp(function, "log_likelihood") == 0) return process->log_likelihood(theta, &who);
  if (strcmp(function, "p_alive") == 0) return process->p_alive(theta, &who);
  if (strcmp(function, "expected_transactions") == 0) return process->expected_new(theta, t);
  if (strcmp(function, "pmf") == 0) return process->pmf_new(theta, (uint32_t)number_of(inputs, "n"), t);
  if (strcmp(function, "log_A0") == 0) return pareto_log_a0(theta, &who);
  if (strcmp(function, "pmf_interval") == 0) return pareto_pmf_interval(process, theta, inputs);
  process->update(theta, &who, updated);
  const double alive = process->p_alive(theta, &who);
  if (strcmp(function, "cond_expected_transactions") == 0) return alive * process->expected(updated, t);
  if (strcmp(function, "conditional_pmf") == 0) {
    const uint32_t n = (uint32_t)number_of(inputs, "n");
    return alive * process->pmf(updated, n, t) + (n == 0 ? 1.0 - alive : 0.0);
  }
  if (strcmp(function, "DERT") == 0)
    return alive * process->discounted(updated, number_of(inputs, "delta"), INFINITY);
  return NAN;
}

static double spend_value(const char *function, const double *theta, const json_t *inputs) {
  const clv_spend_ops *spend = clv_spend_find("gamma_gamma");
  const clv_customer who = {.x = (uint32_t)number_of(inputs, "x"), .spend = number_of(inputs, "mean_spend")};
  if (strcmp(function, "log_likelihood") == 0) return spend->log_likelihood(theta, &who);
  if (strcmp(function, "cond_expected_spend") == 0) return spend->expected(theta, &who);
  return NAN;
}

static void theta_read(const json_t *params, const char *const *name, size_t n, double *theta) {
  for (size_t i = 0; i < n; i++) theta[i] = number_of(params, name[i]);
}

static const clv_process_ops *process_of(const char *model) {
  static const char *const NAME[][2] = {{"BGNBD", "bg_nbd"}, {"MBGNBD", "mbg_nbd"}, {"PNBD", "pareto_nbd"}};
  for (size_t i = 0; i < sizeof NAME / sizeof *NAME; i++)
    if (strcmp(model, NAME[i][0]) == 0) return clv_process_find(NAME[i][1]);
  return NULL;
}

static void row_check(char **field) {
  json_t *params = json_loads(field[PARAMS], 0, NULL), *inputs = json_loads(field[INPUTS], 0, NULL);
  double  theta[CLV_PARAMETER_MAX] = {0}, got = NAN;
  bool    known                  = true;
  const clv_process_ops *process = process_of(field[MODEL]);
  if (strcmp(field[MODEL], "BGBB") == 0) {
    theta_read(params, clv_process_find("bg_bb")->parameter, 4, theta);
    got = opportunities_value(field[FUNCTION], theta, inputs);
  } else if (process != NULL) {
    theta_read(params, process->parameter, process->n_parameter, theta);
    got = process_value(process, field[FUNCTION], theta, inputs);
  } else if (strcmp(field[MODEL], "GammaGamma") == 0) {
    theta_read(params, clv_spend_find("gamma_gamma")->parameter, 3, theta);
    got = spend_value(field[FUNCTION], theta, inputs);
  } else if (strncmp(field[MODEL], "BG individual", 13) == 0) {
    got = bg_individual(params, inputs);
  } else {
    known = false;
  }
  const double expected = strtod(field[EXPECTED], NULL);
  if (!known || json_object_get(inputs, "dataset") != NULL) { /* a whole-data row: models_match_cdnow */
    n_elsewhere++;
  } else {
    n_checked++;
    if (!(fabs(got - expected) <= allowed(field[TOLERANCE], expected))) {
      n_failed++;
      print_error("%s %s %s %s: got %.15g, expected %s within %s\n", field[MODEL], field[FUNCTION],
                  field[PARAMS], field[INPUTS], got, field[EXPECTED], field[TOLERANCE]);
    }
  }
  json_decref(params);
  json_decref(inputs);
}

static void file_check(const char *name) {
  char  path[4096], line[LINE_MAX_BYTES], *field[COLUMNS];
  FILE *file;
  snprintf(path, sizeof path, "%s/reference/%s", getenv("CLV_SHARED_DATA"), name);
  file = fopen(path, "r");
  assert_non_null(file);
  assert_non_null(fgets(line, sizeof line, file));
  while (fgets(line, sizeof line, file) != NULL)
    if (csv_split(line, field) >= TOLERANCE + 1) row_check(field);
  fclose(file);
}

static void rows_match(void **state) {
  (void)state;
  file_check("oracle.csv");
  file_check("oracle_highprec.csv");
  print_message("%d rows checked, %d about other models or whole data\n", n_checked, n_elsewhere);
  assert_int_equal(n_failed, 0);
  assert_true(n_checked >= 238);
}

int main(void) {
  const char *shared = getenv("CLV_SHARED_DATA");
  if (shared == NULL || shared[0] == '\0') {
    printf("skipped: CLV_SHARED_DATA names no folder with reference/oracle.csv\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows_match)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
