#include "engine/models/hierarchy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/numerics/pinned.h"

enum { MOST = CLV_SEGMENT_PARAMETER_MAX, DRAW_TRIES = 10000 };

typedef struct slot {
  clv_prior   prior;
  const char *reason;
} slot;

typedef struct hierarchy {
  clv_likelihood         likelihood; /* owned */
  const clv_coordinates *coordinates;
  char                   name[CLV_NAME_MAX];
  slot                   slot[MOST];
  clv_prior middle[MOST]; /* the default normals: where chains start, whatever the user's priors are */
  unsigned  named;        /* bit i: slot i is on the natural parameter */
} hierarchy;

void clv_likelihood_free(clv_likelihood *likelihood) {
  if (likelihood->ops != NULL && likelihood->ops->free != NULL) likelihood->ops->free(likelihood->self);
  likelihood->ops  = NULL;
  likelihood->self = NULL;
}

static size_t hierarchy_n_dim(const void *self) {
  const hierarchy *h = self;
  return h->coordinates->n * h->likelihood.n_segment;
}

static size_t hierarchy_n_sum(const void *self) {
  const hierarchy *h = self;
  return h->likelihood.ops->n_term * h->likelihood.n_segment;
}

static size_t hierarchy_n_block(const void *self) {
  const hierarchy *h = self;
  return h->likelihood.ops->n_block(h->likelihood.self);
}

/* Chains in groups, so that the natural parameters of many segments stay on the stack. */
static void hierarchy_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const hierarchy *h = self;
  const size_t     n = h->coordinates->n, n_segment = h->likelihood.n_segment;
  enum { ROOM = 4096 };
  double       theta[ROOM];
  const size_t width = n * n_segment, most = width < ROOM ? ROOM / width : 1;
  CLV_CHECK(width <= ROOM);
  for (size_t first = 0; first < n_chain; first += most) {
    const size_t count = n_chain - first < most ? n_chain - first : most;
    for (size_t i = 0; i < count * n_segment; i++)
      h->coordinates->natural(phi + first * width + i * n, theta + i * n, NULL);
    h->likelihood.ops->block(h->likelihood.self, block, count, theta, sum + first * hierarchy_n_sum(self));
  }
}

/* log prior of one segment in u, and its gradient added to `gradient`. */
static double segment_prior(const hierarchy *h, const double *u, const double *theta, const double *jacobian,
                            double *gradient) {
  const size_t n = h->coordinates->n;
  double       extra[MOST], total = h->coordinates->log_determinant(h->named, u, extra);
  for (size_t i = 0; i < n; i++) {
    double     d;
    const bool natural = (h->named >> i & 1u) != 0;
    total += clv_prior_log_density(&h->slot[i].prior, natural ? theta[i] : u[i], &d);
    gradient[i] += extra[i];
    if (!natural) {
      gradient[i] += d;
      continue;
    }
    total += clv_log(theta[i]); /* density of log theta */
    for (size_t j = 0; j < n; j++) gradient[j] += (d * theta[i] + 1.0) * jacobian[i * n + j];
  }
  return total;
}

static void hierarchy_finish(const void *self, const double *phi, const double *sum, double *log_density,
                             double *gradient) {
  const hierarchy *h = self;
  const size_t     n = h->coordinates->n, n_term = h->likelihood.ops->n_term;
  *log_density = 0.0;
  for (size_t g = 0; g < h->likelihood.n_segment; g++) {
    double        theta[MOST], jacobian[MOST * MOST], by_theta[MOST];
    const double *u = phi + g * n;
    double       *d = gradient + g * n;
    h->coordinates->natural(u, theta, jacobian);
    *log_density += h->likelihood.ops->finish(h->likelihood.self, g, theta, sum + g * n_term, by_theta);
    for (size_t j = 0; j < n; j++) {
      d[j] = 0.0;
      for (size_t i = 0; i < n; i++) d[j] += by_theta[i] * theta[i] * jacobian[i * n + j];
    }
    *log_density += segment_prior(h, u, theta, jacobian, d);
  }
  /* where parameters overflow nothing is known, least of all that the density is boundless */
  if (*log_density == INFINITY) *log_density = NAN;
}

static double hierarchy_log_likelihood(const void *self, const double *phi, const double *sum) {
  const hierarchy *h     = self;
  double           total = 0.0;
  for (size_t g = 0; g < h->likelihood.n_segment; g++) {
    double theta[MOST], ignored[MOST];
    h->coordinates->natural(phi + g * h->coordinates->n, theta, NULL);
    total +=
        h->likelihood.ops->finish(h->likelihood.self, g, theta, sum + g * h->likelihood.ops->n_term, ignored);
  }
  return total;
}

static size_t hierarchy_n_variable(const void *self) {
  const hierarchy *h = self;
  return h->coordinates->n;
}

static void hierarchy_variable(const void *self, size_t i, clv_variable *out) {
  const hierarchy *h = self;
  *out               = (clv_variable){.length = h->likelihood.n_segment};
  snprintf(out->name, sizeof out->name, "%s", h->coordinates->parameter[i]);
  if (h->likelihood.n_segment > 1) snprintf(out->dimension, sizeof out->dimension, "segment");
}

