#include "jobs/plan_estimate.h"

#include <math.h>

/* A reduction of some hundred bytes between nodes, per doubling of the ranks. It cannot be measured on one
 * machine; what a cluster's network of 10 to 100 Gbit/s takes. */
static const double REDUCE_SECONDS = 15e-6;

/* A distinct history as predict and as evaluate hold it. */
static const double PREDICT_HISTORY_BYTES = 64.0, EVALUATE_HISTORY_BYTES = 440.0;

enum { RANKS_MOST = 1 << 12 };
static const double SECONDS_ENOUGH = 300.0, GAIN_LEAST = 0.3, EXPONENT_LEAST = 0.05;

static const clv_rehearsed_shop *small_of(const clv_rehearsal *r) { return &r->shop[CLV_REHEARSAL_SMALL]; }
static const clv_rehearsed_shop *large_of(const clv_rehearsal *r) { return &r->shop[CLV_REHEARSAL_LARGE]; }
static const clv_rehearsed_shop *best_of(const clv_rehearsal *r) {
  return &r->shop[r->has_middle ? CLV_REHEARSAL_MIDDLE : CLV_REHEARSAL_SMALL];
}

/* ---- sizes ---- */

/* d ln(histories) / d ln(customers) falls as customers fill the histories there are: a straight line through
 * its values between the three shops, never below a floor. */
static double histories_at(const clv_rehearsal *r, double customers) {
  enum { PIECES = 64 };
  const clv_rehearsed_shop *s = r->shop;
  const int                 a = CLV_REHEARSAL_SMALL, b = CLV_REHEARSAL_MIDDLE, c = CLV_REHEARSAL_LARGE;
  const double              x[3]  = {log(s[a].customers), log(s[b].customers), log(s[c].customers)};
  double                    now   = log(s[c].histories);
  double                    early = (now - log(s[a].histories)) / (x[2] - x[0]), late = early, slope = 0.0;
  if (r->has_middle) {
    early = log(s[b].histories / s[a].histories) / (x[1] - x[0]);
    late  = log(s[c].histories / s[b].histories) / (x[2] - x[1]);
    slope = 2.0 * (late - early) / (x[2] - x[0]);
  }
  const double middle = r->has_middle ? 0.5 * (x[1] + x[2]) : x[2], step = (log(customers) - x[2]) / PIECES;
  for (int i = 0; i < PIECES; i++) {
    const double exponent = late + fmin(slope, 0.0) * (x[2] + (i + 0.5) * step - middle);
    now += step * fmin(1.0, fmax(exponent, EXPONENT_LEAST));
  }
  return fmin(exp(now), customers);
}

void clv_plan_size_complete(const clv_rehearsal *rehearsal, clv_plan_size *size) {
  const clv_rehearsed_shop *large       = large_of(rehearsal);
  const double              of_customer = large->transactions / large->customers;
  if (size->customers == 0.0) size->customers = fmax(1.0, round(size->transactions / of_customer));
  if (size->transactions == 0.0) size->transactions = round(size->customers * of_customer);
  if (size->histories == 0.0) size->histories = round(histories_at(rehearsal, size->customers));
}

/* ---- steps ---- */

/* Starting and ending: what the smallest shop's step waited for, beside what any child does. */
static double start_seconds(const clv_rehearsal *r) { return fmax(r->start.wall, r->start.cpu); }

static double work(const clv_rehearsal *r, const clv_rehearsed *step) {
  return fmax(0.0, step->cpu - r->start.cpu);
}

/* Straight through two shops, and on beyond them. */
static double between(const clv_rehearsal *r, const clv_rehearsed_shop *a, const clv_rehearsed *at_a,
                      const clv_rehearsed_shop *b, const clv_rehearsed *at_b, double customers) {
  const double slope = fmax(0.0, at_b->cpu - at_a->cpu) / (b->customers - a->customers);
  return fmax(0.0, work(r, at_b) + slope * (customers - b->customers));
}

/* predict: a fixed part (tables) and parts per distinct history and per customer, shared among the ranks. The
 * former grow ever more slowly: a line through the two shops that are nearest. */
