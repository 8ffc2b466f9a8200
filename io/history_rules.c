#include "io/history_rules.h"

#include <stdio.h>
#include <string.h>

#include "io/time_format.h"

/* A date of the configuration: ISO 8601, or as the log writes its times. */
static clv_status date_read(const clv_config *config, const char *key, const char *text, int64_t *micros,
                            bool *has_clock) {
  clv_status       st  = CLV_OK;
  clv_time_format *iso = NULL, *own = NULL;
  const size_t     n = strlen(text);
  CLV_TRY(clv_time_format_new(NULL, &iso));
  CLV_TRY(clv_time_format_new(config->data.time_format, &own));
  if (clv_time_format_parse(iso, text, n, micros, has_clock) != CLV_TIME_READ &&
      clv_time_format_parse(own, text, n, micros, has_clock) != CLV_TIME_READ)
    st = clv_fail(CLV_EUSAGE, "%s: '%.80s' is not a date; write it as 1997-09-30 or as data.time_format says",
                  key, text);
out:
  clv_time_format_free(&iso);
  clv_time_format_free(&own);
  return st;
}

/* The end of a window: a date includes its whole day, a time of day only itself. */
typedef struct window {
  int64_t last; /* the latest time inside */
  int64_t end;  /* what ages are counted to */
  char    text[CLV_TIME_TEXT_MAX];
} window;

static clv_status window_read(const clv_config *config, const char *key, const char *text, window *w) {
  clv_status st        = CLV_OK;
  bool       has_clock = false;
  int64_t    micros    = 0;
  CLV_TRY(date_read(config, key, text, &micros, &has_clock));
  if (!has_clock) {
    const int64_t midnight = micros + CLV_MICROS_PER_DAY;
    w->last                = midnight - 1;
    w->end                 = config->data.merge_unit == CLV_MERGE_INSTANT
                                 ? midnight
                                 : clv_history_floor(config->data.merge_unit, micros);
  } else {
    w->last = micros;
    w->end  = clv_history_floor(config->data.merge_unit, micros);
  }
  clv_time_print(micros, !has_clock, w->text);
out:
  return st;
}

static void window_default(const clv_config *config, int64_t last, window *w) {
  const bool is_instant = config->data.merge_unit == CLV_MERGE_INSTANT;
  w->last               = last;
  w->end                = clv_history_floor(config->data.merge_unit, last);
  clv_time_print(last, !is_instant, w->text);
}

static void facts_fill(const clv_config *config, const clv_history_rules *rules, const window *w,
                       clv_portfolio_facts *facts) {
  snprintf(facts->time_unit, sizeof facts->time_unit, "%s", clv_time_unit_name(config->data.time_unit));
  snprintf(facts->merge_unit, sizeof facts->merge_unit, "%s", clv_merge_unit_name(config->data.merge_unit));
  snprintf(facts->observation_end, sizeof facts->observation_end, "%s", w[0].text);
  snprintf(facts->holdout_end, sizeof facts->holdout_end, "%s",
           config->data.holdout_end == NULL ? "" : w[1].text);
  facts->holdout_length = clv_history_between(rules, rules->end, rules->holdout_end);
  facts->has_spend      = rules->has_spend;
}

/* Months and years are not of one length: whoever merges by them and counts in them means those of the
 * calendar. */
static int unit_months(const clv_config *config) {
  if (config->data.merge_unit != CLV_MERGE_MONTH && config->data.merge_unit != CLV_MERGE_YEAR) return 0;
  return config->data.time_unit == CLV_MONTH ? 1 : config->data.time_unit == CLV_YEAR ? 12 : 0;
}

clv_status clv_history_rules_make(const clv_config *config, int64_t last, clv_history_rules *rules,
                                  clv_portfolio_facts *facts) {
  clv_status  st = CLV_OK;
  window      w[2];
  const char *end = config->data.observation_end, *holdout = config->data.holdout_end;
  if (end != NULL)
    CLV_TRY(window_read(config, "data.observation_end", end, &w[0]));
  else
    window_default(config, last, &w[0]);
  w[1] = w[0];
  if (holdout != NULL) {
    CLV_TRY(window_read(config, "data.holdout_end", holdout, &w[1]));
    if (w[1].last <= w[0].last)
      CLV_TRY(clv_fail(CLV_EUSAGE, "data.holdout_end (%s) must be later than data.observation_end (%s%s)",
                       w[1].text, w[0].text, end == NULL ? ", the last date in the log" : ""));
  }
  *rules = (clv_history_rules){
      .merge_unit   = config->data.merge_unit,
      .unit_micros  = clv_time_unit_days(config->data.time_unit) * (double)CLV_MICROS_PER_DAY,
      .unit_months  = unit_months(config),
      .last         = w[0].last,
      .end          = w[0].end,
      .holdout_last = w[1].last,
      .holdout_end  = w[1].end,
      .returns      = config->data.returns,
      .zero_amounts = config->data.zero_amounts,
      .has_spend    = config->data.amount != NULL};
  facts_fill(config, rules, w, facts);
out:
  return st;
}
