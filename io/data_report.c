#include "io/data_report.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "io/files.h"
#include "io/time_format.h"

#define WARNING_MAX 12
#define WARNING_TEXT 320

typedef struct warnings {
  char   text[WARNING_MAX][WARNING_TEXT];
  size_t n;
} warnings;

static void warn(warnings *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void warn(warnings *w, const char *format, ...) {
  va_list list;
  CLV_CHECK(w->n < WARNING_MAX);
  va_start(list, format);
  vsnprintf(w->text[w->n++], WARNING_TEXT, format, list);
  va_end(list);
}

static int64_t rows_bad(const clv_data_report *r) {
  int64_t n = 0;
  for (int i = 0; i <= CLV_REJECT_LAST_BAD; i++) n += r->reject->log[i] + r->reject->table[i];
  return n;
}

static void warn_of_spend(const clv_data_report *r, warnings *w) {
  const clv_portfolio_tally *p = r->portfolio;
  if (!r->facts->has_spend) return;
  if (p->repeaters > 0 && p->spenders == 0)
    warn(w,
         "no customer informs the spend model: nobody has min_transactions purchases and a positive mean "
         "repeat spend");
  if (p->not_positive > 0)
    warn(w,
         "%lld repeat customers have a mean repeat spend that is zero or negative; they do not inform the "
         "spend model",
         (long long)p->not_positive);
}

/* The log should reach the ends that were named, to the day. */
static void warn_of_window(const clv_data_report *r, warnings *w) {
  char        last[CLV_TIME_TEXT_MAX];
  const char *end = r->facts->holdout_end[0] != '\0' ? r->facts->holdout_end : r->facts->observation_end;
  clv_time_print(r->log->last, true, last);
  if (strncmp(last, end, 10) < 0)
    warn(w, "the last transaction is of %s, before %s: is the log complete?", last, end);
  if (r->portfolio->history.rows_after > 0)
    warn(w, "%lld transactions after %s were not used", (long long)r->portfolio->history.rows_after, end);
}

/* An opportunity that is seen in part counts as a whole one. */
static void warn_of_opportunity(const clv_data_report *r, warnings *w) {
  clv_time_format     *iso  = NULL;
  const clv_merge_unit unit = r->config->data.merge_unit;
  int64_t              end;
  if (unit == CLV_MERGE_DAY || !clv_config_counts_opportunities(r->config)) return;
  if (clv_time_format_new(NULL, &iso) == CLV_OK &&
      clv_time_format_parse(iso, r->facts->observation_end, strlen(r->facts->observation_end), &end, NULL) ==
          CLV_TIME_READ) {
    const int64_t next = clv_time_day_floor(end) + CLV_MICROS_PER_DAY;
    if (clv_history_floor(unit, next) != next)
      warn(w, "observation ends on %.10s, inside a %s: that %s counts as a whole one",
           r->facts->observation_end, r->facts->merge_unit, r->facts->merge_unit);
  }
  clv_time_format_free(&iso);
}

static void warnings_fill(const clv_data_report *r, warnings *w) {
  const clv_portfolio_tally *p = r->portfolio;
  if (p->repeaters == 0)
    warn(w,
         "no customer bought again: the data say little about the purchase rate and nothing about repeat "
         "spend, so a fit rests on its "
         "priors; check customer ids, merge_unit and observation_end");
  if (rows_bad(r) > 0) warn(w, "%lld rows could not be read; see rejected.csv", (long long)rows_bad(r));
  if (p->late > 0)
    warn(w, "%lld customers first bought after the end of observation and were set aside",
         (long long)p->late);
  if (p->cancelled > 0)
    warn(w, "%lld customers have no purchase left after returns and were set aside", (long long)p->cancelled);
  if (r->table != NULL && r->table->unknown > 0)
    warn(w, "%lld customers of the log are not in the customer table", (long long)r->table->unknown);
  if (r->table != NULL && r->table->missing > 0)
    warn(w, "%lld customers have an empty value in the customer table", (long long)r->table->missing);
  warn_of_spend(r, w);
  warn_of_window(r, w);
  warn_of_opportunity(r, w);
}

static const char *policy_name(clv_policy policy) {
  static const char *const NAME[] = {
      [CLV_NET] = "net", [CLV_DROP] = "drop", [CLV_KEEP] = "keep", [CLV_FAIL] = "fail"};
  return NAME[policy];
}

static void put_int(json_t *to, const char *key, int64_t value) {
  json_object_set_new(to, key, json_integer(value));
}

static void put_text(json_t *to, const char *key, const char *text) {
  json_object_set_new(to, key, text[0] == '\0' ? json_null() : json_string(text));
}

static json_t *rejected_json(const int64_t *count) {
  json_t *rejected = json_object();
  for (int i = 0; i < CLV_REJECT_N; i++)
    if (count[i] > 0) put_int(rejected, clv_reject_word((clv_reject)i), count[i]);
  return rejected;
}

static json_t *rows_json(const clv_data_report *r) {
  json_t                  *rows = json_object();
  const clv_history_tally *h    = &r->portfolio->history;
  put_int(rows, "read", r->log->rows);
  put_int(rows, "accepted", r->log->accepted - r->reject->log[CLV_REJECT_DUPLICATE]);
  put_int(rows, "blank_lines", r->log->blank);
  json_object_set_new(rows, "rejected", rejected_json(r->reject->log));
  put_int(rows, "negative_amounts", r->log->returns);
  put_int(rows, "zero_amounts", r->log->zeros);
  put_int(rows, "in_observation", h->rows_observed);
  put_int(rows, "in_holdout", h->rows_holdout);
  put_int(rows, "after_window", h->rows_after);
  put_int(rows, "cancelled_by_returns", h->cancelled_rows);
  return rows;
}

static json_t *customers_json(const clv_data_report *r) {
  const clv_portfolio_tally *p = r->portfolio;
  json_t                    *c = json_object(), *aside = json_object();
  put_int(c, "in_log", p->seen);
  put_int(c, "in_portfolio", p->customers);
  put_int(c, "repeat", p->repeaters);
  put_int(c, "fewer_than_min_transactions", p->few);
  put_int(c, "inform_spend", p->spenders);
  put_int(c, "repeat_spend_not_positive", p->not_positive);
  if (r->facts->holdout_end[0] != '\0') put_int(c, "active_in_holdout", p->returners);
  put_int(aside, "first_purchase_after_observation_end", p->late);
  put_int(aside, "no_purchase_after_returns", p->cancelled);
  if (r->table != NULL) put_int(aside, "customer_table", r->table->set_aside);
  json_object_set_new(c, "set_aside", aside);
  return c;
}

static json_t *table_json(const clv_data_report *r) {
  json_t *t = json_object();
  put_int(t, "rows", r->table->rows);
  put_int(t, "accepted", r->table->accepted);
  json_object_set_new(t, "rejected", rejected_json(r->reject->table));
  put_int(t, "joined", r->table->joined);
  put_int(t, "not_in_table", r->table->unknown);
  put_int(t, "not_in_log", r->table->without_log);
  put_int(t, "missing_values", r->table->missing);
  return t;
}

static json_t *window_json(const clv_data_report *r) {
  json_t *w = json_object();
  char    text[CLV_TIME_TEXT_MAX];
  clv_time_print(r->log->first, false, text);
  put_text(w, "first_transaction", text);
  clv_time_print(r->log->last, false, text);
  put_text(w, "last_transaction", text);
  put_text(w, "observation_end", r->facts->observation_end);
  put_text(w, "holdout_end", r->facts->holdout_end);
  json_object_set_new(w, "holdout_length", json_real(r->facts->holdout_length));
  put_text(w, "time_unit", r->facts->time_unit);
  put_text(w, "merge_unit", r->facts->merge_unit);
  return w;
}

static json_t *purchases_json(const clv_data_report *r) {
  const clv_portfolio_tally *p = r->portfolio;
  json_t                    *j = json_object();
  put_int(j, "merged", p->history.purchases);
  put_int(j, "merged_in_holdout", p->history.holdout_purchases);
  put_int(j, "cancelled_by_returns", p->history.cancelled);
  put_int(j, "distinct_histories", p->cells);
  if (r->facts->has_spend) json_object_set_new(j, "total_amount", json_real(p->amount));
  if (r->facts->has_spend && r->facts->holdout_end[0] != '\0')
    json_object_set_new(j, "total_amount_in_holdout", json_real(p->holdout_amount));
  return j;
}

static json_t *policies_json(const clv_config *config) {
  json_t *j = json_object();
  put_text(j, "returns", policy_name(config->data.returns));
  put_text(j, "zero_amounts", policy_name(config->data.zero_amounts));
  put_text(j, "bad_rows", policy_name(config->data.bad_rows));
  put_text(j, "duplicates", policy_name(config->data.duplicates));
  put_int(j, "min_transactions", config->data.min_transactions);
  return j;
}

static json_t *report_json(const clv_data_report *r) {
  json_t  *all = json_object(), *list = json_array();
  warnings w = {.n = 0};
  warnings_fill(r, &w);
  for (size_t i = 0; i < w.n; i++) json_array_append_new(list, json_string(w.text[i]));
  put_int(all, "files", (int64_t)r->n_file);
  json_object_set_new(all, "rows", rows_json(r));
  json_object_set_new(all, "window", window_json(r));
  json_object_set_new(all, "customers", customers_json(r));
  json_object_set_new(all, "purchases", purchases_json(r));
  if (r->table != NULL) json_object_set_new(all, "customer_table", table_json(r));
  json_object_set_new(all, "policies", policies_json(r->config));
  json_object_set_new(all, "warnings", list);
  return all;
}

clv_status clv_data_report_write(const clv_data_report *self, const char *path) {
  clv_status st   = CLV_OK;
  json_t    *json = report_json(self);
  FILE      *to   = fopen(path, "wbe");
  int        rc   = to == NULL;
  if (to != NULL) {
    rc = json_dumpf(json, to, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0;
    rc |= fputc('\n', to) == EOF;
    rc |= fflush(to) | fsync(fileno(to));
    rc |= fclose(to);
  }
  if (rc != 0) st = clv_file_write_failed(path, errno);
  json_decref(json);
  return st;
}

void clv_data_report_print(const clv_data_report *r, FILE *to) {
  const clv_portfolio_tally *p = r->portfolio;
  warnings                   w = {.n = 0};
  warnings_fill(r, &w);
  fprintf(to, "%lld rows of %zu %s read, %lld used, %lld rejected\n", (long long)r->log->rows, r->n_file,
          r->n_file == 1 ? "file" : "files",
          (long long)(r->log->accepted - r->reject->log[CLV_REJECT_DUPLICATE]),
          (long long)(r->log->rows - r->log->accepted + r->reject->log[CLV_REJECT_DUPLICATE]));
  fprintf(to, "%lld customers with %lld purchases (merged by %s) until %s; %lld bought again\n",
          (long long)p->customers, (long long)p->history.purchases, r->facts->merge_unit,
          r->facts->observation_end, (long long)p->repeaters);
  if (r->facts->holdout_end[0] != '\0')
    fprintf(to, "%lld purchases by %lld customers in the holdout until %s\n",
            (long long)p->history.holdout_purchases, (long long)p->returners, r->facts->holdout_end);
  fprintf(to, "%lld distinct histories, times in units of a %s\n", (long long)p->cells, r->facts->time_unit);
  for (size_t i = 0; i < w.n; i++) fprintf(to, "warning: %s\n", w.text[i]);
}
