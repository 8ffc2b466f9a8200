#include "jobs/warm_start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/sampler/metric.h"

/* A fifth of the warm-up, as the start is near and the metric known; never so short that the step size could
 * not settle, never longer than asked for. */
enum { SHARE = 5, WARMUP_FEWEST = 100 };

static int warm_length(int num_warmup) {
  const int wanted = num_warmup / SHARE > WARMUP_FEWEST ? num_warmup / SHARE : WARMUP_FEWEST;
  return wanted < num_warmup ? wanted : num_warmup;
}

/* What a full warm-up would take, if its draws cost what the earlier run's did. */
static double cold_gradients(const clv_trace_start *from, double draws) {
  const double before = from->num_warmup * (double)from->n_chain;
  return before > 0.0 ? from->warmup_gradients / before * draws : 0.0;
}

/* A run directory stands for its trace. By rank 0; the others never open it. */
static clv_status path_name(const char *run, char **out) {
  struct stat facts;
  const bool  is_folder = stat(run, &facts) == 0 && S_ISDIR(facts.st_mode);
  if (asprintf(out, "%s%s", run, is_folder ? "/trace.nc" : "") >= 0) return CLV_OK;
  *out = NULL;
  return clv_fail(CLV_ENOMEM, "no memory for a path");
}

static clv_status attribute_check(const clv_fit_run *f, const char *path, const char *name,
                                  const char *mine) {
  char      *theirs = NULL;
  clv_status st     = clv_trace_attribute_read(f->world, path, name, &theirs);
  if (st == CLV_OK && strcmp(theirs, mine) != 0)
    st = clv_fail(CLV_EDATA, "'%.400s' is of another model: its %s are '%.200s', here '%.200s'", path, name,
                  theirs, mine);
  free(theirs);
  return st;
}

static clv_status fitness_check(const clv_fit_run *f, const clv_warm_start *w, const char *model,
                                const char *variables) {
  const size_t n_dim = f->place.fit.model.ops->n_dim(f->place.fit.model.self);
  clv_status   st;
  if (f->place.fit.latent != NULL)
    return clv_fail(CLV_EDATA, "a trace holds no customers' own positions (model.integrate: none)");
  CLV_TRY(attribute_check(f, w->path, "model", model));
  CLV_TRY(attribute_check(f, w->path, "variables", variables));
  if (w->from.n_dim != n_dim || w->from.diagonal == clv_metric_is_dense(n_dim))
    st = clv_fail(CLV_EDATA, "'%.400s' has %zu coordinates, this model has %zu", w->path, w->from.n_dim,
                  n_dim);
out:
  return st;
}

clv_status clv_warm_start_find(clv_fit_run *f, const char *model, const char *variables,
                               clv_warm_start *out) {
  char           line[CLV_MESSAGE_MAX + 256];
  clv_warm_start self = {0};
  clv_status     st   = CLV_OK;
  *out                = (clv_warm_start){0};
  if (f->config->sampler.warm_start == NULL) return CLV_OK;
  CLV_TRY(clv_comm_agree(f->world, path_name(f->config->sampler.warm_start, &self.path)));
  st = clv_trace_start_read(f->world, self.path, &self.from);
  if (st == CLV_OK) st = fitness_check(f, &self, model, variables);
  if (st != CLV_OK && st != CLV_EDATA) goto out;
  self.is_usable = st == CLV_OK;
  if (self.is_usable) {
    f->num_warmup = warm_length(f->config->sampler.num_warmup);
    f->cold_gradients =
        cold_gradients(&self.from, f->config->sampler.num_warmup * (double)f->config->sampler.num_chains);
    snprintf(line, sizeof line, "warm start from '%.400s': a warm-up of %d draws a chain instead of %d",
             self.path, f->num_warmup, f->config->sampler.num_warmup);
  } else {
    snprintf(line, sizeof line, "no warm start: %s; the warm-up is the full one of %d draws", clv_message(),
             f->num_warmup);
    clv_message_clear();
    st = CLV_OK;
  }
  clv_fit_say(f, line);
  *out = self, self = (clv_warm_start){0};
out:
  clv_warm_start_free(&self);
  return st;
}

clv_status clv_warm_start_apply(const clv_warm_start *self, clv_fit_sampler *sampler) {
  const clv_sampler_start start = {.n_chain    = (int)self->from.n_chain,
                                   .phi        = self->from.phi,
                                   .step_size  = self->from.step_size,
                                   .inv_metric = self->from.inv_metric};
  return self->is_usable ? clv_sampler_begin_at(sampler->collapsed, &start) : CLV_OK;
}

void clv_warm_start_free(clv_warm_start *self) {
  clv_trace_start_free(&self->from);
  free(self->path);
  *self = (clv_warm_start){0};
}
