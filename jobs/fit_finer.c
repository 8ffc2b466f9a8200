#include "jobs/fit_finer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sampler/target.h"

enum { POINTS_MOST = 16 };
static const double CHANGE_MOST = 0.1; /* of a log density: past it conclusions change */

clv_status clv_finer_keep(clv_finer *self, const clv_model *model, size_t n_chain, size_t n_draw,
                          const double *phi) {
  const size_t dim = model->ops->n_dim(model->self), n = n_chain < POINTS_MOST ? n_chain : POINTS_MOST;
  clv_status   st = CLV_OK;
  if (model->ops->refined == NULL || n_draw == 0) return CLV_OK;
  CLV_TRY(clv_realloc(n * dim, sizeof *self->phi, (void **)&self->phi));
  self->n_point = n, self->dim = dim;
  for (size_t c = 0; c < n; c++)
    memcpy(self->phi + c * dim, phi + ((c + 1) * n_draw - 1) * dim, dim * sizeof *phi);
out:
  return st;
}

static clv_status densities(const clv_finer *self, const clv_comm *shards, const clv_model *model,
                            double *log_density) {
  clv_target *target   = NULL;
  double     *gradient = NULL;
  clv_status  st       = clv_alloc(self->n_point, self->dim * sizeof *gradient, (void **)&gradient);
  if (st == CLV_OK) st = clv_target_new(shards, model, self->n_point, &target);
  CLV_TRY(clv_comm_agree(shards, st));
  CLV_TRY(clv_target_evaluate(target, self->n_point, self->phi, log_density, gradient));
out:
  clv_target_free(&target);
  free(gradient);
  return st;
}

typedef struct finding {
  bool   is_any; /* points were kept, and something is approximated */
  double change, log_density;
} finding;

static clv_status change_find(const clv_finer *self, const clv_comm *shards, const clv_model *model,
                              finding *out) {
  clv_model  finer = {0};
  double     coarse[POINTS_MOST], fine[POINTS_MOST];
  clv_status st = CLV_OK;
  *out          = (finding){.change = NAN, .log_density = NAN};
  if (self->n_point == 0) return CLV_OK;
  CLV_TRY(clv_comm_agree(shards, model->ops->refined(model->self, &finer)));
  if (finer.ops == NULL) goto out;
  out->is_any = true;
  CLV_TRY(densities(self, shards, model, coarse));
  CLV_TRY(densities(self, shards, &finer, fine));
  for (size_t i = 0; i < self->n_point; i++) {
    const double here = fabs(fine[i] - coarse[i]);
    if (!(here <= out->change)) out->change = here, out->log_density = coarse[i];
  }
out:
  if (finer.ops != NULL) clv_model_free(&finer);
  return st;
}

clv_status clv_finer_say(const clv_finer *self, const clv_fit_place *place, bool speaks) {
  finding    found;
  clv_status st = CLV_OK;
  CLV_TRY(change_find(self, clv_topology_shards(place->topology), &place->fit.model, &found));
  if (found.is_any && speaks)
    fprintf(
        stderr,
        "fit: half the grid's step changes the log density by %.2g of %.7g, the most at %zu posterior "
        "draws%s\n",
        found.change, found.log_density, self->n_point,
        found.change < CHANGE_MOST ? "" : ": the integrals over customers are not exact enough to rely on");
out:
  return st;
}

void clv_finer_free(clv_finer *self) {
  free(self->phi);
  *self = (clv_finer){0};
}
