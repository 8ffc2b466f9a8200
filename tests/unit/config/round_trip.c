/* Defaults are the documented ones; --set wins over the file; what is printed loads as the same
 * configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/config.h"

static clv_config *parse(const char *text, const char *const *set, size_t n_set) {
  clv_config           *config = NULL;
  const clv_config_text source = {.file = "some/where/cdnow.yaml", .text = text, .length = strlen(text)};
  clv_message_clear();
  if (clv_config_parse(&source, set, n_set, &config) < 0) fail_msg("%s", clv_message());
  return config;
}

static char *print(const clv_config *config, bool with_origin) {
  char  *text = NULL;
  size_t n    = 0;
  FILE  *to   = open_memstream(&text, &n);
  assert_int_equal(clv_config_print(config, to, with_origin), CLV_OK);
  fclose(to);
  return text;
}

static void defaults_are_documented(void **state) {
  (void)state;
  clv_config *c = parse("", NULL, 0);
  assert_string_equal(c->name, "cdnow");
  assert_int_equal(c->sampler.num_chains, 4);
  assert_int_equal(c->sampler.num_samples, 2000);
  assert_int_equal(c->sampler.num_warmup, 1000);
  assert_true(c->sampler.target_accept == 0.8 && c->sampler.seed == 1 && c->sampler.checkpoint_every == 60.0);
  assert_true(c->data.rescale_factor == 1000.0 && c->data.min_transactions == 2);
  assert_true(c->diagnostics.min_ess == 400.0 && c->diagnostics.max_rhat == 1.05);
  assert_true(c->data.time_unit == CLV_WEEK && c->data.merge_unit == CLV_MERGE_DAY &&
              c->data.returns == CLV_NET);
  assert_true(c->predict.horizon.n == 1 && c->predict.horizon.item[0] == 39.0 && c->predict.quantiles.n == 3);
  assert_null(c->data.observation_end);
  assert_null(c->customers.table);
  clv_config_free(&c);
}

static void set_wins(void **state) {
  (void)state;
  const char *const set[] = {"sampler.seed=18446744073709551615", "data.time_format=%d.%m.%Y",
                             "model.priors.a=gamma(1, 2)",        "predict.horizon=[13, 26]",
                             "model.priors.r=normal(0, 1)",       "sampler.seed=8",
                             "data.columns.amount=null",          "model.spend=none",
                             "predict.keep_customers=100",        "model.plugin_options.shape=3",
                             "model.plugin_options.kind=a b"};
  clv_config       *c =
      parse("sampler: {seed: 3}\nmodel: {priors: {r: \"lognormal(0, 1)\"}, plugin_options: {shape: 2.5}}\n",
            set, sizeof set / sizeof *set);
  assert_true(c->sampler.seed == 8);
  assert_string_equal(c->data.time_format, "%d.%m.%Y");
  assert_int_equal(c->model.priors.n, 2);
  assert_string_equal(c->model.priors.item[0].text, "normal(0, 1)");
  assert_string_equal(c->model.priors.item[1].name, "a");
  assert_int_equal(c->model.plugin_options.n, 2);
  assert_string_equal(c->model.plugin_options.item[0].text, "3");
  assert_string_equal(c->model.plugin_options.item[1].text, "a b");
  assert_true(c->predict.horizon.n == 2 && c->predict.horizon.item[1] == 26.0);
  assert_null(c->data.amount);
  assert_true(c->predict.keep_sample == 100 && c->predict.keep_customers.n == 0);
  clv_config_free(&c);
}

static const char HARD[] =
    "name: a.b-c_1\n"
    "data:\n  transactions: ['a b.csv', \"q\\\"uote\\\\\", \"tab\\there\", \"é ü \\u2028 \\ufeff \\x85\", '# "
    "no comment', 'null', '- x', 'x: y']\n"
    "  rescale_factor: 0.1000000000000000055\n  time_format: '%Y-%m-%d'\n"
    "customers: {table: t.csv, columns: {customer: '{id}'}, segment: '~', covariates: age}\n"
    "model: {priors: {r: 'lognormal(0, 1)', \"alpha\": 'a: [b]'}, plugin: './lib a.so', plugin_options: {n: "
    "2, t: 'x: y'}}\n"
    "sampler: {checkpoint_every: 1.5h, chain_groups: 2, save_warmup: True}\n"
    "predict: {keep_customers: ['1', 'x y'], quantiles: [0.025, 0.5, 0.975], horizon: [1e-3, "
    "3.3333333333333333]}\n";

static void print_loads_the_same(void **state) {
  (void)state;
  const char *const text[] = {"", HARD};
  for (size_t i = 0; i < 2; i++) {
    clv_config *once = parse(text[i], NULL, 0);
    char       *a = print(once, false), *with = print(once, true);
    clv_config *twice = parse(with, NULL, 0);
    char       *b     = print(twice, false);
    assert_string_equal(a, b);
    if (i == 1) {
      assert_string_equal(twice->data.transactions.item[3], "é ü \u2028 \ufeff \xc2\x85");
      assert_string_equal(twice->customers.segment, "~");
      assert_true(twice->sampler.checkpoint_every == 5400.0);
      assert_non_null(strstr(with, "chain_groups: 2  # some/where/cdnow.yaml:8"));
    }
    assert_non_null(strstr(with, "num_chains: 4  # default"));
    free(a), free(b), free(with);
    clv_config_free(&once);
    clv_config_free(&twice);
  }
}

static void extract_names_sections_only(void **state) {
  (void)state;
  const char *const section[] = {"diagnostics", "sampler.seed"};
  char             *text      = NULL;
  clv_config       *c         = parse("", NULL, 0);
  assert_int_equal(clv_config_extract(c, section, 2, &text), CLV_OK);
  assert_string_equal(text, "sampler.seed: 1\ndiagnostics.min_ess: 400\ndiagnostics.max_rhat: 1.05\n");
  free(text);
  clv_config_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(defaults_are_documented), cmocka_unit_test(set_wins),
                                     cmocka_unit_test(print_loads_the_same),
                                     cmocka_unit_test(extract_names_sections_only)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