static double predict_work(const clv_rehearsal *r, double customers) {
  const clv_rehearsed_shop *a = small_of(r), *b = best_of(r), *c = large_of(r);
  if (a == b) return work(r, &a->predict) * customers / a->customers;
  if (customers > b->customers && c->predict.cpu > 0.0)
    return between(r, b, &b->predict, c, &c->predict, customers);
  return between(r, a, &a->predict, b, &b->predict, customers);
}

/* evaluate goes over the same customers: between the shops a line, beyond them predict's law. */
static double evaluate_work(const clv_rehearsal *r, double customers) {
  const clv_rehearsed_shop *a = small_of(r), *b = best_of(r);
  if (a != b && customers < b->customers) return between(r, a, &a->evaluate, b, &b->evaluate, customers);
  return work(r, &b->evaluate) * predict_work(r, customers) / fmax(1e-3, work(r, &b->predict));
}

/* Memory that grows with a rank's customers. */
static double customers_bytes(const clv_rehearsal *r, const clv_rehearsed *small, const clv_rehearsed *large,
                              double customers) {
  const double slope =
      fmax(0.0, large->bytes - small->bytes) / (large_of(r)->customers - small_of(r)->customers);
  return small->bytes + slope * fmax(0.0, customers - small_of(r)->customers);
}

static clv_plan_step prepare_plan(const clv_rehearsal *r, const clv_plan_size *size, int ranks) {
  const clv_rehearsed_shop *large = large_of(r);
  return (clv_plan_step){
      .job     = "prepare",
      .seconds = start_seconds(r) + work(r, &large->prepare) * size->transactions / large->transactions /
                                        fmin(ranks, size->pieces),
      .bytes = customers_bytes(r, &small_of(r)->prepare, &large->prepare, size->customers / ranks)};
}

static double pass_at(const clv_rehearsal *r, double histories) {
  const clv_rehearsed_shop *a = small_of(r), *c = large_of(r);
  const double              slope = fmax(0.0, c->pass - a->pass) / (c->histories - a->histories);
  return c->pass + slope * fmax(0.0, histories - c->histories) - slope * fmax(0.0, c->histories - histories);
}

/* What the configured draws would take on the best shop. The first draws of a warm-up have longer
 * trajectories than any that follow: they are counted once, and the rest of it like draws that are kept. */
static double draws_work(const clv_config *config, const clv_rehearsal *r) {
  const clv_rehearsed_shop *best = best_of(r);
  const double              warm = fmax(0.0, best->fit_warm.cpu - best->fit_idle.cpu);
  const double drawn = fmax(0.0, best->fit.cpu - best->fit_warm.cpu) / fmax(1.0, r->num_samples - 1);
  return warm +
         drawn * fmax(0.0, (double)config->sampler.num_warmup - r->num_warmup + config->sampler.num_samples);
}

/* What draws cost at a pass of so many seconds, beside the best shop's: not all of a draw is a gradient, so a
 * line through the best and the large shop, where that made as many. */
static double draws_growth(const clv_rehearsal *r, double pass) {
  const clv_rehearsed_shop *best = best_of(r), *large = large_of(r);
  const double              here = best->fit.cpu - best->fit_idle.cpu;
  if (large->predict.cpu <= 0.0 || pass <= best->pass || large->pass <= best->pass || here <= 0.0)
    return pass / best->pass;
  const double more = fmax(0.0, large->fit.cpu - best->fit.cpu) / (large->pass - best->pass);
  return fmin(pass / best->pass, 1.0 + more * (pass - best->pass) / here);
}

/* A rehearsed fit's draws scale with the cost of a gradient, its beginning does not. The passes are shared
 * among all ranks; more ranks than chains reduce once a round, and a round has a point of every chain. */
