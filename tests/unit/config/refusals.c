/* Every bad configuration is refused with exit code 2 and a sentence that names the place, the key and what
 * was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "io/config.h"

typedef struct bad {
  const char *text;
  const char *set; /* NULL: none */
  const char *says[3];
} bad;

static const bad BAD[] = {
    {"sampler:\n  num_chain: 4\n",
     NULL,
     {"run.yaml:2:3:", "unknown key 'sampler.num_chain'", "did you mean 'sampler.num_chains'"}},
    {"samplr:\n  num_chains: 4\n", NULL, {"run.yaml:1:1:", "'samplr'", "did you mean 'sampler'"}},
    {"seed: 4\n", NULL, {"run.yaml:1:1:", "'seed'", "did you mean 'sampler.seed'"}},
    {"zzzzzzzzzzzz: 4\n", NULL, {"run.yaml:1:1:", "zzzzzzzzzzzz", "'clv config' lists"}},
    {"sampler:\n  num_chains: 0\n", NULL, {"run.yaml:2:15:", "sampler.num_chains is '0'", "from 1 to 256"}},
    {"sampler:\n  num_chains: four\n", NULL, {"run.yaml:2:15:", "'four'", "a whole number"}},
    {"sampler:\n  num_chains: 4.0\n", NULL, {"run.yaml:2:15:", "'4.0'", "a whole number"}},
    {"sampler:\n  num_chains: 99999999999999999999\n", NULL, {":2:15:", "num_chains", "256"}},
    {"sampler:\n  num_chains:\n", NULL, {"sampler.num_chains has no value", "1 to 256", "run.yaml:2:"}},
    {"sampler:\n  num_chains: [4]\n", NULL, {"is a list", "run.yaml:2:15", "whole number"}},
    {"sampler: 4\n", NULL, {"run.yaml:1:10:", "sampler is a section", "indented"}},
    {"sampler: {target_accept: 1}\n", NULL, {"target_accept is '1'", "between 0 and 1", ":1:"}},
    {"sampler: {target_accept: nan}\n", NULL, {"target_accept", "'nan'", "between"}},
    {"sampler: {seed: -1}\n", NULL, {"sampler.seed", "'-1'", "18446744073709551615"}},
    {"sampler: {checkpoint_every: 5 fortnights}\n", NULL, {"checkpoint_every", "60s", ":1:"}},
    {"sampler: {save_warmup: maybe}\n", NULL, {"save_warmup", "true or false", "'maybe'"}},
    {"sampler: {chain_groups: 8}\n", NULL, {"chain_groups 8", "num_chains 4", "run.yaml"}},
    {"model: {purchases: nbd}\n", NULL, {"model.purchases is 'nbd'", "bg_nbd", ":1:"}},
    {"model: {purchases: bg_cnbd_k, erlang_k: 13}\n", NULL, {"model.erlang_k", "auto", "from 1 to 12"}},
    {"model: {purchases: mbg_cnbd_k, erlang_k: 0}\n", NULL, {"model.erlang_k", "'0'", "from 1 to 12"}},
    {"model: {pooling: partially}\n", NULL, {"model.pooling", "partial", "complete"}},
    {"model: {spend: lognormal}\n", NULL, {"third dimension", "pareto_nbd_lognormal", "bg_nbd"}},
    {"model: {purchases: pareto_nbd_lognormal, spend: lognormal, integrate: none}\n",
     NULL,
     {"model.integrate", "lognormal", "gamma_value"}},
    {"model: {priors: [1]}\n", NULL, {"model.priors is a list", "lognormal", ":1:"}},
    {"data: {time_unit: fortnight}\n",
     NULL,
     {"data.time_unit is 'fortnight'", "day, week, month, year", ":1:"}},
    {"data: {bad_rows: keep}\n", NULL, {"data.bad_rows", "drop, fail", "'keep'"}},
    {"data: {observation_end: yesterday}\n", NULL, {"data.observation_end", "'yesterday'", "1997-09-30"}},
    {"data: {observation_end: 1998-01-01, holdout_end: 1997-01-01}\n",
     NULL,
     {"holdout_end 1997-01-01", "after", "1998-01-01"}},
    {"data: {holdout_end: 1997-01-01}\n", NULL, {"holdout_end needs data.observation_end", "run.yaml", ""}},
    {"data: {columns: {amount: null}}\n", NULL, {"model.spend must be none", "run.yaml", ""}},
    {"model: {purchases: bg_bb}\n",
     NULL,
     {"bg_bb counts opportunities", "data.merge_unit (day) and data.time_unit (week)", "run.yaml"}},
    {"data: {merge_unit: instant, time_unit: day}\nmodel: {purchases: bg_bb}\n",
     NULL,
     {"data.merge_unit (instant)", "day, week, month or year", ""}},
    {"customers: {segment: country}\n", NULL, {"customers.segment needs customers.table", "run.yaml", ""}},
    {"predict: {quantiles: [0.5, 0.1]}\n", NULL, {"predict.quantiles", "0.1 follows 0.5", "ascending"}},
    {"predict: {quantiles: []}\n", NULL, {"predict.quantiles", "list", ":1:"}},
    {"predict: {horizon: -3}\n", NULL, {"predict.horizon", "'-3'", "above 0"}},
    {"name: ../up\n", NULL, {"run.yaml:1:7:", "name is '../up'", "letters"}},
    {"data:\n\ttime_unit: week\n", NULL, {"run.yaml:2:", "not valid YAML", "spaces, never tabs"}},
    {"data:\n  time_unit: week\n merge_unit: day\n", NULL, {"run.yaml:3:", "not valid YAML", "indentation"}},
    {"name: a\nname: b\n", NULL, {"run.yaml:2:1:", "'name' appears twice", "line 1"}},
    {"name: &x a\n", NULL, {"run.yaml:1:7:", "anchors", ""}},
    {"data: &x {time_unit: week}\ncustomers: *x\n", NULL, {"run.yaml:1:7:", "anchors", ""}},
    {"name: *x\n", NULL, {"run.yaml:1:7:", "aliases", ""}},
    {"name: !!str a\n", NULL, {"tags", "run.yaml:1:7", ""}},
    {"name: a\n---\nname: b\n", NULL, {"run.yaml:", "second YAML document", ""}},
    {"name: \"a\\0b\"\n", NULL, {"NUL", "run.yaml:1:7", ""}},
    {"name: \xff\n", NULL, {"run.yaml", "UTF-8", ""}},
    {"just a text\n", NULL, {"run.yaml:1:1:", "sections", ""}},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", NULL, {"nested too deeply", "run.yaml:1:17", ""}},
    {"", "sampler.num_chains=0", {"--set sampler.num_chains=0:", "from 1 to 256", ""}},
    {"", "sampler.num_chians=2", {"--set", "did you mean 'sampler.num_chains'", ""}},
    {"", "sampler=2", {"sampler is a section", "--set", ""}},
    {"", "data.time_format=\xff", {"--set", "UTF-8", ""}},
    {"", "nonsense", {"--set nonsense", "key=value", ""}},
    {"", "model.priors.r=", {"model.priors.NAME", "", ""}},
    {"", "model.plugin_options.shape=", {"model.plugin_options.NAME", "shape=2", ""}},
    {"model: {plugin_options: {shape: [1]}}\n",
     NULL,
     {"model.plugin_options.shape must be a number or a text", ":1:", ""}},
    {"model: {plugin_options: 2}\n", NULL, {"model.plugin_options is '2'", "{shape: 2}", ""}},
};

