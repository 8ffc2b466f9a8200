/* The donors of Fader, Hardie & Shang 2010: the published log-likelihood of the BG/BB at the published
 * estimates, donor by donor and through the collapsed model; there the gradient vanishes; and portfolios that
 * the model is not made for are refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"

enum { MOST = 64 };

typedef struct donors {
  uint32_t x[MOST], count[MOST];
  double   t_x[MOST], T[MOST];
  size_t   n;
} donors;

/* x,t.x,n.cal,custs,x.star */
static int donors_read(const char *shared, donors *d) {
  char  path[4096], line[256];
  FILE *file;
  snprintf(path, sizeof path, "%s/data/donations_rf.csv", shared);
  file = fopen(path, "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL) return 0;
  while (d->n < MOST && fgets(line, sizeof line, file) != NULL) {
    char        *at = line;
    const size_t i  = d->n++;
    d->x[i]         = (uint32_t)strtoul(at, &at, 10);
    d->t_x[i]       = strtod(at + 1, &at);
    d->T[i]         = strtod(at + 1, &at);
    d->count[i]     = (uint32_t)strtoul(at + 1, &at, 10);
  }
  fclose(file);
  return d->n == 22;
}

static int check(const char *what, double got, double expected, double allowed) {
  if (fabs(got - expected) <= allowed) return 0;
  fprintf(stderr, "%s: %.12g, expected %.12g within %g\n", what, got, expected, allowed);
  return 1;
}

static clv_cells cells_of(const donors *d) {
  return (clv_cells){.blocks    = clv_blocks_of(d->n, 0, 1),
                     .x         = d->x,
                     .t_x       = d->t_x,
                     .T         = d->T,
                     .count     = d->count,
                     .n_segment = 1};
}

static clv_status collapsed(const clv_comm *comm, const clv_model *model, const double *phi, double *value) {
  clv_accumulator  *sums = NULL;
  double            sum[16];
  const clv_summand what = {model->self, model->ops->n_block(model->self), model->ops->n_sum(model->self),
                            model->ops->n_dim(model->self), model->ops->block};
  clv_status        st   = CLV_OK;
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums));
  CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
  *value = model->ops->log_likelihood(model->self, phi, sum);
out:
  clv_accumulator_free(&sums);
  return st;
}

static int published(const clv_comm *comm, const donors *d) {
  const double           theta[] = {1.203528, 0.749726, 0.656781, 2.783796};
  const double           u[] = {log(theta[0] / theta[1]), log(theta[0] + theta[1]), log(theta[2] / theta[3]),
                                log(theta[2] + theta[3])};
  const clv_process_ops *process = clv_process_find("bg_bb");
  const clv_cells        cells   = cells_of(d);
  clv_model              model   = {0};
  double                 each = 0.0, all = NAN, slope[4] = {0.0};
  int                    bad = 0;
  for (size_t i = 0; i < d->n; i++) {
    double by_theta[4];
    each += d->count[i] *
            process->gradient(theta, &(clv_customer){.x = d->x[i], .t_x = d->t_x[i], .T = d->T[i]}, by_theta);
    for (int k = 0; k < 4; k++) slope[k] += d->count[i] * by_theta[k];
  }
  bad |= clv_purchases_new("bg_bb", &(clv_purchase_data){comm, &cells, NULL}, &model) < 0;
  bad |= bad || collapsed(comm, &model, u, &all) < 0;
  bad |= check("BG/BB", each, -33225.58, 5e-3); /* published to two decimals */
  bad |= check("BG/BB, collapsed", all, each, 1e-11 * fabs(each));
  /* estimates are printed to six digits behind the point; the curvature is at most 1e4 */
  for (int k = 0; k < 4; k++) bad |= check("slope at the maximum", slope[k], 0.0, 0.5);
  clv_model_free(&model);
  return bad;
}

/* Each change to one donor's history breaks a rule of the model, which is said. */
static int refused(const clv_comm *comm, const donors *d) {
  static const struct {
    double      x, t_x, T;
    const char *says;
  } BROKEN[] = {{1, 1.5, 6, "whole numbers"},      {1, 1, 5.25, "whole numbers"},
                {1, 1, NAN, "whole numbers"},      {3, 2, 6, "at most one purchase"},
                {1, 7, 6, "at most one purchase"}, {1, 1, 1e6, "at most 100000 opportunities"}};
  int bad    = 0;
  for (size_t k = 0; k < sizeof BROKEN / sizeof *BROKEN; k++) {
    donors          other = *d;
    clv_model       model = {0};
    const clv_cells cells = cells_of(&other);
    clv_message_clear();
    other.x[9] = (uint32_t)BROKEN[k].x, other.t_x[9] = BROKEN[k].t_x, other.T[9] = BROKEN[k].T;
    if (clv_purchases_new("bg_bb", &(clv_purchase_data){comm, &cells, NULL}, &model) == CLV_EDATA &&
        strstr(clv_message(), BROKEN[k].says) != NULL)
      continue;
    fprintf(stderr, "x %g, t_x %g, T %g was not refused: %s\n", BROKEN[k].x, BROKEN[k].t_x, BROKEN[k].T,
            clv_message());
    bad = 1;
  }
  return bad;
}

int main(int argc, char **argv) {
  const char *shared = getenv("CLV_SHARED_DATA");
  clv_comm   *comm   = NULL;
  donors      d      = {.n = 0};
  int         bad    = 1;
  if (shared == NULL || shared[0] == '\0') {
    printf("skipped: CLV_SHARED_DATA names no folder with data/donations_rf.csv\n");
    return 77;
  }
  if (clv_comm_init(&argc, &argv) < 0) return 1;
  if (clv_comm_world(&comm) == CLV_OK && donors_read(shared, &d))
    bad = published(comm, &d) | refused(comm, &d);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return bad;
}
