#include "jobs/fit_draws.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sampler/metric.h"
#include "jobs/fit_latents.h"
#include "jobs/fit_resume.h"
#include "jobs/stop.h"

static const double AMID_LEG_SECONDS = 1.0; /* checkpoints closer than this wait for the end of a leg */
static const double LEG_SECONDS      = 1.5; /* groups of ranks meet after a leg only: keep it short */

/* ---- what the user sees ---- */

static void ess_look(clv_fit_run *f) {
  clv_fit_ess_look(&f->ess, f->history, (size_t)f->config->sampler.num_chains, f->n_planned, f->n_value,
                   f->n_draw);
}

static bool checkpoint_is_due(const clv_fit_run *f, double at_least) {
  return clv_clock() - f->saved_at >= fmax(f->config->sampler.checkpoint_every, at_least);
}

/* A stop here means no more than: come together. Whether to end, to tell or to save is then agreed on. */
static bool round_watch(void *context, const clv_sampler_progress *at) {
  clv_fit_run   *f      = context;
  const long     groups = clv_topology_n_group(f->place.topology); /* this group's draws stand for all */
  const uint64_t before = at->warmup ? 0 : (uint64_t)f->num_warmup * (uint64_t)f->config->sampler.num_chains;
  f->seen =
      (clv_fit_seen){.done  = before + (uint64_t)(at->draws * groups),
                     .facts = {.divergences = f->n_diverging + (at->warmup ? 0 : (uint64_t)at->divergences),
                               .step_size   = at->step_size,
                               .ess         = f->ess.least,
                               .is_sampling = !at->warmup}};
  clv_progress_update(f->progress, f->seen.done, &f->seen.facts);
  f->is_asked = clv_stop_status_asked() || f->is_asked;
  return clv_stop_wanted() || f->is_asked || checkpoint_is_due(f, AMID_LEG_SECONDS);
}

/* ---- legs ---- */

static void leg_translate(clv_fit_run *f, const clv_latent_leg *made) {
  const clv_model *model = &f->place.fit.model;
  const clv_leg   *leg   = &made->leg;
  const size_t     more  = f->n_row - f->n_value; /* kept customers' */
  for (size_t c = 0; c < (size_t)leg->n_chain; c++)
    for (size_t d = 0; d < (size_t)leg->n_draw; d++) {
      const size_t         row   = c * (size_t)leg->n_draw + d;
      const clv_draw_stat *from  = &leg->stat[row];
      double              *value = f->value + row * f->n_row;
      model->ops->constrain(model->self, leg->phi + row * leg->dim, value);
      if (more > 0) memcpy(value + f->n_value, made->kept + row * more, more * sizeof *value);
      f->stat[row] = (clv_trace_stat){.lp                    = from->lp,
                                      .energy                = from->energy,
                                      .energy_error          = from->energy_error,
                                      .acceptance_rate       = from->acceptance_rate,
                                      .step_size             = from->step_size,
                                      .tree_depth            = from->tree_depth,
                                      .n_steps               = from->n_steps,
                                      .diverging             = from->diverging,
                                      .reached_max_treedepth = from->reached_max_treedepth};
      if (leg->warmup || f->history == NULL) continue;
      memcpy(f->history + (c * f->n_planned + f->n_draw + d) * f->n_value, value, f->n_value * sizeof *value);
    }
}

static clv_status tuning_write(clv_fit_run *f, size_t dim) {
  const size_t width      = clv_metric_is_dense(dim) ? dim * dim : dim;
  double      *inv_metric = NULL, step_size;
  clv_status   st         = clv_alloc(width, sizeof *inv_metric, (void **)&inv_metric);
  CLV_TRY(clv_comm_agree(f->world, st));
  clv_fit_sampler_tuning(&f->sampler, &step_size, inv_metric);
  CLV_TRY(clv_trace_tuning(f->trace, step_size, inv_metric));
out:
  free(inv_metric);
  return st;
}

/* Where the chains are: a later run may begin there. */
static clv_status position_write(clv_fit_run *f, const clv_leg *leg) {
  for (size_t c = 0; c < (size_t)leg->n_chain; c++)
    memcpy(f->last_phi + c * leg->dim, leg->phi + ((c + 1) * (size_t)leg->n_draw - 1) * leg->dim,
           leg->dim * sizeof *f->last_phi);
  return clv_trace_position(f->trace, f->last_phi, clv_fit_sampler_warmup_gradients(&f->sampler));
}