static clv_status parse(const char *text, size_t n, const char *set) {
  clv_config           *config = NULL;
  const clv_config_text source = {.file = "run.yaml", .text = text, .length = n};
  clv_message_clear();
  const clv_status st = clv_config_parse(&source, &set, set == NULL ? 0 : 1, &config);
  assert_true((config == NULL) == (st < 0));
  clv_config_free(&config);
  return st;
}

static void refuses_each(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    const clv_status st = parse(BAD[i].text, strlen(BAD[i].text), BAD[i].set);
    if (clv_status_exit_code(st) != 2) fail_msg("accepted: %s", BAD[i].text);
    for (size_t j = 0; j < 3; j++)
      if (strstr(clv_message(), BAD[i].says[j]) == NULL)
        fail_msg("'%s' is missing in '%s' for: %s", BAD[i].says[j], clv_message(), BAD[i].text);
  }
}

static void refuses_a_large_document(void **state) {
  static char text[(1 << 20) + 1];
  (void)state;
  memset(text, '#', sizeof text);
  assert_int_equal(parse(text, sizeof text, NULL), CLV_EUSAGE);
  assert_non_null(strstr(clv_message(), "1 MiB"));
}

static void accepts_an_empty_file(void **state) {
  (void)state;
  assert_int_equal(parse("", 0, NULL), CLV_OK);
  assert_int_equal(parse("# nothing\ndata:\n", 16, NULL), CLV_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(refuses_each),
                                     cmocka_unit_test(refuses_a_large_document),
                                     cmocka_unit_test(accepts_an_empty_file)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
