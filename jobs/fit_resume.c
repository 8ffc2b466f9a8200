#include "jobs/fit_resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/shards.h"

clv_status clv_fit_save(clv_fit_run *f) {
  clv_checkpoint now   = {.n_warmup   = f->n_warmup,
                          .n_draw     = f->n_draw,
                          .num_warmup = (uint64_t)f->num_warmup,
                          .config     = f->matters,
                          .done       = f->is_finished};
  const double   begin = clv_clock();
  clv_status     st    = CLV_OK;
  snprintf(now.data, sizeof now.data, "%s", clv_portfolio_facts_get(f->place.portfolio)->content);
  if (f->trace != NULL) CLV_TRY(clv_trace_sync(f->trace));
  clv_comm_broadcast(f->world, &f->generation, sizeof f->generation, 0);
  CLV_TRY(clv_fit_sampler_save(&f->sampler, now.done ? NULL : f->checkpoint_folder, f->generation + 1,
                               &now.state, &now.n_state));
  if (clv_comm_rank(f->world) == 0) st = clv_checkpoint_write(f->checkpoint_folder, &now, &f->generation);
  if (clv_comm_rank(f->world) == 0 && now.done) clv_shards_remove(f->checkpoint_folder);
  CLV_TRY(clv_comm_agree(f->world, st));
  f->saved_at = clv_clock();
  f->save_seconds += f->saved_at - begin;
  f->n_save++;
out:
  free(now.state);
  return st;
}

static bool has_draws(const clv_checkpoint *found) { return found->n_warmup + found->n_draw > 0; }

/* True where it was made of the same data, configuration and version; else why not. */
static bool is_same(const clv_fit_run *f, const clv_checkpoint *found, char *why, size_t size) {
  char key[64];
  if (strcmp(found->data, clv_portfolio_facts_get(f->place.portfolio)->content) != 0) {
    snprintf(why, size, "a fit of other data; use the data it began with");
    return false;
  }
  if (!clv_checkpoint_differs(found->config, f->matters, key)) return true;
  if (strcmp(key, "version") == 0)
    snprintf(why, size, "a fit by another version of clv (its version differs); use that one");
  else
    snprintf(why, size, "a fit with another %s; set it back", key);
  return false;
}

static clv_status refuse(const clv_fit_run *f, const char *state, const char *why) {
  return clv_fail(CLV_EUSAGE, "'%s' holds %s%s to go on, or start over with --fresh", f->checkpoint_folder,
                  state, why);
}

/* A checkpoint of nothing is nothing to lose. */
static clv_status unfinished_check(const clv_fit_run *f, const clv_checkpoint *found, bool *use) {
  char why[192];
  *use = is_same(f, found, why, sizeof why);
  if (!*use && has_draws(found)) return refuse(f, "unfinished draws: ", why);
  if (*use && found->n_draw > f->n_planned)
    return clv_fail(
        CLV_EUSAGE,
        "'%s' already holds %llu draws a chain of an unfinished fit, more than sampler.num_samples %zu: "
        "set it back to go on, or start over with --fresh",
        f->checkpoint_folder, (unsigned long long)found->n_draw, f->n_planned);
  return CLV_OK;
}

static clv_status finished_check(const clv_fit_run *f, const clv_fit_options *options,
                                 const clv_checkpoint *found, bool *use) {
  char why[192];
  *use = is_same(f, found, why, sizeof why);
  if (!*use && options->until > 0) return refuse(f, "", why);
  if (*use && options->until > 0 && f->place.fit.latent != NULL)
    return clv_fail(
        CLV_EUSAGE,
        "a finished fit with model.integrate: none cannot be gone on with, for customers' own positions are "
        "not kept; set sampler.num_samples and run clv fit anew");
  *use = *use && f->place.fit.latent == NULL && (options->until > 0 || f->n_planned > found->n_draw);
  return CLV_OK;
}

clv_status clv_fit_find(clv_fit_run *f, const clv_fit_options *options, clv_checkpoint **out) {
  clv_checkpoint *found = NULL;
  char            fallback[256];
  bool            use = false;
  clv_status      st  = CLV_OK;
  *out                = NULL;
  f->n_planned        = options->until > 0 ? options->until : (size_t)f->config->sampler.num_samples;
  CLV_TRY(clv_checkpoint_read(f->world, f->checkpoint_folder, &found, &f->generation, fallback));
  if (fallback[0] != '\0') clv_fit_say(f, fallback);
  if (found == NULL || options->is_fresh) goto out;
  if (found->done && options->until > 0 && found->n_draw > f->n_planned) f->n_planned = (size_t)found->n_draw;
  CLV_TRY(found->done ? finished_check(f, options, found, &use) : unfinished_check(f, found, &use));
  if (use) *out = found, found = NULL;
out:
  clv_checkpoint_free(&found);
  return st;
}

clv_status clv_fit_remember(clv_fit_run *f) {
  clv_draws *draws = NULL;
  clv_status st    = CLV_OK;
  CLV_TRY(clv_draws_read(f->world, f->trace_path, false, &draws));
  for (size_t c = 0; f->history != NULL && c < draws->n_chain; c++)
    memcpy(f->history + c * f->n_planned * f->n_value, draws->value + c * draws->n_draw * f->n_value,
           (draws->n_draw < f->n_draw ? draws->n_draw : f->n_draw) * f->n_value * sizeof *f->history);
  for (size_t i = 0; i < draws->n_chain * draws->n_draw; i++) f->n_diverging += draws->stat[i].diverging != 0;
out:
  clv_draws_free(&draws);
  return st;
}
