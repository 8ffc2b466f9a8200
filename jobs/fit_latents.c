#include "jobs/fit_latents.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/files.h"
#include "io/predictions.h"

enum { FIGURES = 4, COLUMNS = FIGURES * CLV_LATENT_MOST, WORST = 10, WIDTH = CLV_LATENT_BLOCK };
static const char *const FIGURE[FIGURES] = {"mean", "sd", "rhat", "ess"};

/* One of the worst: by R-hat. Eight-byte pieces. */
typedef struct sufferer {
  uint64_t customer, value;
  double   rhat, ess;
} sufferer;

/* What is known of one value over all customers. */
typedef struct overview {
  double  rhat, least_ess; /* worst R-hat; NaN is not counted */
  int64_t n_high;          /* customers with an R-hat above the limit */
} overview;

typedef struct latents {
  const clv_fit_sampler *sampler; /* borrowed */
  const clv_config      *config;  /* borrowed */
  const clv_comm        *world;   /* borrowed */
  clv_blocks             blocks;
  size_t                 n_latent, n_column;
  char                   name[COLUMNS][CLV_NAME_MAX];
  char                  *h5_path, *json_path; /* owned */
  clv_predictions       *table;               /* owned until committed */
  clv_latent_result     *result;              /* owned, [n_latent][WIDTH] */
  double                *row;                 /* owned, [WIDTH][n_column] */
  sufferer               worst[WORST + 1];
  size_t                 n_worst;
  overview               seen[CLV_LATENT_MOST];
} latents;

static void worst_keep(latents *l, const sufferer *one) {
  size_t at = l->n_worst;
  while (at > 0 && l->worst[at - 1].rhat < one->rhat) l->worst[at] = l->worst[at - 1], at--;
  l->worst[at] = *one;
  if (l->n_worst < WORST) l->n_worst++;
}

static void block_look(latents *l, uint64_t first, size_t n) {
  const double limit = l->config->diagnostics.max_rhat;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < l->n_latent; k++) {
      const clv_latent_result *r  = &l->result[k * WIDTH + i];
      double                  *to = l->row + i * l->n_column + k * FIGURES;
      to[0] = r->mean, to[1] = r->sd, to[2] = r->r_hat, to[3] = r->ess;
      if (!(r->r_hat > 0.0)) continue;
      worst_keep(l, &(sufferer){first + i, k, r->r_hat, r->ess});
      l->seen[k].rhat      = fmax(l->seen[k].rhat, r->r_hat);
      l->seen[k].least_ess = fmin(l->seen[k].least_ess, r->ess);
      l->seen[k].n_high += r->r_hat > limit;
    }
}

/* Every rank takes part in as many puts as the one with most blocks has. */
static clv_status blocks_write(latents *l) {
  const uint64_t mine   = l->blocks.last_block - l->blocks.first_block;
  int64_t        rounds = (int64_t)mine;
  clv_status     st     = CLV_OK;
  clv_comm_max_i64(l->world, &rounds, 1);
  for (uint64_t b = 0; b < (uint64_t)rounds; b++) {
    const uint64_t first = b < mine ? l->blocks.first + b * WIDTH : l->blocks.last;
    const uint64_t n     = l->blocks.last - first < WIDTH ? l->blocks.last - first : WIDTH;
    if (n > 0) {
      clv_latent_sampler_result(l->sampler->latent, (size_t)b, l->result);
      block_look(l, first, (size_t)n);
    }
    CLV_TRY(clv_predictions_put(l->table, first, n, NULL, NULL, l->row));
  }
out:
  return st;
}

static clv_status table_create(latents *l) {
  const clv_model             hyper     = l->sampler->place->fit.model;
  const clv_latent_model_ops *ops       = l->sampler->place->fit.latent;
  const clv_text_attribute    attribute = {"model", l->sampler->place->fit.name};
  const char                 *column[COLUMNS];
  for (size_t k = 0; k < l->n_column; k++) {
    snprintf(l->name[k], sizeof l->name[k], "%.50s_%s", ops->latent_name(hyper.self, k / FIGURES),
             FIGURE[k % FIGURES]);
    column[k] = l->name[k];
  }
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(l->sampler->place->portfolio);
  const clv_predictions_plan plan  = {.h5_path     = l->h5_path,
                                      .n_customer  = facts->n_customer,
                                      .n_column    = l->n_column,
                                      .column      = column,
                                      .portfolio   = facts->content,
                                      .n_attribute = 1,
                                      .attribute   = &attribute};
  return clv_predictions_create(l->world, &plan, &l->table);
}