static void saved_say(const clv_fit_run *f) {
  const double took = clv_fit_sampler_warmup_gradients(&f->sampler);
  char         line[160];
  if (f->cold_gradients <= 0.0) return;
  snprintf(line, sizeof line,
           "the warm start's warm-up took %.0f gradients instead of about %.0f: %.0f %% of them saved", took,
           f->cold_gradients, 100.0 * (1.0 - took / f->cold_gradients));
  clv_fit_say(f, line);
}

static clv_status leg_commit(clv_fit_run *f, const clv_latent_leg *made) {
  const clv_leg *leg              = &made->leg;
  const bool     is_first_sampled = !leg->warmup && leg->first == 0;
  clv_status     st               = CLV_OK;
  leg_translate(f, made);
  if (!leg->warmup || f->config->sampler.save_warmup)
    CLV_TRY(clv_trace_append(f->trace, leg->warmup, (size_t)leg->n_draw, f->value, f->stat));
  *(leg->warmup ? &f->n_warmup : &f->n_draw) += (size_t)leg->n_draw;
  if (is_first_sampled) CLV_TRY(tuning_write(f, leg->dim));
  if (is_first_sampled) saved_say(f);
  if (!leg->warmup) CLV_TRY(position_write(f, leg));
  if (!leg->warmup)
    CLV_TRY(
        clv_finer_keep(&f->finer, &f->place.fit.model, (size_t)leg->n_chain, (size_t)leg->n_draw, leg->phi));
out:
  return st;
}

/* What any rank wants; a clock and a signal are one rank's. Collective. */
typedef struct wishes {
  bool stop, tell, save;
} wishes;

static wishes wishes_meet(const clv_fit_run *f) {
  int64_t any[3] = {clv_stop_wanted(), f->is_asked, checkpoint_is_due(f, 0.0)};
  clv_comm_max_i64(f->world, any, 3);
  return (wishes){.stop = any[0] != 0, .tell = any[1] != 0, .save = any[2] != 0};
}

static clv_status wishes_grant(clv_fit_run *f) {
  const wishes wish = wishes_meet(f);
  clv_status   st   = CLV_OK;
  if (wish.tell) {
    f->ess.at = 0.0; /* not the one of some seconds ago */
    ess_look(f);
    f->seen.facts.ess = f->ess.least;
    clv_progress_tell(f->progress, f->seen.done, &f->seen.facts);
    f->is_asked = false;
  }
  if (wish.stop || wish.tell || wish.save) CLV_TRY(clv_fit_save(f));
  if (!wish.stop) goto out;
  clv_message_clear();
  st = clv_fail(CLV_EINTERRUPT,
                "interrupted after %zu of %zu draws a chain; the state is saved, run the same command again "
                "to go on",
                f->n_draw, f->n_planned);
out:
  return st;
}

/* The slowest rank's time decides: every rank must ask for the same draws. Collective. */
static void leg_fit(clv_fit_run *f, double seconds, int n_draw) {
  int64_t nanoseconds = (int64_t)(1e9 * seconds / n_draw);
  clv_comm_max_i64(f->world, &nanoseconds, 1);
  const double draws = LEG_SECONDS / (1e-9 * (double)nanoseconds + 1e-9);
  f->leg_draws       = draws < 1.0 ? 1 : draws > CLV_FIT_LEG_DRAWS ? CLV_FIT_LEG_DRAWS : (int)draws;
}

/* The sampler knows no model's name. */
static void model_name(const clv_fit_run *f) {
  char text[CLV_MESSAGE_MAX];
  snprintf(text, sizeof text, "model %s: %.1800s", f->place.fit.name, clv_message());
  clv_message_set(text);
}

clv_status clv_fit_draws_make(clv_fit_run *f) {
  const clv_sampler_watch watch = {.context = f, .round = round_watch};
  clv_latent_leg          leg;
  clv_status              st = CLV_OK;
  f->leg_draws               = CLV_FIT_LEG_DRAWS / 10;
  double begin               = clv_clock();
  for (;;) {
    st = clv_fit_sampler_run(&f->sampler, f->leg_draws, &watch, &leg);
    if (st == CLV_EINTERRUPT) {
      CLV_TRY(wishes_grant(f));
      continue;
    }
    if (st == CLV_EUSAGE) model_name(f);
    CLV_TRY(st);
    if (leg.leg.n_draw == 0) break;
    leg_fit(f, clv_clock() - begin, leg.leg.n_draw);
    begin = clv_clock();
    CLV_TRY(leg_commit(f, &leg));
    ess_look(f);
    CLV_TRY(wishes_grant(f));
  }
  if (f->sampler.latent != NULL)
    CLV_TRY(clv_fit_latents_write(&f->sampler, f->config,
                                  (long)f->config->sampler.num_chains * (long)f->n_planned));
  f->is_finished = true;
  CLV_TRY(clv_fit_save(f));
out:
  return st;
}
