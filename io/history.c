#include "io/history.h"

#include <math.h>

#include "io/time_format.h"

int64_t clv_history_floor(clv_merge_unit unit, int64_t micros) {
  switch (unit) {
    case CLV_MERGE_DAY:
      return clv_time_day_floor(micros);
    case CLV_MERGE_WEEK:
      return clv_time_week_floor(micros);
    case CLV_MERGE_MONTH:
      return clv_time_month_floor(micros);
    case CLV_MERGE_YEAR:
      return clv_time_year_floor(micros);
    default:
      return micros;
  }
}

double clv_history_between(const clv_history_rules *rules, int64_t from, int64_t to) {
  if (rules->unit_months == 0) return (double)(to - from) / rules->unit_micros;
  return (double)(clv_time_months(to) - clv_time_months(from)) / (double)rules->unit_months;
}

/* The C library picks its log by CPU, so bits could differ between machines. Here: x = m 2^e with m in
 * [sqrt(1/2), sqrt(2)), log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172; the series ends below 2^-60
 * relative. ln 2 is in two parts, the first with enough zero bits that e times it is exact. */
double clv_history_log(double x) {
  const double high = 0x1.62e42fefa3800p-1, low = 0x1.ef35793c76730p-45;
  int          e;
  double       m = frexp(x, &e), s, z, sum = 0.0;
  if (m < M_SQRT1_2) {
    m *= 2.0;
    e--;
  }
  s = (m - 1.0) / (m + 1.0);
  z = s * s;
  for (int k = 23; k >= 3; k -= 2) sum = z * (1.0 / k + sum);
  return e * high + (2.0 * s + (2.0 * s * sum + e * low));
}

/* Purchases of one merge unit and one window. */
typedef struct merged {
  int64_t time;
  double  amount;
  size_t  rows;
  bool    has_return, has_zero;
} merged;

/* One customer, while his purchases pass. */
typedef struct state {
  int64_t first, latest; /* merged times */
  size_t  n, n_holdout;
  double  amount, repeat_amount, holdout_amount, litt;
  size_t  n_spend; /* repeat purchases of a positive amount, their sum, mean log and squared deviations */
  double  positive_amount, log_spend, log_spend_ss;
} state;

/* Whether what is left of a merge unit is a purchase: under `net`, one whose returns took all is not. */
static bool is_purchase(const clv_history_rules *rules, const merged *m) {
  if (!rules->has_spend) return true;
  if (m->has_return && rules->returns == CLV_NET) return m->amount > 0.0;
  if (m->has_zero && rules->zero_amounts == CLV_NET) return m->amount != 0.0;
  return true;
}

/* Welford's update: nothing cancels where all amounts are alike. */
static void state_spend(state *s, double amount) {
  if (!(amount > 0.0)) return;
  const double log_amount = clv_history_log(amount), off = log_amount - s->log_spend;
  s->n_spend++;
  s->positive_amount += amount;
  s->log_spend += off / (double)s->n_spend;
  s->log_spend_ss += off * (log_amount - s->log_spend);
}

static void state_observe(state *s, const clv_history_rules *rules, const merged *m) {
  if (s->n == 0) {
    s->first = m->time;
  } else {
    s->repeat_amount += m->amount;
    state_spend(s, m->amount);
    s->litt += clv_history_log(clv_history_between(rules, s->latest, m->time));
  }
  s->amount += m->amount;
  s->latest = m->time;
  s->n++;
}

/* Merge from `i` on; the next group's begin is returned. */
static size_t group_take(const clv_history_rules *rules, const clv_purchase *p, size_t i, size_t n,
                         merged *m) {
  const int64_t limit = p[i].time <= rules->last ? rules->last : rules->holdout_last;
  *m                  = (merged){.time = clv_history_floor(rules->merge_unit, p[i].time)};
  for (; i < n && p[i].time <= limit && clv_history_floor(rules->merge_unit, p[i].time) == m->time; i++) {
    m->amount += p[i].amount;
    m->has_return |= p[i].amount < 0.0;
    m->has_zero |= p[i].amount == 0.0;
    m->rows++;
  }
  return i;
}

static void history_fill(const clv_history_rules *rules, const state *s, clv_history *out) {
  *out = (clv_history){.x             = (uint32_t)(s->n - 1),
                       .holdout_x     = (uint32_t)s->n_holdout,
                       .t_x           = clv_history_between(rules, s->first, s->latest),
                       .T             = clv_history_between(rules, s->first, rules->end),
                       .litt          = s->litt,
                       .n_spend       = (uint32_t)s->n_spend,
                       .log_spend     = s->log_spend,
                       .log_spend_ss  = s->log_spend_ss,
                       .holdout_spend = s->holdout_amount,
                       .amount        = s->amount};
  if (s->n > 1) out->spend = s->repeat_amount / (double)(s->n - 1);
  if (s->n_spend > 0) out->positive_spend = s->positive_amount / (double)s->n_spend;
}

clv_history_kind clv_history_make(const clv_history_rules *rules, const clv_purchase *purchase, size_t n,
                                  clv_history *out, clv_history_tally *tally) {
  state s            = {0};
  bool  has_observed = false;
  for (size_t i = 0; i < n;) {
    const bool is_observed = purchase[i].time <= rules->last;
    merged     m;
    if (purchase[i].time > rules->holdout_last) {
      tally->rows_after += (int64_t)(n - i);
      break;
    }
    has_observed |= is_observed;
    i = group_take(rules, purchase, i, n, &m);
    *(is_observed ? &tally->rows_observed : &tally->rows_holdout) += (int64_t)m.rows;
    if (!is_purchase(rules, &m)) {
      tally->cancelled++;
      tally->cancelled_rows += (int64_t)m.rows;
    } else if (is_observed) {
      state_observe(&s, rules, &m);
    } else {
      s.n_holdout++;
      s.holdout_amount += m.amount;
    }
  }
  if (s.n == 0) return has_observed ? CLV_HISTORY_CANCELLED : CLV_HISTORY_LATE;
  tally->purchases += (int64_t)s.n;
  tally->holdout_purchases += (int64_t)s.n_holdout;
  history_fill(rules, &s, out);
  return CLV_HISTORY_MADE;
}