static clv_plan_step fit_plan(const clv_config *config, const clv_rehearsal *r, const clv_plan_size *size,
                              double pass, int ranks) {
  const clv_rehearsed_shop *best  = best_of(r);
  const double              cost  = pass > 0.0 ? pass : pass_at(r, size->histories);
  const double              round = draws_work(config, r) / best->pass; /* were all chains in all of them */
  const double              all   = work(r, &best->fit_idle) + draws_work(config, r) * draws_growth(r, cost);
  const double reduce = ranks <= config->sampler.num_chains ? 0.0 : REDUCE_SECONDS * ceil(log2(ranks));
  return (clv_plan_step){
      .job     = "fit",
      .seconds = start_seconds(r) + all / ranks + round * reduce,
      .bytes   = customers_bytes(r, &small_of(r)->fit, &large_of(r)->fit, size->customers / ranks)};
}

/* By one rank, from the draws alone: a fixed part, and one that grows with them. */
static clv_plan_step diagnose_plan(const clv_config *config, const clv_rehearsal *r) {
  const clv_rehearsed *some = &best_of(r)->diagnose, *idle = &best_of(r)->diagnose_idle;
  const double         scale = (double)config->sampler.num_samples / r->num_samples;
  return (clv_plan_step){
      .job     = "diagnose",
      .seconds = start_seconds(r) + work(r, idle) + fmax(0.0, some->cpu - idle->cpu) * scale,
      .bytes   = some->bytes + fmax(0.0, some->bytes - idle->bytes) * (scale - 1.0)};
}

/* Customers are streamed: only the distinct histories grow. */
static clv_plan_step stream_plan(const clv_rehearsal *r, const clv_plan_size *size, int ranks,
                                 bool evaluates) {
  const clv_rehearsed *best = evaluates ? &best_of(r)->evaluate : &best_of(r)->predict;
  const double         all = evaluates ? evaluate_work(r, size->customers) : predict_work(r, size->customers);
  const double         more = fmax(0.0, size->histories / ranks - best_of(r)->histories);
  return (clv_plan_step){
      .job     = evaluates ? "evaluate" : "predict",
      .seconds = start_seconds(r) + all / ranks,
      .bytes   = best->bytes + (evaluates ? EVALUATE_HISTORY_BYTES : PREDICT_HISTORY_BYTES) * more};
}

static double disk_plan(const clv_rehearsal *r, const clv_plan_size *size) {
  const clv_rehearsed_shop *a = small_of(r), *b = best_of(r);
  const double slope = r->has_middle ? (b->run_bytes - a->run_bytes) / (b->customers - a->customers)
                                     : a->run_bytes / a->customers;
  return fmax(0.0, b->run_bytes + slope * (size->customers - b->customers));
}

void clv_plan_estimate(const clv_config *config, const clv_rehearsal *rehearsal, const clv_plan_size *size,
                       double pass, int ranks, clv_plan *out) {
  clv_plan plan            = {.ranks = ranks};
  plan.step[plan.n_step++] = prepare_plan(rehearsal, size, ranks);
  plan.step[plan.n_step++] = fit_plan(config, rehearsal, size, pass, ranks);
  plan.step[plan.n_step++] = diagnose_plan(config, rehearsal);
  plan.step[plan.n_step++] = stream_plan(rehearsal, size, ranks, false);
  if (config->data.holdout_end != NULL) plan.step[plan.n_step++] = stream_plan(rehearsal, size, ranks, true);
  for (size_t i = 0; i < plan.n_step; i++) {
    plan.seconds += plan.step[i].seconds;
    plan.bytes = fmax(plan.bytes, plan.step[i].bytes);
  }
  plan.disk_bytes = disk_plan(rehearsal, size);
  *out            = plan;
}

int clv_plan_ranks(const clv_config *config, const clv_rehearsal *rehearsal, const clv_plan_size *size,
                   double pass, double bytes_most) {
  clv_plan now, next;
  clv_plan_estimate(config, rehearsal, size, pass, 1, &now);
  while (now.ranks < RANKS_MOST) {
    clv_plan_estimate(config, rehearsal, size, pass, 2 * now.ranks, &next);
    const bool is_tight = now.bytes > bytes_most && next.bytes < now.bytes;
    const bool pays     = now.seconds > SECONDS_ENOUGH && next.seconds < (1.0 - GAIN_LEAST) * now.seconds;
    if (!is_tight && !pays) break;
    now = next;
  }
  return now.ranks;
}