/* The worst of all ranks, on every rank; and the overview. */
static clv_status worst_gather(latents *l) {
  sufferer  *all   = NULL;
  size_t     bytes = 0;
  clv_status st =
      clv_comm_allgatherv(l->world, l->worst, l->n_worst * sizeof *l->worst, (void **)&all, &bytes, NULL);
  CLV_TRY(st);
  l->n_worst = 0;
  for (size_t i = 0; i < bytes / sizeof *all; i++) worst_keep(l, &all[i]);
  for (size_t k = 0; k < l->n_latent; k++) {
    clv_comm_max_f64(l->world, &l->seen[k].rhat, 1);
    clv_comm_min_f64(l->world, &l->seen[k].least_ess, 1);
    clv_comm_sum_i64(l->world, &l->seen[k].n_high, 1);
  }
out:
  free(all);
  return st;
}

/* JSON knows no infinity: there are no customers with a figure. */
static json_t *number_or_null(double x) { return isfinite(x) && x > 0.0 ? json_real(x) : json_null(); }

static clv_status worst_list(latents *l, json_t *list) {
  const clv_latent_model_ops *ops  = l->sampler->place->fit.latent;
  const void                 *self = l->sampler->place->fit.model.self;
  const bool                  root = clv_comm_rank(l->world) == 0;
  clv_status                  st   = CLV_OK;
  for (size_t i = 0; i < l->n_worst; i++) {
    const sufferer *w      = &l->worst[i];
    char           *id     = NULL;
    uint64_t       *offset = NULL;
    st = clv_portfolio_read_ids(l->sampler->place->portfolio, w->customer, root ? 1 : 0, &id, &offset);
    if (st == CLV_OK && root)
      json_array_append_new(
          list, json_pack("{s:o, s:s, s:f, s:o}", "customer_id",
                          json_stringn(id, (size_t)(offset[1] - offset[0])), "value",
                          ops->latent_name(self, w->value), "rhat", w->rhat, "ess", number_or_null(w->ess)));
    free(id);
    free(offset);
    if (st < 0) break;
  }
  return st;
}

static clv_status json_write(latents *l, long n_draw) {
  const clv_latent_model_ops *ops    = l->sampler->place->fit.latent;
  const void                 *self   = l->sampler->place->fit.model.self;
  json_t                     *values = json_object(), *list = json_array();
  char                       *text = NULL;
  clv_status                  st   = CLV_OK;
  for (size_t k = 0; k < l->n_latent; k++)
    json_object_set_new(values, ops->latent_name(self, k),
                        json_pack("{s:o, s:o, s:I}", "worst_rhat", number_or_null(l->seen[k].rhat),
                                  "least_ess", number_or_null(l->seen[k].least_ess),
                                  "customers_above_max_rhat", (json_int_t)l->seen[k].n_high));
  st           = worst_list(l, list);
  json_t *root = json_pack("{s:s, s:I, s:I, s:f, s:o, s:o}", "model", l->sampler->place->fit.name,
                           "customers", (json_int_t)l->blocks.n, "draws", (json_int_t)n_draw, "max_rhat",
                           l->config->diagnostics.max_rhat, "values", values, "worst", list);
  if (st == CLV_OK && clv_comm_rank(l->world) == 0) {
    text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    st   = text == NULL ? clv_fail(CLV_ENOMEM, "no memory for '%s'", l->json_path)
                        : clv_file_write(l->json_path, text, strlen(text));
  }
  free(text);
  json_decref(root);
  return clv_comm_agree(l->world, st);
}

static clv_status latents_begin(latents *l) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_config_run_path(l->config, "latents.h5", &l->h5_path));
  CLV_TRY(clv_config_run_path(l->config, "latents.json", &l->json_path));
  CLV_TRY(clv_calloc(l->n_latent * WIDTH, sizeof *l->result, (void **)&l->result));
  CLV_TRY(clv_calloc(l->n_column * WIDTH, sizeof *l->row, (void **)&l->row));
  for (size_t k = 0; k < l->n_latent; k++) l->seen[k] = (overview){-INFINITY, INFINITY, 0};
out:
  return st;
}

clv_status clv_fit_latents_write(const clv_fit_sampler *sampler, const clv_config *config, long n_draw) {
  const clv_latent_model_ops *ops  = sampler->place->fit.latent;
  const void                 *self = sampler->place->fit.model.self;
  latents                    *l    = NULL;
  clv_status                  st   = clv_calloc(1, sizeof *l, (void **)&l);
  CLV_TRY(clv_comm_agree(clv_topology_world(sampler->place->topology), st));
  *l = (latents){.sampler = sampler, .config = config, .world = clv_topology_world(sampler->place->topology)};
  l->blocks   = ops->blocks(self);
  l->n_latent = ops->n_latent(self);
  l->n_column = FIGURES * l->n_latent;
  CLV_TRY(clv_comm_agree(l->world, latents_begin(l)));
  CLV_TRY(table_create(l));
  CLV_TRY(clv_predictions_commit(&l->table, blocks_write(l)));
  CLV_TRY(worst_gather(l));
  CLV_TRY(json_write(l, n_draw));
out:
  if (l != NULL) free(l->h5_path), free(l->json_path), free(l->result), free(l->row);
  free(l);
  return st;
}