static void hierarchy_constrain(const void *self, const double *phi, double *value) {
  const hierarchy *h = self;
  const size_t     n = h->coordinates->n, n_segment = h->likelihood.n_segment;
  for (size_t g = 0; g < n_segment; g++) {
    double theta[MOST];
    h->coordinates->natural(phi + g * n, theta, NULL);
    for (size_t i = 0; i < n; i++) value[i * n_segment + g] = theta[i];
  }
}

static void hierarchy_prior_draw(const void *self, clv_rng *rng, double *phi) {
  const hierarchy *h = self;
  const size_t     n = h->coordinates->n;
  for (size_t g = 0; g < h->likelihood.n_segment; g++) {
    bool found = false;
    for (int t = 0; t < DRAW_TRIES && !found; t++) {
      double value[MOST];
      found = true;
      for (size_t i = 0; i < n; i++) {
        value[i] = clv_prior_draw(&h->slot[i].prior, rng);
        if ((h->named >> i & 1u) == 0) continue;
        found    = found && value[i] > 0.0;
        value[i] = clv_log(value[i]);
      }
      found = found && h->coordinates->from_slots(h->named, value, phi + g * n);
    }
    if (!found) /* a prior with next to no mass where the model lives */
      for (size_t i = 0; i < n; i++) phi[g * n + i] = NAN;
  }
}

/* Near the middle of the default priors, spread over chains: far enough apart for R-hat to mean something. */
static void hierarchy_start(const void *self, clv_rng *rng, double *phi) {
  const hierarchy *h = self;
  const size_t     n = h->coordinates->n;
  for (size_t g = 0; g < h->likelihood.n_segment; g++)
    for (size_t i = 0; i < n; i++) {
      const double *normal = h->middle[i].argument;
      phi[g * n + i]       = normal[0] + normal[1] * (2.0 * clv_rng_uniform(rng) - 1.0);
    }
}

static int hierarchy_prior_line(const void *self, size_t i, char *line, size_t size) {
  const hierarchy *h = self;
  char             density[96];
  if (i >= h->coordinates->n) return 0;
  const bool named = (h->named >> i & 1u) != 0;
  clv_prior_print(&h->slot[i].prior, density, sizeof density);
  snprintf(line, size, "%s ~ %s: %s", named ? h->coordinates->parameter[i] : h->coordinates->coordinate[i],
           density, named ? "from the configuration" : h->slot[i].reason);
  return 1;
}

static void hierarchy_free(void *self) {
  hierarchy *h = self;
  if (h == NULL) return;
  clv_likelihood_free(&h->likelihood);
  free(h);
}

static const clv_model_ops HIERARCHY = {
    .abi            = CLV_MODEL_ABI,
    .name           = "hierarchy",
    .n_dim          = hierarchy_n_dim,
    .n_sum          = hierarchy_n_sum,
    .n_block        = hierarchy_n_block,
    .block          = hierarchy_block,
    .finish         = hierarchy_finish,
    .n_variable     = hierarchy_n_variable,
    .variable       = hierarchy_variable,
    .constrain      = hierarchy_constrain,
    .start          = hierarchy_start,
    .prior_draw     = hierarchy_prior_draw,
    .prior_line     = hierarchy_prior_line,
    .log_likelihood = hierarchy_log_likelihood,
    .free           = hierarchy_free,
};

static clv_status slots_fill(hierarchy *h, const clv_hierarchy_plan *plan) {
  clv_status st = CLV_OK;
  for (size_t i = 0; i < plan->coordinates->n; i++) {
    h->slot[i]   = (slot){.prior = plan->slot[i].prior, .reason = plan->slot[i].reason};
    h->middle[i] = plan->slot[i].prior;
  }
  for (size_t k = 0; plan->priors != NULL && k < plan->priors->n; k++)
    for (size_t i = 0; i < plan->coordinates->n; i++) {
      const clv_prior_text *text = &plan->priors->item[k];
      if (strcmp(text->name, plan->coordinates->parameter[i]) != 0) continue;
      CLV_TRY(clv_prior_parse(text->name, text->text, &h->slot[i].prior));
      h->named |= 1u << i;
    }
out:
  return st;
}

clv_status clv_hierarchy_new(clv_likelihood *likelihood, const clv_hierarchy_plan *plan, clv_model *out) {
  hierarchy *h  = NULL;
  clv_status st = CLV_OK;
  CLV_CHECK(plan->coordinates->n <= MOST && likelihood->ops->n_parameter == plan->coordinates->n);
  CLV_TRY(clv_calloc(1, sizeof *h, (void **)&h));
  h->coordinates = plan->coordinates;
  snprintf(h->name, sizeof h->name, "%s", plan->name);
  CLV_TRY(slots_fill(h, plan));
  h->likelihood = *likelihood;
  *likelihood   = (clv_likelihood){0};
  *out          = (clv_model){.ops = &HIERARCHY, .self = h};
  h             = NULL;
out:
  hierarchy_free(h);
  return st;
}
